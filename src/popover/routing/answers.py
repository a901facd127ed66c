"""What a table is asked, and its three answers. One verb: `find`."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from popover.config import DialectName


@dataclass(frozen=True, slots=True)
class Query:
    """A name as its table's rules have made it, and where it was said. `key`: what is looked for this time; `user`: the
    whole name, `local` and `domain` its parts. `password`: for those that check it themselves (auth_http).
    """

    key: str
    user: str
    local: str
    domain: str
    client: str
    listen: str
    service: str
    dialect: DialectName
    password: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """Found. `servers` as they were written, with or without a scheme; `user`, `password`: what to say there, where it
    is not what the client said; `where` it stands, for people.
    """

    servers: tuple[str, ...]
    user: str | None = None
    password: bytes | None = field(default=None, repr=False)
    where: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """The table is in order and has no such name. `where` was looked, for people."""

    where: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The table cannot say: it is down, too slow, or out of order. `why`: for the log, without secrets."""

    why: str


Answer: TypeAlias = Entry | Missing | Failed


class Table(Protocol):
    """Where it is looked up; one file a kind."""

    @property
    def is_quick(self) -> bool:
        """Whether it answers from memory, so that there is nothing to remember."""

    def depends_on(self, query: Query) -> Hashable:
        """All of a query that its answer hangs on. No secret as it is: it is kept."""

    async def find(self, query: Query) -> Answer:
        """Look it up. Never raises."""

    async def close(self) -> None:
        """Let go of connections and threads."""
