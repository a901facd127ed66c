"""What the operator wants, as frozen values; imports nothing of popover but errors.

    values.py   what a configuration is: Config, Service and its parts, Server, ...
    desk.py     what a service asks, where it does not know the server yet; accounts.py: own logins; routes.py: tables
    ahead.py    what is done ahead of a client
    device.py   what holds for a device's mails; mailboxes.py: the words for addresses
    networks.py which are private; times.py: hours, rates
    flat.py     a service's flat keys -> its parts, and back
    words.py    the small words: hours, rates, pins, networks
    places.py   the words for places: LISTEN, SERVER
    doubts.py   what is allowed but most likely not meant
    cross.py    mistakes that only show when all services are seen together; desks.py: those around accounts
    providers.py where the mail of large providers is
    several.py  a service of several dialects -> one of each
    file.py     popover.toml; with text.py (its text), fields.py and account_fields.py (a reader for each key),
                readers.py (readers for any), account_readers.py, tables.py (cattrs), table_file.py and
                route_words.py and trusts.py ([[table]]), labels.py (what a part is called that could not be read), and
                unquoted.py (what to write for a text without quotes)

All that can be wrong is a ConfigError whose `mistakes` are plain sentences, one line each.
"""

from pathlib import Path

from popover.config.accounts import Account, OAuth2, SecretSource, fold
from popover.config.ahead import Ahead
from popover.config.cross import check, clash
from popover.config.desk import Desk
from popover.config.desks import unknown_accounts
from popover.config.device import DeviceRules
from popover.config.doubts import doubt
from popover.config.networks import PRIVATE_NETWORKS, Network, is_private
from popover.config.places import (
    SERVER_PORTS,
    default_listen,
    default_names,
    parse_listen,
    parse_server,
    parse_service_word,
)
from popover.config.routes import Table
from popover.config.times import HourRange, Hours, Rate
from popover.config.values import (
    Activated,
    Address,
    Admission,
    DialectName,
    Inside,
    InsideTLS,
    Listen,
    Patience,
    ProxyVersion,
    Security,
    Server,
    Service,
    Target,
    Trust,
    host_port,
    nobody,
    scheme_of,
)
from popover.config.whole import Config, Status
from popover.config.words import parse_hours, parse_ip, parse_network, parse_pin, parse_rate, pin_text, quote

__all__ = [
    "PRIVATE_NETWORKS",
    "SERVER_PORTS",
    "Account",
    "Activated",
    "Address",
    "Admission",
    "Ahead",
    "Config",
    "Desk",
    "DeviceRules",
    "DialectName",
    "HourRange",
    "Hours",
    "Inside",
    "InsideTLS",
    "Listen",
    "Network",
    "OAuth2",
    "Patience",
    "ProxyVersion",
    "Rate",
    "SecretSource",
    "Security",
    "Server",
    "Service",
    "Status",
    "Table",
    "Target",
    "Trust",
    "check",
    "clash",
    "default_listen",
    "default_names",
    "doubt",
    "fold",
    "host_port",
    "is_private",
    "load",
    "nobody",
    "parse_hours",
    "parse_ip",
    "parse_listen",
    "parse_network",
    "parse_pin",
    "parse_rate",
    "parse_server",
    "parse_service_word",
    "pin_text",
    "quote",
    "scheme_of",
    "unknown_accounts",
]


def load(path: str | Path) -> Config:
    """Read a file, or all `*.toml` of a directory in the order of their names; see file.py."""
    from popover.config import file  # noqa: PLC0415 - cattrs takes its time, and a command line needs none of it

    return file.load(path)
