"""Routing: where a login leads. Each table has one verb, `find(query) -> found | not found | failed`.

tables.py   all tables of a gateway: load, reload, ask by name; finder.py: one service's, with routes for sessions
held.py     one table in force: names.py (dry: rules and keys), cache.py, kinds.py (which room is whose)
answers.py  what is asked and answered
static.py, popmap.py (posix.py, vanessa.py: Perdition's files), sql.py, ldap.py, http.py, chain.py   the kinds
rested.py   servers that could not be reached of late; refusals.py   how long they take to say no
threads.py, idle.py, trusting.py, secret.py   what those that are asked have in common
"""

from popover.routing.tables import Tables

__all__ = ["Tables"]
