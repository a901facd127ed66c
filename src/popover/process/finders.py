"""Who knows where the logins of each service lead: own accounts (own_logins.py), tables (routed_logins.py).

Neither is imported before a service asks for it: a gateway that leads to fixed servers only pays for none of it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from popover.config import Config, Service
from popover.errors import ConfigError
from popover.log import Log
from popover.protocols.login import Finder, Found, Unsure, Visit


class Kind(Protocol):
    """One kind of those who know, for all services of a gateway."""

    def load(self, config: Config) -> None:
        """Take this configuration. Raises ConfigError, and leaves all as it was."""

    def finder(self, service: Service) -> Finder:
        """Give the one of a service that asks for this kind."""

    def knows(self, visit: Visit) -> bool:
        """Whether the name is one of this kind's own, so that nobody else need be asked."""

    def doubts(self, services: Iterable[Service]) -> list[str]:
        """Say what is not as it is meant, a line each."""

    async def close(self) -> None:
        """Let go of everything."""


class Finders:
    """Those of one gateway. `folder`: where it keeps what belongs to it over a restart (state.py)."""

    def __init__(self, log: Log, folder: Path) -> None:
        self._log = log
        self._folder = folder
        self._accounts: Kind | None = None
        self._tables: Kind | None = None
        self._in_force = self._before = Config(())

    def load(self, config: Config) -> None:
        """Know what this configuration's services ask for. Raises ConfigError, and leaves all as it was."""
        desks = [service.desk for service in config.services]
        if self._accounts is None and any(desk.accounts for desk in desks):
            self._accounts = _own_logins(self._log, self._folder)
        if self._tables is None and any(desk.table is not None for desk in desks):
            self._tables = _routed_logins(self._log)
        for kind in self._kinds():
            kind.load(config)
        self._before, self._in_force = self._in_force, config

    def go_back(self) -> None:
        """The rest of the configuration could not be had: what was there before `load` is in force again."""
        self._in_force = self._before
        with contextlib.suppress(ConfigError):  # a file of it that has gone bad meanwhile
            for kind in self._kinds():
                kind.load(self._before)

    def of(self, service: Service) -> Finder:
        """Give a service's."""
        desk = service.desk
        accounts = self._accounts.finder(service) if self._accounts is not None and desk.accounts else None
        tables = self._tables.finder(service) if self._tables is not None and desk.table is not None else None
        if accounts is not None and tables is not None and self._accounts is not None:
            return Both(accounts, self._accounts.knows, tables)
        return accounts or tables or Nobody()

    def doubts(self, services: Iterable[Service]) -> list[str]:
        """Say what is not as it is meant, a line each."""
        wanted = list(services)
        return [line for kind in self._kinds() for line in kind.doubts(wanted)]

    async def close(self) -> None:
        """Let go of everything: threads, connections, what is under way."""
        for kind in self._kinds():
            await kind.close()

    def _kinds(self) -> list[Kind]:
        return [kind for kind in (self._tables, self._accounts) if kind is not None]


class Both:
    """Own accounts, and a table for all whose names are none of theirs (`knows`)."""

    def __init__(self, accounts: Finder, knows: Callable[[Visit], bool], table: Finder) -> None:
        self._accounts = accounts
        self._knows = knows
        self._table = table

    @property
    def takes_digests(self) -> bool:
        """Of the accounts; the table says to the others why not."""
        return self._accounts.takes_digests

    async def find(self, visit: Visit) -> Found:
        """Ask the one whose name it is: a wrong password of an account is never passed on."""
        return await (self._accounts if self._knows(visit) else self._table).find(visit)


class Nobody:
    """Where nobody can say who is who: a service that a reload has taken away."""

    takes_digests = False

    async def find(self, visit: Visit) -> Found:
        """Say so."""
        return Unsure("this service has been taken away, please connect again", f"service {visit.service} is no more")


def _own_logins(log: Log, folder: Path) -> Kind:
    from popover.process.own_logins import OwnLogins  # noqa: PLC0415 - as said above

    return OwnLogins(log, folder)


def _routed_logins(log: Log) -> Kind:
    from popover.process.routed_logins import RoutedLogins  # noqa: PLC0415 - likewise

    return RoutedLogins(log)
