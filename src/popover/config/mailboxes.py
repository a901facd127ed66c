"""The words for addresses of mail: whom a device's mails are from, and to whom they may go."""

import re

from popover.config.places import parse_host
from popover.config.words import quote
from popover.errors import ConfigError

LOCAL_LIMIT = 64
"""Octets before the @ (RFC 5321 section 4.5.3.1.1)."""

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+")  # dot-atom, RFC 5322 section 3.2.3


def parse_address(text: str) -> str:
    """`scans@example.com`, and nothing around it."""
    local, at, domain = text.rpartition("@")
    if not at or not _LOCAL.fullmatch(local) or len(local) > LOCAL_LIMIT or ":" in domain:
        raise ConfigError(f'{quote(text)} is no mail address: write "scans@example.com"')
    return f"{local}@{parse_host(domain)}"


def parse_recipient(text: str) -> str:
    """`bob@example.com`, or `*@example.com` for all of a domain; in lower case."""
    local, _, domain = text.rpartition("@")
    if local == "*":
        return f"*@{parse_host(domain)}"
    if "*" in text:
        raise ConfigError(f'{quote(text)}: a * stands alone before the @: write "*@example.com", or one address')
    return parse_address(text).lower()
