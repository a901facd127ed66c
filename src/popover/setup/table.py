"""The table that comes with popover: for the domains of some 130 providers, and for the MX of those who host others.

Its rows are in ispdb.json, made of Thunderbird's ISPDB by scripts/ispdb. That file, and it alone, is under the Mozilla
Public License 2.0, which stands beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any, get_args

from popover.config import parse_server
from popover.setup.found import Offer, Provider, Way

_DEEPEST = 4
"""Labels of a domain that are tried: of a.b.mail.protection.outlook.com, the last four."""


def of_domain(domain: str) -> Provider | None:
    """Whose addresses end in this domain."""
    return _table().get(domain)


def of_host(host: str) -> Provider | None:
    """Who runs this host, an MX: by the longest end of its name that is known."""
    return next((found for domain in ends_of(host) if (found := of_domain(domain))), None)


def ends_of(host: str) -> Iterator[str]:
    """The ends of a name, the longest first, down to two labels."""
    labels = host.split(".")
    for start in range(max(0, len(labels) - _DEEPEST), len(labels) - 1):
        yield ".".join(labels[start:])


def write(rows: list[tuple[Provider, tuple[str, ...]]], about: dict[str, str]) -> str:
    """The file, a provider a line."""
    lines = [json.dumps(_row(provider, domains), ensure_ascii=False) for provider, domains in rows]
    return json.dumps(about, indent=1)[:-2] + ',\n "providers": [\n' + ",\n".join(lines) + "\n]}\n"


def _row(provider: Provider, domains: tuple[str, ...]) -> dict[str, object]:
    row: dict[str, object] = {"name": provider.name, "domains": sorted(domains)}
    row["servers"] = [[str(offer.server), offer.login, *offer.ways] for offer in provider.offers]
    return row | ({"enable": [provider.enable, provider.enable_url]} if provider.enable else {})


@cache
def _table() -> dict[str, Provider]:
    text = resources.files("popover.setup").joinpath("ispdb.json").read_text(encoding="utf-8")
    table: dict[str, Provider] = {}
    for row in json.loads(text)["providers"]:
        provider = Provider(row["name"], tuple(map(_offer, row["servers"])), *row.get("enable", ()))
        table |= dict.fromkeys(row["domains"], provider)
    return table


def _offer(row: list[Any]) -> Offer:
    url, login, *ways = row
    known: tuple[Way, ...] = get_args(Way)
    return Offer(parse_server(url), login, tuple(way for way in ways if way in known))
