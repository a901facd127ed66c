"""Who knows where the logins of each service lead: put together at the start and at each reload.

A kind of desk is one line in `_finder`: own accounts (accounts/), a routing table (routing/).
"""

from __future__ import annotations

from popover.config import Config, Service
from popover.protocols.login import Finder, Found, Unsure, Visit


class Finders:
    """Those of one configuration. Raises ConfigError for what can not be read."""

    def __init__(self, config: Config) -> None:
        self._of = {service: self._finder(service) for service in config.services if service.desk.is_open}

    def of(self, service: Service) -> Finder:
        """Find a service's."""
        return self._of.get(service, NOBODY)

    def _finder(self, service: Service) -> Finder:  # noqa: ARG002 - accounts and tables come here
        return NOBODY


class Nobody:
    """Where nobody can say who is who."""

    takes_digests = False

    async def find(self, visit: Visit) -> Found:
        """Say so."""
        return Unsure(
            "this gateway knows nobody yet", f'service "{visit.service}" asks for logins, and nothing answers them'
        )


NOBODY = Nobody()
