"""How the dry floor talks: ends, wants, and reading a line.

A conversation is a generator. Where it stands is its state; it works on `End`s and yields a *want*,
`More`, when it cannot go on by itself. `outside.converse` serves the wants of all dialects. So each
conversation is tested without a socket, with its bytes arriving one at a time.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

T = TypeVar("T")


class End:
    """One side of a session as the dry code sees it.

    `name`: what to call it in words for people, e.g. the server's host name.
    `inbox`: bytes that came and were not taken yet. `outbox`: bytes to be sent.
    `ended`: nothing more will come into the inbox.
    """

    __slots__ = ("ended", "inbox", "name", "outbox")

    def __init__(self, name: str) -> None:
        self.name = name
        self.inbox = bytearray()
        self.outbox = bytearray()
        self.ended = False


@dataclass(frozen=True, slots=True)
class More:
    """Send what is in the outboxes, then wait until `end`'s inbox has grown or it has ended."""

    end: End


Talk: TypeAlias = Generator[More, None, T]


class Broken(Exception):  # noqa: N818 - it names a state of the talk; dialects translate it into a Failure
    """The other side did not keep to the rules: `what` says how, as the end of a sentence about it."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def take_line(inbox: bytearray, limit: int | None = None) -> bytes:
    """Take the first line off what has come, its line end (LF) included; empty: none ends within `limit` octets."""
    cut = inbox.find(b"\n", 0, limit) + 1
    line = bytes(inbox[:cut])
    del inbox[:cut]
    return line


def read_line(end: End, limit: int) -> Talk[bytes]:
    """Take one line off `end`'s inbox, its line end included.

    A line ends at LF, so that the CRLF of the standards and the bare LF of old programs both do; a
    bare CR ends nothing. `limit` counts octets with the line end. Raises Broken for a line that is
    longer and for an end that ends inside one.
    """
    seen = 0
    while end.inbox.find(b"\n", seen, limit) < 0:
        seen = len(end.inbox)
        if seen >= limit:
            raise Broken(f"sent a line of more than {limit:,} octets")
        if end.ended:
            raise Broken("closed the connection in the middle of a line" if seen else "closed the connection")
        yield More(end)
    return take_line(end.inbox, limit)
