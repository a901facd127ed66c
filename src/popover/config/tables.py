"""A TOML table as a value, by cattrs: every key through its reader, and what is wrong in plain words."""

import difflib
from collections.abc import Callable
from operator import itemgetter
from typing import Any, TypeVar

from cattrs import ClassValidationError, Converter, ForbiddenExtraKeysError
from cattrs.gen import make_dict_structure_fn, override

from popover.config.fields import SERVICE, STATUS, TOP
from popover.config.readers import Reader
from popover.config.words import quote
from popover.errors import ConfigError

T = TypeVar("T")

# What people write who come from xinetd, stunnel or msmtp.
NEIGHBOURS = {
    "only_from": "allow",
    "no_access": "deny",
    "access_times": "hours",
    "instances": "max_sessions",
    "per_source": "max_sessions_per_client",
    "cps": "max_rate",
    "bind": "listen",
    "interface": "listen",
    "port": "listen",
    "accept": "listen",
    "connect": "server",
    "sni": "certificate_name",
    "checkhost": "certificate_name",
    "tls_host_override": "certificate_name",
}

# What people write in an account, and what they mean.
_IN_ACCOUNT = {
    "user": "login",
    "username": "login",
    "address": "login",
    "host": "server",
    "names": "name",
    "pop3": "servers",
    "imap": "servers",
    "smtp": "servers",
    "client_id": "oauth2",
}
_SECRETS = {"password": "password", "secret": "secret", "client_secret": "client_secret"}


def structurer(kind: type[T], readers: dict[str, Reader]) -> Callable[[dict[str, Any]], T]:
    """A function that makes a `kind` of a table, or raises ConfigError: all mistakes, in the file's order."""
    hooks: dict[str, Any] = {key: override(struct_hook=_as_hook(reader)) for key, reader in readers.items()}
    convert = make_dict_structure_fn(kind, Converter(), _cattrs_forbid_extra_keys=True, **hooks)

    def structure(table: dict[str, Any]) -> T:
        try:
            return convert(table, kind)
        except ClassValidationError as problems:
            raise ConfigError(_tell(problems, list(table), readers)) from None

    return structure


def _as_hook(reader: Reader) -> Any:
    return lambda value, _: reader(value)


def _tell(problems: ClassValidationError, order: list[str], readers: dict[str, Reader]) -> list[str]:
    told: list[tuple[int, str]] = []
    with_key, others = problems.group_exceptions()
    for problem, note in with_key:
        if isinstance(problem, ConfigError):
            told += [(order.index(note.name), f"{note.name}: {line}") for line in problem.mistakes]
        else:  # a reader that fails is our bug, not the operator's mistake
            raise problem
    for problem in others:
        if not isinstance(problem, ForbiddenExtraKeysError):
            raise problem
        told += [(order.index(key), _unknown(key, readers)) for key in problem.extra_fields]
    return [line for _, line in sorted(told, key=itemgetter(0))]


def _unknown(key: str, readers: dict[str, Reader]) -> str:
    """What to say of a key that we do not have."""
    shown = key if key.isidentifier() and key.isascii() else quote(key)
    if "login" in readers or "client_id" in readers:  # an account, or its way to sign in
        return _unknown_in_account(key, shown, readers)
    if readers in (TOP, STATUS) and key in SERVICE:
        return f"{shown}: belongs to a service; write it below a line [[service]]"
    if readers is not TOP and key in TOP:
        first = "[status]" if readers is STATUS else "the first [[service]]"
        return f"{shown}: belongs to the whole file; write it above {first}"
    if "verif" in key.lower() or "insecure" in key.lower():
        return f"{shown}: unknown; the server is always verified (ca_file and pin say by what)"
    near = NEIGHBOURS.get(key.lower()) if readers is SERVICE else None
    near = near or next(iter(difflib.get_close_matches(key[:80].lower(), readers, 1)), None)
    if near in {"service", "table"} and readers is TOP:
        return f"{shown}: unknown; did you mean [[{near}]]?"
    return f"{shown}: unknown; did you mean {near}?" if near else f"{shown}: unknown; known are {', '.join(readers)}"


def _unknown_in_account(key: str, shown: str, readers: dict[str, Reader]) -> str:
    stem = _SECRETS.get(key.lower())
    if f"{stem}_file" in readers:
        return f'{shown}: no secret stands in this file; write it into one of its own, and {stem}_file = "FILE"'
    near = _IN_ACCOUNT.get(key.lower(), "")
    near = near if near in readers else next(iter(difflib.get_close_matches(key[:80].lower(), readers, 1)), "")
    if not near and key in SERVICE:
        return f"{shown}: belongs to a service; write it below a line [[service]]"
    return f"{shown}: unknown; did you mean {near}?" if near else f"{shown}: unknown; known are {', '.join(readers)}"
