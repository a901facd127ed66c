"""Sessions made by hand, for what is excused and what is not."""

from collections.abc import Iterable

from pairs.excuses import Played
from pairs.servers.base import State
from pairs.talk import End, Record, Turn

Said = tuple[str, str]  # a command, and its answer; none where the connection ended

LOGIN: list[Said] = [("", "+OK ready"), ("USER anna", "+OK and the password?"), ("PASS secret", "+OK logged in")]
QUIT: Said = ("QUIT", "+OK bye")


def played(turns: Iterable[Said], *, end: End = "done", removed: Iterable[str] = ()) -> Played:
    """A session in which these were said."""
    told = [Turn(_octets(said), _octets(got), whole=bool(got)) for said, got in turns]
    record = Record(told, b"".join(turn.said for turn in told), end=end)
    return Played(record, State(frozenset(removed), ((b"USER anna", b"PASS secret"),), left=False, open=False))


def _octets(words: str) -> bytes:
    return words.replace("\n", "\r\n").encode() + b"\r\n" if words else b""
