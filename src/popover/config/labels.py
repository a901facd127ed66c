"""How a mistake names a part of a file that could not be read: by what it says of itself, or by its number."""

from __future__ import annotations

from typing import Any

from popover.config.account_readers import read_names
from popover.config.fields import SERVICE
from popover.config.readers import read_name
from popover.config.words import quote
from popover.errors import ConfigError


def service_label(written: dict[str, Any], number: int) -> str:
    """A service: its name, its server's host, or its number."""
    try:
        return quote(read_name(written["name"]) if "name" in written else SERVICE["server"](written["server"]).host)
    except (ConfigError, KeyError):
        return str(number)


def account_label(written: dict[str, Any], number: int) -> str:
    """An account: its first name, or its number."""
    try:
        return quote(read_names(written["name"])[0])
    except (ConfigError, KeyError):
        return str(number)


def table_label(written: dict[str, Any], number: int) -> str:
    """A table: its name, or its number."""
    return quote(written["name"]) if isinstance(written.get("name"), str) else str(number)
