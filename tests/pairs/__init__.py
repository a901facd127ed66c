"""The first rule, judged: what a server and a client can do over a plain TLS tunnel, they can do through popover.

Odd servers (`servers/`) and odd clients (`clients/`) meet through a plain relay (`tunnel.py`) and through popover
(`stage.py`); `compare.py` says what may differ. `python -m pairs` plays any of them by hand.
"""
