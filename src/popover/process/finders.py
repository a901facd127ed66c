"""Who knows where the logins of each service lead: put together at the start and at each reload.

A kind of desk is one line in `finder_of`: own accounts (accounts/), a routing table (routing/).
"""

from __future__ import annotations

from popover.config import Config, Service
from popover.protocols.login import Finder, Found, Unsure, Visit


class Finders:
    """Those of one configuration, one for each service whose desk is open. Raises ConfigError."""

    def __init__(self, config: Config) -> None:
        self._of = {service: finder_of(service, config) for service in config.services if service.desk.is_open}

    def of(self, service: Service) -> Finder:
        """Find a service's."""
        return self._of.get(service, _NOBODY)


def finder_of(service: Service, config: Config) -> Finder:  # noqa: ARG001 - for accounts and tables
    """Say who knows the logins of a service whose desk is open. Raises ConfigError."""
    return _NOBODY


class Nobody:
    """Where nobody can say who is who."""

    takes_digests = False

    async def find(self, visit: Visit) -> Found:
        """Say so."""
        return Unsure(
            "this gateway knows no logins yet", f"service {visit.service}: nothing answers what its desk asks"
        )


_NOBODY = Nobody()
