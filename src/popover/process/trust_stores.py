"""The trust stores of all servers that a configuration names, read at the start and at each reload."""

from __future__ import annotations

from collections.abc import Iterable

from popover.config import Account, Service, quote
from popover.errors import ConfigError
from popover.outside.trust import Verifiers


def verifiers_of(services: Iterable[Service], accounts: Iterable[Account] = ()) -> Verifiers:
    """Read the trust stores of all servers that these name. Raises ConfigError for one that we cannot use."""
    verifiers = Verifiers()
    named = [(f"service {quote(one.name)}", one.target) for one in services if not one.desk.is_open or one.desk.table]
    named += [(f"account {quote(one.name)}", target) for one in accounts for target in one.targets]
    for place, target in named:
        try:
            verifiers.of(target)
        except ConfigError as fault:
            raise ConfigError([f"{place}: {line}" for line in fault.mistakes]) from None
    return verifiers
