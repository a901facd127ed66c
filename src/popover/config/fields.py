"""The keys of a configuration file: for each a reader, from what TOML gives to what values.py holds.

A reader raises ConfigError with what would be right. cattrs calls them and collects what they raise.
"""

from pathlib import Path
from typing import Any, get_args

from popover.config.ahead import ReadAhead
from popover.config.desk import LocalCheck
from popover.config.device import QueueWord
from popover.config.mailboxes import parse_address, parse_recipient
from popover.config.places import parse_host, parse_listen, parse_server
from popover.config.readers import (
    Reader,
    choice,
    read_count,
    read_drain,
    read_name,
    read_seconds,
    read_switch,
    read_text,
    show,
    word,
    words,
)
from popover.config.values import BareLF, DialectName, InsideTLS, Listen, ProxyVersion, TLSVersion
from popover.config.words import (
    parse_capability,
    parse_hours,
    parse_ip,
    parse_network,
    parse_pin,
    parse_rate,
    quote,
)
from popover.errors import ConfigError

DIALECTS: tuple[DialectName, ...] = get_args(DialectName)
TLS_VERSIONS: tuple[TLSVersion, ...] = get_args(TLSVersion)
INSIDE_TLS: tuple[InsideTLS, ...] = get_args(InsideTLS)
BARE_LF: tuple[BareLF, ...] = get_args(BareLF)
QUEUE: tuple[QueueWord, ...] = get_args(QueueWord)
PROXY_VERSIONS: tuple[ProxyVersion, ...] = ("v2", "v1")  # what servers like better comes first


MEMORY_LIMIT = 64 * 1024 * 1024
"""Octets read ahead for one session: more than the largest mail that providers take (Gmail: 25 MB)."""

SPARES_LIMIT = 10
"""Connections that stand ready for a service: as many as Dovecot allows one user and address by default."""

RECIPIENTS_LIMIT = 1000
"""Of one mail: what Postfix takes; providers take 100 to 500."""


def read_listen(value: object) -> tuple[Listen, ...]:
    """One listener or more."""
    if value == []:
        raise ConfigError("must not be empty; leave it out for the usual address")
    return words(parse_listen)(value)


def parse_certificate_name(text: str) -> str:
    """A name, or an IP address, that stands in a certificate. No pattern: it is one server's."""
    if "*" in text:
        raise ConfigError(f"{quote(text)}: write one of the names that the certificate stands for, without a *")
    return parse_host(text)


def read_allow(value: object) -> object:
    """One network or more: an empty list would let nobody in."""
    if value == []:
        raise ConfigError("lets nobody in; leave it out to let private networks in")
    return words(parse_network)(value)


def read_ahead(value: object) -> ReadAhead:
    """A switch with a third place."""
    if value == "always":
        return "always"
    if not isinstance(value, bool):
        raise ConfigError(f'must be true, false or "always"; is {show(value)}')
    return value


def read_bytes(value: object) -> int:
    """An amount of memory for one session."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= MEMORY_LIMIT:
        raise ConfigError(f"must be a number of bytes, 1 to {MEMORY_LIMIT}; is {show(value)}")
    return value


def read_spares(value: object) -> int:
    """How many connections stand ready."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= SPARES_LIMIT:
        raise ConfigError(f"must be a whole number, 0 to {SPARES_LIMIT}; is {show(value)}")
    return value


def parse_authenticate(text: str) -> LocalCheck:
    """`htpasswd:FILE`, `pam` or `pam:SERVICE`."""
    kind, colon, where = text.partition(":")
    if kind == "htpasswd" and where:
        return LocalCheck("htpasswd", where)
    if kind == "pam" and (where or not colon) and "/" not in where:
        return LocalCheck("pam", where or "popover")
    raise ConfigError(f'{quote(text)} is no such check: write "htpasswd:FILE", "pam" or "pam:SERVICE"')


def read_recipients(value: object) -> object:
    """One address or more: an empty list would let a device write to nobody."""
    if value == []:
        raise ConfigError("lets it write to nobody; leave it out to let it write to anybody")
    return words(parse_recipient)(value)


def read_most(value: object) -> int:
    """How many recipients a mail may have; there is always a limit."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= RECIPIENTS_LIMIT:
        raise ConfigError(f"must be a whole number, 1 to {RECIPIENTS_LIMIT}; is {show(value)}")
    return value


def read_accounts(value: object) -> bool | tuple[str, ...]:
    """All accounts, or some of them by name."""
    if isinstance(value, bool):
        return value
    if not isinstance(value, list) or not value:
        raise ConfigError(f'must be true, false or a list of names: ["grandpa"]; is {show(value)}')
    return words(read_name)(value)


def read_table(value: object) -> dict[str, Any]:
    """The one `[status]` of a file."""
    if isinstance(value, list):
        raise ConfigError("write it in one pair of brackets: [status]")
    if not isinstance(value, dict):
        raise ConfigError(f"must be a table, beginning with the line [status]; is {show(value)}")
    return value


def tables_of(name: str) -> Reader:
    """A reader for all `[[NAME]]`s of a file."""

    def read(value: object) -> list[dict[str, Any]]:
        if isinstance(value, dict):
            raise ConfigError(f"write it in two pairs of brackets: [[{name}]]")
        if not isinstance(value, list) or not all(isinstance(table, dict) for table in value):
            raise ConfigError(f"must be tables, each beginning with the line [[{name}]]; is {show(value)}")
        return value

    return read


SERVICE: dict[str, Reader] = {
    "name": read_name,
    "listen": read_listen,
    "server": word(parse_server),
    "dialect": choice(DIALECTS),
    "accounts": read_accounts,
    "table": read_name,
    "device": read_switch,
    "authenticate": word(parse_authenticate),
    "sender": word(parse_address),
    "recipients": read_recipients,
    "max_recipients": read_most,
    "queue": choice(QUEUE),
    "ca_file": word(Path),
    "min_tls": choice(TLS_VERSIONS),
    "pin": words(parse_pin),
    "certificate_name": word(parse_certificate_name),
    "tls": choice(INSIDE_TLS),
    "tls_cert": word(Path),
    "tls_key": word(Path),
    "legacy": read_switch,
    "allow": read_allow,
    "deny": words(parse_network),
    "hours": word(parse_hours),
    "max_sessions": read_count,
    "max_sessions_per_client": read_count,
    "max_rate": word(parse_rate),
    "proxy_from": words(parse_network),
    "source_address": word(lambda text: str(parse_ip(text))),
    "connect_timeout": read_seconds,
    "greeting_timeout": read_seconds,
    "login_timeout": read_seconds,
    "idle_timeout": read_seconds,
    "stall_timeout": read_seconds,
    "proxy_to_server": choice(PROXY_VERSIONS, ", or left out: then the server is told nothing"),
    "unsafe_public": read_switch,
    "hide": words(parse_capability),
    "trace": read_switch,
    "warm": read_spares,
    "ask_ahead": read_switch,
    "read_ahead": read_ahead,
    "read_ahead_bytes": read_bytes,
    "user_at_once": read_switch,
    "dele_at_once": read_switch,
    "quit_at_once": read_switch,
    "keep_alive": read_drain,
    "soften": read_switch,
    "bare_lf": choice(BARE_LF),
}

TOP: dict[str, Reader] = {
    "user": read_text,
    "drain_timeout": read_drain,
    "status": read_table,
    "service": tables_of("service"),
    "account": tables_of("account"),
    "table": tables_of("table"),
}

STATUS: dict[str, Reader] = {key: SERVICE[key] for key in ("listen", "allow", "deny", "unsafe_public")}
