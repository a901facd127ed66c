"""popover and its peers side by side: `make bench`, or `python -m bench --quick`.

    clients.py --plain--> a peer --TLS--> server.py

The clients and the server live in processes of their own (apart.py), so a peer's processor time is its own.
All peers are measured in one run, round by round in turn: what disturbs the machine disturbs them alike, and
the ratios between them hold where the figures themselves do not.

A new peer is a class in peers/, named in peers/__init__.py. A new measurement is a module with a
`measure(field) -> Findings`, named in measures.py. No figure ends the run: a missed target is printed.
"""
