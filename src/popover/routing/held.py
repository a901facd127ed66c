"""One table in force: its rules for names, what it remembers, and where it looks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from popover.config import Server
from popover.config.route_words import parse_place
from popover.config.routes import Table as Settings
from popover.errors import ConfigError
from popover.protocols.login import Visit
from popover.routing.answers import Answer, Entry, Failed, Missing, Query, Table
from popover.routing.cache import Cache
from popover.routing.chain import first_found
from popover.routing.names import Spoken, is_fit, queries, understand

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Led:
    """What a table made of a name: the answer, what the name became, and, where it was found, the servers."""

    answer: Answer
    spoken: Spoken
    settings: Settings
    servers: tuple[Server, ...] = ()
    needs_person: bool = False


class Held:
    """A table with its cache. `on_failed` is told why it could not be asked."""

    def __init__(self, settings: Settings, table: Table, clock: Callable[[], float], on_failed: Note) -> None:
        self.settings = settings
        self.table = table
        self.cache = Cache(settings.keeping, clock)
        self._on_failed = on_failed
        self._leading = 0  # who is being led just now
        self._idle = asyncio.Event()

    async def lead(self, said: str, password: bytes, visit: Visit, note: Note) -> Led:
        """Find where this name leads, for a visit's dialect."""
        self._leading += 1
        try:
            return await self._lead(said, password, visit, note)
        finally:
            self._leading -= 1
            if not self._leading:
                self._idle.set()

    async def _lead(self, said: str, password: bytes, visit: Visit, note: Note) -> Led:
        spoken = understand(self.settings.names, said, visit.local)
        if not is_fit(said):
            return Led(Missing("nowhere: it is empty, too long, or holds control characters"), spoken, self.settings)
        if spoken.server is not None:
            note(f'table "{self.settings.name}": the name itself says {spoken.server}, which named_servers allows')
            answer: Answer = Entry((spoken.server,), where="the name itself")
        else:

            async def find(query: Query) -> Answer:
                answer = await self._find(replace(query, password=password))
                note(f'table "{self.settings.name}": {query.key!r}: {told(answer)}')
                return answer

            answer = await first_found(queries(self.settings.names, spoken.lookup, visit), find)
        return self._understood(answer, spoken, visit)

    async def _find(self, query: Query) -> Answer:
        if self.table.is_quick:
            return await self.table.find(query)
        return await self.cache.get(self.table.depends_on(query), lambda: self._ask(query))

    async def _ask(self, query: Query) -> Answer:
        """Ask the table itself, for no longer than its deadline."""
        try:
            async with asyncio.timeout(self.settings.deadline):
                answer = await self.table.find(query)
        except TimeoutError:
            answer = Failed(f"no answer within {self.settings.deadline:g} s (deadline)")
        if isinstance(answer, Failed):
            self._on_failed(f'table "{self.settings.name}": {answer.why}')
        return answer

    def _understood(self, answer: Answer, spoken: Spoken, visit: Visit) -> Led:
        """Read what is written for a server: those of other dialects are not for this visit."""
        if not isinstance(answer, Entry):
            return Led(answer, spoken, self.settings)
        try:
            places = (parse_place(one, visit.dialect, self.settings.schemes) for one in answer.servers)
            servers = tuple(place for place in places if place is not None)
        except ConfigError as wrong:
            why = f"{answer.where}: {wrong.mistakes[0]}"
            self._on_failed(f'table "{self.settings.name}": {why}')
            return Led(Failed(why), spoken, self.settings, needs_person=True)
        if not servers:
            return Led(Missing(f"{answer.where} names no {visit.dialect} server"), spoken, self.settings)
        return Led(answer, spoken, self.settings, servers)

    async def retire(self) -> None:
        """Another has taken its place: let go of all, once nobody is being led any more. That takes the deadline, at
        most, for each key.
        """
        while self._leading:
            self._idle.clear()
            await self._idle.wait()
        await self.close()

    async def close(self) -> None:
        """Let go of all."""
        await self.cache.close()
        await self.table.close()


def told(answer: Answer) -> str:
    """An answer in words, without secrets."""
    match answer:
        case Entry(servers, user, password, where):
            as_user = f" as {user}" if user is not None else ""
            with_password = ", with a password of its own" if password is not None else ""
            return f"found ({where}): {', '.join(servers)}{as_user}{with_password}"
        case Missing(where):
            return f"not found in {where}"
        case Failed(why):
            return f"failed: {why}"
