"""A room for each kind of table. Those that need a library are imported when they are wanted."""

from __future__ import annotations

from importlib import import_module

from popover.config.routes import HTTP, LDAP, SQL, Popmap, Static
from popover.config.routes import Table as Settings
from popover.errors import ConfigError
from popover.routing.answers import Table
from popover.routing.popmap import PopmapTable
from popover.routing.static import StaticTable

_EXTRAS = {SQL: ("sql", "SQLTable"), LDAP: ("ldap", "LDAPTable"), HTTP: ("http", "HTTPTable")}


def make(settings: Settings) -> Table:
    """Make a table; of files, read them. Raises ConfigError. No chain: that is made of others."""
    match settings.source:
        case Static() as source:
            return StaticTable(source)
        case Popmap() as source:
            table = PopmapTable(source, settings.names.delimiter)
            table.load()
            return table
    room, name = _EXTRAS[type(settings.source)]
    words = {} if room == "http" else {"delimiter": settings.names.delimiter}
    try:
        module = import_module(f"popover.routing.{room}")
        made: Table = getattr(module, name)(settings.source, deadline=settings.deadline, **words)
    except ImportError as lacking:
        raise ConfigError(
            f'kind = "{room}" needs the library {lacking.name}, which is not here: pip install "popover[{room}]"'
        ) from None
    return made
