"""One `[[service]]` for several dialects, which is as many services: all is the same for them but where they listen.

    dialect = ["pop3", "imap", "smtp", "sieve"]
    listen = { pop3 = "192.168.1.2:110", imap = ["192.168.1.2:143", "[::1]:143"] }     the others: their usual port
    server = { pop3 = "pop3s://mail.example.com", imap = "imaps://mail.example.com" }  the others: the table alone

Each has the dialect behind its name: `club-pop3`. Text in, text out: what stands there is read as that of any service.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from popover.config.readers import show
from popover.config.values import DialectName, usual_scheme
from popover.config.words import quote
from popover.errors import ConfigError

_DIALECTS: tuple[DialectName, ...] = get_args(DialectName)
_PLACES = ("listen", "server")  # what each dialect has its own of


def apart(written: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give one service for each dialect that it names; most name one. Raises ConfigError."""
    dialects = written.get("dialect")
    by_dialect = {key: written[key] for key in _PLACES if isinstance(written.get(key), dict)}
    if not isinstance(dialects, list):
        if by_dialect:
            raise ConfigError([
                f'{key}: is one for each dialect; write dialect = ["pop3", "imap"], too' for key in by_dialect
            ])  # fmt: skip
        return [dict(written)]
    if mistakes := [*_wrong_dialects(dialects), *_wrong_places(written, dialects)]:
        raise ConfigError(mistakes)
    shared = {key: value for key, value in written.items() if key not in _PLACES}
    return [_one(shared, by_dialect, dialect) for dialect in dialects]


def _one(shared: dict[str, Any], by_dialect: dict[str, dict[str, Any]], dialect: DialectName) -> dict[str, Any]:
    own: dict[str, Any] = {"dialect": dialect}
    own |= {key: places[dialect] for key, places in by_dialect.items() if dialect in places}
    if isinstance(own.get("server"), str) and "://" not in own["server"]:
        own["server"] = f"{usual_scheme(dialect)}://{own['server']}"
    if isinstance(shared.get("name"), str):
        own["name"] = f"{shared['name']}-{dialect}"
    return shared | own


def _wrong_dialects(dialects: list[Any]) -> list[str]:
    known = ", ".join(quote(one) for one in _DIALECTS)
    mistakes = [f"dialect: must be some of {known}; has {show(one)}" for one in dialects if one not in _DIALECTS]
    if not dialects:
        mistakes.append(f"dialect: must not be empty; write some of {known}")
    elif not mistakes and len(set(dialects)) < len(dialects):
        mistakes.append("dialect: names one twice")
    return mistakes


def _wrong_places(written: Mapping[str, Any], dialects: list[Any]) -> list[str]:
    mistakes = []
    for key in _PLACES:
        value = written.get(key)
        if value is not None and not isinstance(value, dict):
            mistakes.append(f'{key}: with several dialects it is one for each; write {key} = {{ pop3 = "...", ... }}')
        elif value is not None:
            mistakes += [
                f"{key}: {quote(one)} is none of this service's dialects" for one in value if one not in dialects
            ]
    return mistakes
