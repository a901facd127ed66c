"""Which commands are not answered yet, by their tags: a server may answer them in any order (RFC 9051 section 5.5)."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

LIMIT = 4096
"""Commands without an answer that are remembered, a quarter of a KiB each. Clients have a few under way; one that
has this many has a server that answers some without their tags."""


class Ask(NamedTuple):
    """A command that the server has heard. `mechanism`: of an AUTHENTICATE, in upper case. `is_pushed`: with a literal
    that came without being asked for, and is many commands to a server that does not know such.
    """

    tag: bytes
    verb: bytes
    mechanism: bytes = b""
    is_pushed: bool = False


class Owed:
    """Commands without an answer. A client may use a tag again, even all the time."""

    def __init__(self) -> None:
        self.count = 0
        self._of: dict[bytes, deque[Ask]] = {}

    def add(self, ask: Ask) -> bool:
        """The server has heard all of it. Whether all are remembered: else the oldest is not."""
        self._of.setdefault(ask.tag, deque()).append(ask)
        self.count += 1
        if self.count <= LIMIT:
            return True
        self.take(next(iter(self._of)))
        return False

    def take(self, tag: bytes) -> Ask | None:
        """Give the one that is answered by a line with this tag."""
        asks = self._of.get(tag)
        if asks is None:
            return None
        ask = asks.popleft()
        if not asks:
            del self._of[tag]
        self.count -= 1
        return ask

    def may_begin(self, begin: bytes) -> bool:
        """Whether one of the tags begins so."""
        return any(tag.startswith(begin) for tag in self._of)

    def __contains__(self, tag: bytes) -> bool:
        return tag in self._of
