"""Mails of devices that the server could not take when they came (`queue = "when-down"`).

disk.py      the calls to the system by which a file is made to last
sheet.py     a mail that is being written down
store.py     the directory: what lies there, what is added, changed and taken away
kept.py      one mail that waits: its envelope, its tries
lock.py      one attempt at a time for each account, in all processes
rounds.py    which mail is due, and what becomes of it
sender.py    one attempt
keeping.py   what a device's session asks of all this
post.py      all of it, for a gateway; opened.py: imports it for one that needs it
"""
