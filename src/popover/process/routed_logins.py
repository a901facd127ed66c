"""Tables, for all services of a gateway that ask one."""

from __future__ import annotations

from collections.abc import Iterable

from popover.config import Config, Service, Table
from popover.log import Log
from popover.protocols.login import Finder, Visit
from popover.routing import Tables
from popover.routing.plain import told_in_plain


def check_tables(config: Config) -> None:
    """Read all that tables name, and put nothing in force. Raises ConfigError."""
    Tables().read(config.tables, config.services)


class RoutedLogins:
    """See `finders.Kind`."""

    def __init__(self, log: Log) -> None:
        self._tables = Tables(log)
        self._settings: tuple[Table, ...] = ()

    def load(self, config: Config) -> None:
        """Take the tables."""
        self._tables.load(config.tables, config.services)
        self._settings = config.tables

    def finder(self, service: Service) -> Finder:
        """Give a service's."""
        return self._tables.finder(service)

    def knows(self, visit: Visit) -> bool:  # noqa: ARG002 - see finders.Kind
        """Nobody is a table's own: it is asked last."""
        return False

    def doubts(self, services: Iterable[Service]) -> list[str]:  # noqa: ARG002 - see finders.Kind
        """Say which tables are told secrets in plain text; what is wrong with one is a mistake, or told when asked."""
        return [line for table in self._settings for line in told_in_plain(table)]

    async def close(self) -> None:
        """Let go of connections and threads."""
        await self._tables.close()
