"""What DNS tells of a domain's mail servers, made into a provider (RFC 6186, RFC 8314 section 5.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from popover.config import DialectName, Security, Server
from popover.config.places import parse_host
from popover.errors import ConfigError
from popover.setup.found import Offer, Provider

SERVICES: dict[str, tuple[DialectName, Security]] = {
    "_pop3s": ("pop3", "tls"),
    "_imaps": ("imap", "tls"),
    "_submissions": ("smtp", "tls"),
    "_pop3": ("pop3", "starttls"),
    "_imap": ("imap", "starttls"),
    "_submission": ("smtp", "starttls"),
}
"""By which name a server is asked for, under _tcp. What comes first is better."""

_GENERIC = {"ac", "co", "com", "edu", "gov", "govt", "ne", "net", "or", "org", "go", "gob", "nom", "id", "in", "mil"}
"""What stands before a country's two letters where one registers below that: co.uk, com.au, ne.jp."""


class Srv(NamedTuple):
    """An SRV record (RFC 2782)."""

    priority: int
    weight: int
    port: int
    target: str


def provider_of(domain: str, records: Mapping[str, Iterable[Srv]]) -> Provider | None:
    """Make a provider of a domain's SRV records, by service; None: they name no server."""
    offers = []
    for service, (dialect, security) in SERVICES.items():
        for srv in sorted(records.get(service, ()), key=lambda srv: (srv.priority, -srv.weight)):
            host = _host(srv.target)
            if host and srv.port:
                offers.append(Offer(Server(dialect, host, srv.port, security)))
                break
    return Provider(domain, tuple(offers)) if offers else None


def mail_hosts(records: Iterable[tuple[int, str]]) -> tuple[str, ...]:
    """The hosts of a domain's MX records, the one to try first in front."""
    return tuple(host for _, target in sorted(records) if (host := _host(target)))


def domain_of(mx: str) -> str | None:
    """The domain that an MX most likely belongs to: its parent. None where that would be no one's own: co.uk."""
    _, _, parent = mx.partition(".")
    labels = parent.split(".")
    if len(labels) < 2 or (len(labels) == 2 and labels[0] in _GENERIC and len(labels[1]) == 2):  # noqa: PLR2004
        return None
    return parent


def _host(target: str) -> str:
    """A host by its name; empty for none: the root means that there is no such service."""
    try:
        host = parse_host(target)
    except ConfigError:
        return ""
    return host if "." in host and any(sign.isalpha() for sign in host) and ":" not in host else ""
