"""Who makes life hard for a small session: crowds of clients and a server, each in a process of its own.

A peer opens three ways: the small session's, with a server and a client that nobody else uses; the crowd's
(`crowd.py`, served by `bench.wan.mailboxes`); and one to a server that floods (`flood.py`). What delays the small
session is then the peer itself, or the two or more processors that all of them share.
"""
