"""Own accounts, for all services of a gateway that ask for them: the register, OAuth2's tokens and their renewal."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from popover.accounts.oauth2.renewal import Renewal
from popover.accounts.oauth2.tokens import Tokens
from popover.accounts.register import Register
from popover.accounts.secrets import read_key
from popover.config import Config, ProxyVersion, Service, Target
from popover.log import Log
from popover.protocols.login import Finder, Found, Route, Visit


class OwnLogins:
    """See `finders.Kind`. `folder`: below it lie the accounts of the command, and the tokens."""

    def __init__(self, log: Log, folder: Path) -> None:
        self._tokens = Tokens(folder / "tokens", read_key, log)
        self._register = Register(self._tokens, folder / "accounts")
        self._renewal: asyncio.Task[None] | None = None

    def load(self, config: Config) -> None:
        """Take the accounts."""
        self._register.load(config.accounts)
        if self._renewal is None:
            self._renewal = asyncio.get_running_loop().create_task(Renewal(self._tokens).run())

    def finder(self, service: Service) -> Finder:
        """Give a service's."""
        return _AtService(self._register, service)

    def knows(self, visit: Visit) -> bool:
        """Whether somebody has that name."""
        return visit.login is None or self._register.knows(visit.login.user)

    def doubts(self, services: Iterable[Service]) -> list[str]:
        """What is wrong with the accounts that these ask for."""
        return self._register.doubts(services)

    async def close(self) -> None:
        """Renew no more; what has been asked for is kept."""
        if self._renewal is not None:
            self._renewal.cancel()
            self._renewal = None
        await self._tokens.close()


class _AtService:
    """The register as one service asks it."""

    def __init__(self, register: Register, service: Service) -> None:
        self._register = register
        self._service = service
        self._way = _way(service.target)

    @property
    def takes_digests(self) -> bool:
        """Whether one of the accounts that it lets in has a password in clear."""
        return self._register.offers_digests(self._service.desk.accounts)

    async def find(self, visit: Visit) -> Found:
        """Look it up. How its servers are reached from here is the service's business."""
        found = await self._register.find(visit)
        if isinstance(found, Route) and not all(map(self._is_from_here, found.targets)):
            return replace(found, targets=tuple(map(self._from_here, found.targets)))
        return found

    def _is_from_here(self, target: Target) -> bool:
        return _way(target) == self._way

    def _from_here(self, target: Target) -> Target:
        source_address, connect_timeout, greeting_timeout, proxy_to_server = self._way
        return replace(
            target,
            source_address=source_address,
            connect_timeout=connect_timeout,
            greeting_timeout=greeting_timeout,
            proxy_to_server=proxy_to_server,
        )


def _way(target: Target) -> tuple[str | None, float, float, ProxyVersion | None]:
    """How a server is reached, whichever it is."""
    return target.source_address, target.connect_timeout, target.greeting_timeout, target.proxy_to_server
