"""Tables that are told a secret in plain text: allowed, but most likely not meant. Dry."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from popover.config.routes import HTTP, LDAP, Table
from popover.config.words import quote


def told_in_plain(table: Table) -> list[str]:
    """Say to whom, a line each."""
    match table.source:
        case HTTP(url):
            return _lines(table, (url,), "http", "each user's password", "write https://")
        case LDAP(urls, bind=str(), starttls=False):
            return _lines(table, urls, "ldap", "the password of bind", "write ldaps://, or starttls = true")
    return []


def _lines(table: Table, urls: tuple[str, ...], scheme: str, what: str, instead: str) -> list[str]:
    place = table.place or f"table {quote(table.name)}"
    parts = [urlsplit(url) for url in urls]
    return [
        f"{place}: {one.hostname} is told {what} in plain text; {instead}"
        for one in parts
        if one.scheme == scheme and not _is_here(one.hostname or "")
    ]


def _is_here(host: str) -> bool:
    """Whether it is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
