"""The whole of a configuration: its services and accounts, and what goes for all of them."""

from dataclasses import dataclass

from popover.config.accounts import Account, fold
from popover.config.routes import Table
from popover.config.values import Address, Admission, Listen, Service, Target, is_public


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

    def accounts_of(self, service: Service) -> tuple[Account, ...]:
        """Give those that may log in at a service."""
        named = service.desk.accounts
        if isinstance(named, bool):
            return self.accounts if named else ()
        let_in = {*map(fold, named)}
        return tuple(one for one in self.accounts if not let_in.isdisjoint(map(fold, one.names)))

    def targets_of(self, service: Service) -> tuple[Target, ...]:
        """Give the servers to which this service is known to lead: its own, or those of the accounts that its desk lets
        in. Where a table leads, only a login tells.
        """
        if not service.desk.is_open:
            return (service.target,)
        found = [target for one in self.accounts_of(service) if (target := one.target(service.dialect)) is not None]
        if service.server.host:  # a table's, for whom it does not name
            found.insert(0, service.target)
        return tuple(dict.fromkeys(found))

    @property
    def listeners(self) -> tuple[Listen, ...]:
        """All places to listen, those of the status page last."""
        places = [place for service in self.services for place in service.listen]
        return (*places, *(self.status.listen if self.status else ()))
