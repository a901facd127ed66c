"""An own login for what was found: the keys of an `[[account]]`, without its secrets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from popover.config.providers import PROVIDERS, servers_of
from popover.setup.address import MailAddress
from popover.setup.found import Found, Way


@dataclass(frozen=True, slots=True)
class OwnLogin:
    """`name`: what the mail program says; `login`: who signs in with the provider, by `way`."""

    name: str
    login: str
    way: Way
    client_id: str | None = None
    tenant: str | None = None
    issuer: str | None = None

    def table(self, found: Found, ca_file: Path | None) -> dict[str, Any]:
        """The keys, as `popover account add` keeps them."""
        table: dict[str, Any] = {"name": self.name, "login": self.login}
        if (provider := provider_of(found)) and ca_file is None:
            table["provider"] = provider
        else:
            table["servers"] = {offer.server.dialect: str(offer.server) for offer in found.offers}
        if ca_file is not None:
            table["ca_file"] = str(ca_file.absolute())
        if self.client_id is not None:
            keys = {"client_id": self.client_id, "tenant": self.tenant, "issuer": self.issuer}
            table["oauth2"] = {key: value for key, value in keys.items() if value is not None}
        return table


def login_of(found: Found, address: MailAddress) -> str:
    """Who signs in. Where the servers want different names, the whole address: it is taken most often."""
    logins = {address.login(offer.login) for offer in found.offers}
    return logins.pop() if len(logins) == 1 else str(address)


def ways_of(found: Found) -> tuple[Way, ...]:
    """How one can sign in at all of its servers."""
    first = found.offers[0].ways if found.offers else ()
    return tuple(way for way in first if all(way in offer.ways for offer in found.offers))


def provider_of(found: Found) -> str | None:
    """By which name the provider is known to `[[account]]`, if its servers are those."""
    servers = {offer.server for offer in found.offers}
    return next((name for name in PROVIDERS if servers and servers <= set(servers_of(name))), None)
