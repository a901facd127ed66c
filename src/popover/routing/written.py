"""What an entry looks like where one text holds it: `[user@]host[:port][,host...]`, as Perdition writes it. Dry."""

from __future__ import annotations

from popover.config.route_words import SERVERS_LIMIT, check_place
from popover.config.words import quote
from popover.errors import ConfigError


def split_value(value: str, delimiter: str) -> tuple[str | None, tuple[str, ...]]:
    """The name to say there, if it has one, and the servers."""
    user, _, places = value.rpartition(delimiter)
    return user or None, tuple(one.strip() for one in places.split(",") if one.strip())


def check_value(value: str, delimiter: str) -> None:
    """Raise ConfigError for what leads nowhere."""
    _, servers = split_value(value, delimiter)
    if not 0 < len(servers) <= SERVERS_LIMIT:
        raise ConfigError(f"{quote(value)} names no server: write [user{delimiter}]host[:port]")
    for one in servers:
        check_place(one)
