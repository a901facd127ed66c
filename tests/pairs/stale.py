"""STAT, LIST and UIDL that were answered before new mail came: of a server that lets it come within a session
(docs/speed.md, "What is still worse").
"""

import re
from collections import Counter
from dataclasses import replace

from pairs.features import has
from pairs.rewrites import verb_of
from pairs.servers.base import Pop3
from pairs.servers.locks import MailsArrive
from pairs.talk import Record, Turn

_ASKED_AHEAD = (b"STAT", b"LIST", b"UIDL")
_STAT = re.compile(rb"(\+OK )(\d+) (\d+)(\D*)")
_ROW = re.compile(rb"\d+ (?:%d|n\d+)\r?" % len(MailsArrive.new))


def refreshed(direct: Record, through: Record, server: type[Pop3], features: str) -> Record:
    """Popover's session with the tunnel's answer wherever its own is the same but for mails that came too late for it.

    All else is compared as ever. So late are the mails of RETRs that the client has had in this connection since it
    was last told all, by the same question.
    """
    if not issubclass(server, MailsArrive) or not has(features, "ask_ahead"):
        return through
    turns, came = list(through.turns), Counter[bytes]()
    for number, (ours, theirs) in enumerate(zip(direct.turns, through.turns, strict=False)):
        verb = verb_of(ours.said)
        if ours.said != theirs.said:
            break
        if not verb:
            came.clear()
        elif verb == b"RETR" and ours.got[:3] == b"+OK":
            came.update(_ASKED_AHEAD)
        elif ours.said.split() in ([b"STAT"], [b"LIST"], [b"UIDL"]):  # whole lists
            if ours.got == theirs.got:
                came[verb] = 0
            elif 0 < _late(verb, ours, theirs) <= came[verb]:
                turns[number] = replace(theirs, got=ours.got)
    return replace(through, turns=turns)


def _late(verb: bytes, ours: Turn, theirs: Turn) -> int:
    """How many new mails are all that an answer lacks; 0 where it differs otherwise."""
    if not ours.whole or not theirs.whole:
        return 0
    if verb == b"STAT":
        direct, through = _STAT.fullmatch(ours.got), _STAT.fullmatch(theirs.got)
        if direct is None or through is None or direct[1] + direct[4] != through[1] + through[4]:
            return 0
        late = int(direct[2]) - int(through[2])
        return late if int(direct[3]) - int(through[3]) == late * len(MailsArrive.new) else 0
    *rows, dot, rest = ours.got.split(b"\n")
    *fewer, last, nothing = theirs.got.split(b"\n")
    late = len(rows) - len(fewer)
    is_less = rows[: len(fewer)] == fewer and (last, nothing) == (dot, rest)
    return late if is_less and all(map(_ROW.fullmatch, rows[len(fewer) :])) else 0
