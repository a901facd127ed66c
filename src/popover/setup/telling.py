"""What is shown of what was found, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from popover.check.providers import known
from popover.setup.address import MailAddress
from popover.setup.found import Found, Offer
from popover.setup.plan import Plan
from popover.setup.search import Tried

_WAYS = {"password": "password", "oauth2": "OAuth2"}

_TRUSTED = {
    "table": "The table is that of Thunderbird, and came with popover.",
    "autoconfig": "The domain itself says so, over verified TLS.",
    "srv": "DNS says so, which can be forged; a host of the domain itself proves who it is by its certificate.",
    "mx": "DNS says who takes mail for the domain, which can be forged.",
}


def nothing(domain: str, tried: Iterable[Tried]) -> Iterator[str]:
    """That nobody knows, and what to do then."""
    yield f"No servers were found for {domain}:"
    yield from (f"  {place} {outcome}" for place, outcome in tried)
    yield "The provider's help pages name them (POP3, SMTP; with SSL/TLS). With those names:"
    yield "  popover setup ADDRESS --server pop3s://POP.EXAMPLE.COM --server smtps://SMTP.EXAMPLE.COM"


def servers(found: Found, address: MailAddress, given: str | None = None) -> Iterator[str]:
    """The servers, who says so, and what is known of the provider. `given`: who signs in, if somebody has said it."""
    yield f"{found.provider.name}, {found.by}:"
    for offer in found.offers:
        login, ways = given or address.login(offer.login), " or ".join(_WAYS[way] for way in offer.ways)
        yield f"  {offer.server!s:<44} user name {login}, {ways}"
    if found.source in _TRUSTED:
        yield _TRUSTED[found.source]
    yield from (f"Before the first login: {line}" for line in before(found))


def before(found: Found) -> Iterator[str]:
    """What has to be done at the provider before a login can work."""
    hints = dict.fromkeys(known(offer.server.host) for offer in found.offers)
    told = [hint for hint in hints if hint]
    yield from told
    if found.provider.enable and not told:
        url = f" ({found.provider.enable_url})" if found.provider.enable_url else ""
        yield f"{found.provider.enable}{url}"


def doubt(host: str, found: Found) -> str:
    """The question about a host that only DNS vouches for."""
    return f"{host} is no host of {found.domain}, and only {found.where} names it. Is it your provider's?"


def document(
    found: Found | None, address: MailAddress, tried: Iterable[Tried], given: str | None = None
) -> dict[str, Any]:
    """The same for programs."""
    facts: dict[str, Any] = {"domain": address.domain, "tried": [tried._asdict() for tried in tried]}
    if found is None:
        return facts | {"found": None}
    return facts | {
        "found": {
            "provider": found.provider.name,
            "source": found.source,
            "where": found.where,
            "servers": [_server(offer, given or address.login(offer.login)) for offer in found.offers],
            "doubtful": list(found.doubtful),
            "before": list(before(found)),
        }
    }


def services(plan: Plan) -> list[dict[str, str]]:
    """What would be served where."""
    return [{"server": str(row.offer.server), "listen": str(row.listen)} for row in plan.rows]


def _server(offer: Offer, login: str) -> dict[str, Any]:
    return {
        "dialect": offer.server.dialect,
        "server": str(offer.server),
        "login": login,
        "sign_in": list(offer.ways),
    }
