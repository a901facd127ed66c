"""The whole of a configuration: its services and accounts, and what goes for all of them."""

from dataclasses import dataclass

from popover.config.accounts import Account
from popover.config.routes import Table
from popover.config.values import Address, Admission, Listen, Service, is_public


@dataclass(frozen=True, slots=True)
class Status:
    """Where the gateway tells how it is. Of `admission`, the networks count."""

    listen: tuple[Listen, ...] = (Address("127.0.0.1", 8110),)
    admission: Admission = Admission()  # noqa: RUF009 - frozen, as everywhere here

    @property
    def is_public(self) -> bool:
        """Likewise: `allow` reaches beyond the private networks, and someone from there could look."""
        return is_public(self.listen, self.admission)


@dataclass(frozen=True, slots=True)
class Config:
    """All that the gateway is told."""

    services: tuple[Service, ...]
    user: str | None = None  # to become after binding; None: stay who we are
    drain_timeout: float = 30  # seconds that running sessions get after SIGTERM
    status: Status | None = None  # None: it tells nobody
    accounts: tuple[Account, ...] = ()  # own logins
    tables: tuple[Table, ...] = ()  # where a login leads

    @property
    def listeners(self) -> tuple[Listen, ...]:
        """All places to listen, those of the status page last."""
        places = [place for service in self.services for place in service.listen]
        return (*places, *(self.status.listen if self.status else ()))
