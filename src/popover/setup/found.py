"""What can be found for an address: a provider, its servers, and who says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from popover.config import DialectName, Server

Way: TypeAlias = Literal["password", "oauth2"]
"""How one can sign in."""

Source: TypeAlias = Literal["asked", "table", "autoconfig", "srv", "mx"]
"""Who says so: the user, the shipped table, the domain over verified TLS, its DNS, or its MX and then one of those."""

DIALECT_ORDER: tuple[DialectName, ...] = ("pop3", "imap", "smtp")


@dataclass(frozen=True, slots=True)
class Offer:
    """A server of a provider's. `login`: the user name's pattern; `ways`: to sign in, the one it likes best first."""

    server: Server
    login: str = "%EMAILADDRESS%"
    ways: tuple[Way, ...] = ("password",)


@dataclass(frozen=True, slots=True)
class Provider:
    """Its servers, and what has to be done before they let anybody in: a sentence, and where."""

    name: str
    offers: tuple[Offer, ...]
    enable: str = ""
    enable_url: str = ""

    def best(self) -> tuple[Offer, ...]:
        """One offer a dialect: TLS from the first octet on, where there is one (RFC 8314 section 3)."""
        chosen = []
        for dialect in DIALECT_ORDER:
            of_it = [offer for offer in self.offers if offer.server.dialect == dialect]
            at_once = [offer for offer in of_it if offer.server.security == "tls"]
            chosen += (at_once or of_it)[:1]
        return tuple(chosen)


@dataclass(frozen=True, slots=True)
class Found:
    """A provider, and who says that it is the one. `where`: in words, "the MX mx.example.net"; empty: you."""

    provider: Provider
    source: Source
    where: str
    domain: str

    @property
    def by(self) -> str:
        """Who says so, as a part of a sentence about it."""
        return f"found by {self.where}" if self.where else "as you have named them"

    @property
    def offers(self) -> tuple[Offer, ...]:
        """Those to take."""
        return self.provider.best()

    @property
    def doubtful(self) -> tuple[str, ...]:
        """The hosts that only unsigned DNS vouches for: a name of the address's own domain is proved by its certificate
        (RFC 6186 section 6), any other one must be looked at by somebody.
        """
        if self.source not in {"srv", "mx"}:
            return ()
        hosts = dict.fromkeys(offer.server.host for offer in self.offers)
        return tuple(host for host in hosts if not is_within(host, self.domain))


def is_within(host: str, domain: str) -> bool:
    """Whether a host is of this domain."""
    return host == domain or host.endswith(f".{domain}")


def asked_for(servers: Iterable[Server], domain: str) -> Found:
    """What the user has named himself."""
    return Found(Provider(domain, tuple(map(Offer, servers))), "asked", "", domain)
