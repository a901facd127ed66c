"""All tables of a gateway, and the finders of the services that ask them."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from popover.config import Service
from popover.config.desk import LocalCheck
from popover.config.routes import HTTP, LDAP, SQL, Chain
from popover.config.routes import Table as Settings
from popover.config.words import quote
from popover.errors import ConfigError
from popover.log import Log
from popover.protocols.login import Finder, Visit
from popover.routing.answers import Failed, Missing
from popover.routing.finder import TableFinder
from popover.routing.held import Held, Led, Note
from popover.routing.kinds import make
from popover.routing.local import LocalPasswords
from popover.routing.names import understand
from popover.routing.refusals import Refusals
from popover.routing.rested import Rested

QUIET_PERIOD = 60.0
"""Seconds between two log lines of the same table's trouble."""

_LASTING = (SQL, LDAP, HTTP)
"""Kinds that are not read at a load: of the same settings, the connections go on."""


@dataclass(frozen=True, slots=True)
class Read:
    """Tables that may be put in force."""

    held: dict[str, Held]
    local: dict[LocalCheck, LocalPasswords]
    chains: dict[str, Settings]


class Tables:
    """`load` before use, and again at each reload."""

    def __init__(
        self,
        log: Log | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rested = Rested(clock)
        self.clock = clock
        self._log = log
        self._held: dict[str, Held] = {}
        self._chains: dict[str, Settings] = {}
        self._local: dict[LocalCheck, LocalPasswords] = {}
        self._complained: dict[str, float] = {}
        self._refusals: dict[str, Refusals] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """How many answers are kept, in all."""
        return sum(len(held.cache) for held in self._held.values())

    def load(self, tables: Iterable[Settings], services: Iterable[Service] = ()) -> None:
        """Put these in force, for these services. Raises ConfigError and leaves all as it was."""
        self.become(self.read(tables, services))

    def read(self, tables: Iterable[Settings], services: Iterable[Service] = ()) -> Read:
        """Read these, and whatever files they and the services name. Raises ConfigError with all mistakes of them."""
        settings = list(tables)
        held: dict[str, Held] = {}
        mistakes: list[str] = []
        for one in settings:
            if isinstance(one.source, Chain):
                continue
            try:
                held[one.name] = self._still(one) or Held(one, make(one), self.clock, self._complain)
            except ConfigError as wrong:
                place = one.place or f"table {quote(one.name)}"
                mistakes += [f"{place}: {line}" for line in wrong.mistakes]
        local: dict[LocalCheck, LocalPasswords] = {}
        for service in services:
            check = service.desk.authenticate
            if check is not None and check not in local:
                try:
                    local[check] = LocalPasswords(check, self.clock)
                except ConfigError as wrong:
                    place = check.place or f"service {quote(service.name)}"
                    mistakes += [f"{place}: {line}" for line in wrong.mistakes]
        if mistakes:
            raise ConfigError(mistakes)
        return Read(held, local, {one.name: one for one in settings if isinstance(one.source, Chain)})

    def become(self, read: Read) -> None:
        """Put in force what was read."""
        held = read.held
        gone = [old for old in self._held.values() if old not in held.values()]
        self._held = held
        self._chains = read.chains
        self._local = read.local
        names = held.keys() | read.chains.keys()
        self._refusals = {name: kept for name, kept in self._refusals.items() if name in names}
        for kept in held.values():
            kept.cache.expire()
        for old in gone:
            self._close_soon(old)

    def _still(self, settings: Settings) -> Held | None:
        """The one that is there already, with its connections and what it knows, which serves if the table is down."""
        held = self._held.get(settings.name)
        return held if held and held.settings == settings and isinstance(settings.source, _LASTING) else None

    def _close_soon(self, held: Held) -> None:
        try:
            task = asyncio.get_running_loop().create_task(held.retire())
        except RuntimeError:  # a command's, which has no loop of its own
            asyncio.run(held.close())
            return
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def finder(self, service: Service) -> Finder:
        """Who answers for a service with a table."""
        check = service.desk.authenticate
        return TableFinder(self, service, None if check is None else self._local.get(check))

    def rules(self, name: str) -> Settings:
        """A table's settings; one that is gone has the usual ones."""
        held = self._held.get(name)
        return held.settings if held else self._chains.get(name) or Settings(name, Chain(()))

    def refusals(self, name: str) -> Refusals:
        """How long the servers of a table, or of a chain, take for them."""
        return self._refusals.setdefault(name, Refusals(random.SystemRandom().choice))

    async def lead(self, name: str, said: str, password: bytes, visit: Visit, note: Note) -> Led:
        """Ask one table by name, or those of a chain."""
        chain = self._chains.get(name)
        if chain is None or not isinstance(chain.source, Chain):
            return await self._lead_by_one(name, said, password, visit, note)
        nowhere = []
        for one in chain.source.tables:
            led = await self._lead_by_one(one, said, password, visit, note)
            if not isinstance(led.answer, Missing):
                return led
            nowhere.append(led.answer.where)
        return Led(Missing(", ".join(nowhere)), understand(chain.names, said, visit.local), chain)

    async def _lead_by_one(self, name: str, said: str, password: bytes, visit: Visit, note: Note) -> Led:
        held = self._held.get(name)
        if held is None:  # a service that began before a reload, whose table is gone since
            gone = self.rules(name)
            return Led(Failed(f"there is no table {quote(name)} any more"), understand(gone.names, said, ""), gone)
        return await held.lead(said, password, visit, note)

    def _complain(self, why: str) -> None:
        now, about = self.clock(), why.partition(":")[0]
        if self._log is not None and now - self._complained.get(about, -QUIET_PERIOD) >= QUIET_PERIOD:
            self._complained[about] = now
            self._log.event("warning", "table", f"{why}; who was found before is served from memory", table=about)

    async def close(self) -> None:
        """Let go of all connections and threads."""
        for local in self._local.values():
            local.close()
        for held in self._held.values():
            await held.close()
        while self._closing:
            await asyncio.wait(self._closing)
