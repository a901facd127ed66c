"""How a connection ends: a QUIT that popover answers itself, and what has come by then that answers nothing."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from pairs.features import has
from pairs.rewrites import verb_of
from pairs.servers.base import Pop3
from pairs.servers.ends import Ends
from pairs.talk import Record, Turn


class _Ended(NamedTuple):
    """One connection, both ways. `till`: the tunnel's turn behind its last; `said`: what its client said last; `ours`,
    `theirs`: what came, and answers nothing. `is_last`: no other comes.
    """

    till: int
    said: bytes
    ours: bytes
    theirs: bytes
    is_last: bool


def quits_early(direct: Record, theirs: Turn, features: str, number: int | None = None) -> bool:
    """Whether this is popover's own +OK to a QUIT that has nothing to commit. `number`: of a turn before the last."""
    if verb_of(theirs.said) != b"QUIT" or not has(features, "quit_at_once") or theirs.got[:3] != b"+OK":
        return False
    deletions = 0
    for turn in direct.turns[:number]:
        verb = verb_of(turn.said)
        deletions = 0 if verb == b"RSET" or not verb else deletions + (verb == b"DELE" and turn.got[:3] == b"+OK")
    return not deletions


def goes_early(direct: Record, through: Record, features: str) -> bool:
    """Likewise, of a client that is one answer behind."""
    return any(_goes_early(direct, ended, features) for ended in _connections(direct, through))


def rests_alike(direct: Record, through: Record, features: str) -> bool:
    """Whether so much came at the end of each connection as may have: of one that a client that is answers behind
    closes, to come again, it has what had come by then.
    """
    return len(direct.rests) == len(through.rests) and all(
        ended.ours == ended.theirs or _goes_early(direct, ended, features) or _is_closed_meanwhile(ended)
        for ended in _connections(direct, through)
    )


def without_ours(direct: Record, through: Record, server: type[Pop3], features: str) -> Record:
    """Popover's session without its own +OK to QUIT behind what a client that is answers behind has not read, where the
    server ends without one.
    """
    if not issubclass(server, Ends) or server.at != b"QUIT":
        return through
    rests = list(through.rests)
    for number, ended in enumerate(_connections(direct, through)):
        before = ended.theirs.removesuffix(_OURS)
        if ended.ours == before != ended.theirs and _goes_early(direct, ended._replace(ours=before + _OURS), features):
            rests[number] = before
    return replace(through, rests=rests)


_OURS = b"+OK\r\n"


def _connections(direct: Record, through: Record) -> Iterator[_Ended]:
    sides = [zip(_ends(record), record.rests, strict=False) for record in (direct, through)]
    for (till, ours), (end, theirs) in zip(*sides, strict=False):
        yield _Ended(till, through.turns[end - 1].said, ours, theirs, is_last=till == len(direct.turns))


def _ends(record: Record) -> list[int]:
    """The turns behind the last of each connection."""
    return [number for number, turn in enumerate(record.turns) if number and not turn.said] + [len(record.turns)]


def _goes_early(direct: Record, ended: _Ended, features: str) -> bool:
    ours, theirs = (rest.splitlines(keepends=True) for rest in (ended.ours, ended.theirs))
    last = Turn(ended.said, theirs[-1] if theirs else b"")
    return ours[:-1] == theirs[:-1] and quits_early(direct, last, features, ended.till)


def _is_closed_meanwhile(ended: _Ended) -> bool:
    is_closed = not ended.is_last and verb_of(ended.said) != b"QUIT"
    return is_closed and (ended.ours.startswith(ended.theirs) or ended.theirs.startswith(ended.ours))
