"""A service of flat keys, as in a file, for tests that need one and care for a few keys only."""

from typing import Any, get_args

from popover.config import Address, DialectName, Server, Service
from popover.config.flat import assemble, flatten

PORTS = dict(zip(get_args(DialectName), (995, 993, 465, 4190), strict=True))


def service(dialect: DialectName = "pop3", **flat: Any) -> Service:
    """`flat`: the keys of a `[[service]]`, as values."""
    usual = {
        "name": "example",
        "listen": (Address("127.0.0.1", 0),),
        "server": Server(dialect, "mail.example.com", PORTS[dialect]),
    }
    return assemble(usual | flat)


def changed(one: Service, **flat: Any) -> Service:
    """The same service with some keys changed."""
    return assemble(flatten(one) | flat)
