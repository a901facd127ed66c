"""IMAP, SMTP and ManageSieve by chance: servers and clients of odd manners, through the tunnel and through popover.

odd.py     a server's connections, and what all odd servers share
imap.py    IMAP: its server, its clients
smtp.py    SMTP: likewise
sieve.py   ManageSieve: likewise
client.py  a script, and what its client lives through
case.py    both of a seed; compare.py: what may not differ between two sessions
duel.py    both ways compared; python -m pairs.wild.duel --minutes 10
"""
