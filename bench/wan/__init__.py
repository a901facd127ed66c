"""popover and its peers over a long line: how long people wait for their mail. `python -m bench.wan`.

    a mail program (poplib) --> a peer --> link.py: round trip and bandwidth --> mailboxes.py

Loopback has no distance, so link.py is put between: it carries octets as a line of a given length and width
would, TCP's own handshake included. The mail program waits for each answer, as nearly all do.
"""
