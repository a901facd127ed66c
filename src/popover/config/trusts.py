"""How some of a table's servers prove who they are: by host, in the words of a service. Text in, values out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import make_dataclass
from typing import Any

from popover.config.account_fields import TRUST
from popover.config.fields import SERVICE
from popover.config.places import parse_server
from popover.config.readers import show
from popover.config.tables import structurer
from popover.config.values import Trust
from popover.config.words import quote
from popover.errors import ConfigError

_Written = make_dataclass("_Written", [(key, Any, None) for key in TRUST])
_read: Callable[[dict[str, Any]], Any] = structurer(_Written, {key: SERVICE[key] for key in TRUST})


def read_trusts(value: object) -> tuple[tuple[str, Trust], ...]:
    """`{ "mail.old.example" = { ca_file = "old.pem" }, "*.b.example" = { min_tls = "1.3" } }`."""
    if not isinstance(value, dict):
        raise ConfigError(f'must be hosts and how each proves it: {{ "mail.b.example" = {{ ca_file = "b.pem" }} }}; '
                          f"is {show(value)}")  # fmt: skip
    found: list[tuple[str, Trust]] = []
    mistakes: list[str] = []
    for host, written in value.items():
        try:
            found.append((_host(host), _trust(written)))
        except ConfigError as wrong:
            mistakes += [f"{quote(host)}: {line}" for line in wrong.mistakes]
    if mistakes:
        raise ConfigError(mistakes)
    return tuple(found)


def _host(written: str) -> str:
    """A host as servers have it: in lower case, without a port; it may begin with `*.`."""
    bare = written.removeprefix("*.")
    if "://" in bare or bare.count(":") == 1 or "]:" in bare:
        raise ConfigError("is no host: write it without scheme and port")
    host = parse_server(f"pop3s://{bare}").host
    return host if bare == written else f"*.{host}"


def _trust(written: object) -> Trust:
    if not isinstance(written, dict) or not written:
        raise ConfigError(f"write some of {', '.join(TRUST)} in braces")
    read = _read(written)
    return Trust(**{key: value for key in TRUST if (value := getattr(read, key)) is not None})
