"""`[[table]]`s of a file as Tables. Like file.py, import it only to load a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields as fields_of
from dataclasses import make_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from popover.config.account_readers import secret_keys
from popover.config.accounts import SecretSource
from popover.config.cross import wrong_ca_file
from popover.config.readers import (
    Reader,
    choice,
    read_drain,
    read_name,
    read_seconds,
    read_switch,
    read_text,
    word,
    words,
)
from popover.config.route_words import (
    parse_key,
    parse_named_server,
    parse_url,
    read_domains,
    read_routes,
    read_schemes,
    read_urls,
    read_uses,
)
from popover.config.routes import HTTP, LDAP, SQL, Chain, Keeping, Names, Popmap, Source, Static, Table
from popover.config.tables import structurer
from popover.config.trusts import read_trusts
from popover.config.values import Trust
from popover.config.words import quote
from popover.errors import ConfigError

T = TypeVar("T")

_DATABASES = ("sqlite", "postgresql", "postgresql+psycopg", "mysql", "mysql+pymysql", "mariadb", "mariadb+pymysql")

TABLE: dict[str, Reader] = {
    "name": read_name,
    "kind": choice(("static", "popmap", "sql", "ldap", "http", "chain")),
    # what is of one kind
    "routes": read_routes,
    "file": word(Path),
    "regex": read_switch,
    "url": read_urls,
    "query": read_text,
    "base": read_text,
    "filter": read_text,
    "attributes": words(str),
    "bind": read_text,
    "starttls": read_switch,
    "ca_file": word(Path),
    **secret_keys("password"),
    "tables": words(read_name),
    # names
    "delimiter": read_text,
    "add_domain": read_domains,
    "add_domain_for": read_uses,
    "strip_domain": read_uses,
    "lower_case": read_uses,
    "keys": words(parse_key),
    "named_servers": words(parse_named_server),
    "server_delimiter": read_text,
    # what becomes of an answer
    "scheme": read_schemes,
    "balance": choice(("failover", "round_robin")),
    "rest_for": read_drain,
    "trust": read_trusts,
    "cache_ttl": read_drain,
    "negative_ttl": read_drain,
    "stale_for": read_drain,
    "deadline": read_seconds,
    "refuse_after": read_drain,
}

_SECRETS = {"password_file": "file", "password_credential": "credential", "password_env": "environment"}

_NEEDS: dict[str, tuple[str, ...]] = {
    "static": ("routes",),
    "popmap": ("file",),
    "sql": ("url", "query"),
    "ldap": ("url", "base", "filter", "attributes"),
    "http": ("url",),
    "chain": ("tables",),
}
_MAY: dict[str, tuple[str, ...]] = {
    "popmap": ("regex",),
    "sql": tuple(_SECRETS),
    "ldap": ("bind", "starttls", "ca_file", *_SECRETS),
    "http": ("ca_file", *_SECRETS),
}
_OF_A_KIND = {key for keys in (*_NEEDS.values(), *_MAY.values()) for key in keys}
_URLS = {
    "sql": parse_url(_DATABASES),
    "ldap": parse_url(("ldap", "ldaps", "ldapi")),
    "http": parse_url(("http", "https")),
}

_Written = make_dataclass("_Written", [(key, Any, None) for key in TABLE])
_read: Callable[[dict[str, Any]], Any] = structurer(_Written, TABLE)


def read_one(written: dict[str, Any], directory: Path) -> Table:
    """Make a table of what stands in a file. Raises ConfigError with all that is wrong."""
    mistakes: list[str] = []
    try:
        read = _read(written)
    except ConfigError as wrong:
        mistakes += wrong.mistakes
        read = None
    mistakes += _misplaced(written)
    if mistakes or read is None:
        raise ConfigError(mistakes)
    stated = {key: value for key in TABLE if (value := getattr(read, key)) is not None}
    stated |= {key: directory / stated[key] for key in ("file", "ca_file", "password_file") if key in stated}
    rest: dict[str, Any] = {"schemes": stated["scheme"]} if "scheme" in stated else {}
    rest |= {"trust": _trust(stated["trust"], directory)} if "trust" in stated else {}
    made = Table(stated["name"], _source(stated, directory), _part(Names, stated), _part(Keeping, stated), **rest)
    own = {key: stated[key] for key in ("balance", "rest_for", "deadline", "refuse_after") if key in stated}
    return replace(made, **own)


def _misplaced(written: dict[str, Any]) -> list[str]:
    """What is missing, and what goes with another kind."""
    mistakes = [] if "name" in written else ['name: is missing; services name it: table = "users"']
    kind = written.get("kind")
    if "kind" not in written:
        return [*mistakes, f"kind: is missing; write one of {', '.join(_NEEDS)}"]
    if not isinstance(kind, str) or kind not in _NEEDS:
        return mistakes  # told by its reader
    mistakes += [f'{key}: is missing; kind = "{kind}" needs it' for key in _NEEDS[kind] if key not in written]
    own = (*_NEEDS[kind], *_MAY.get(kind, ()))
    mistakes += [f'{key}: nothing for kind = "{kind}"' for key in written if key in _OF_A_KIND and key not in own]
    said = [key for key in _SECRETS if key in written]
    if len(said) > 1:
        mistakes.append(f"{', '.join(said)}: one of them is enough")
    mistakes += [f"url: {line}" for line in _wrong_urls(kind, written.get("url"))]
    return mistakes


def _wrong_urls(kind: str, value: object) -> list[str]:
    urls = [value] if isinstance(value, str) else value
    if kind not in _URLS or not isinstance(urls, list) or not all(isinstance(one, str) and one for one in urls):
        return []  # told by its reader
    if len(urls) > 1 and kind != "ldap":
        return [f'is one for kind = "{kind}"']
    return [line for one in urls for line in _mistakes_of(_URLS[kind], one)]


def _mistakes_of(parse: Callable[[str], object], text: str) -> tuple[str, ...]:
    try:
        parse(text)
    except ConfigError as wrong:
        return wrong.mistakes
    return ()


def _beside(url: str, directory: Path) -> str:
    """An SQLite file is named relative to the file that names it, like all others."""
    place = url.removeprefix("sqlite:///")
    return url if place == url or Path(place).is_absolute() else f"sqlite:///{(directory / place).absolute()}"


def _trust(read: tuple[tuple[str, Trust], ...], directory: Path) -> tuple[tuple[str, Trust], ...]:
    """A file of those to trust is named relative to the file that names it, and has to be there."""
    placed = tuple(
        (host, one if one.ca_file is None else replace(one, ca_file=directory / one.ca_file)) for host, one in read
    )
    wrong = [f"trust: {quote(host)}: {line}" for host, one in placed if (line := wrong_ca_file(one))]
    if wrong:
        raise ConfigError(wrong)
    return placed


def _source(stated: dict[str, Any], directory: Path) -> Source:
    secret = next((SecretSource(kind, str(stated[key])) for key, kind in _SECRETS.items() if key in stated), None)  # type: ignore[arg-type]
    match stated["kind"]:
        case "static":
            return Static(stated["routes"])
        case "popmap":
            return Popmap(stated["file"], stated.get("regex", stated["file"].suffix == ".re"))
        case "sql":
            return SQL(_beside(stated["url"][0], directory), stated["query"], secret)
        case "ldap":
            optional = {key: stated[key] for key in ("bind", "starttls", "ca_file") if key in stated}
            return LDAP(
                tuple(stated["url"]),
                stated["base"],
                stated["filter"],
                stated["attributes"],
                password=secret,
                **optional,
            )
        case "http":
            return HTTP(stated["url"][0], secret, stated.get("ca_file"))
    return Chain(stated["tables"])


def _part(kind: type[T], stated: dict[str, Any]) -> T:
    return kind(**{one.name: stated[one.name] for one in fields_of(kind) if one.name in stated})  # type: ignore[arg-type]


def find_table_mistakes(tables: Iterable[Table], places: Iterable[str], wrong: Iterable[str]) -> list[str]:
    """What is wrong although each table is right by itself; `places[i]` says where tables[i] was written, `wrong` are
    the names of those that were not understood.
    """
    known: dict[str, Table | None] = dict.fromkeys(wrong)
    mistakes = []
    placed = list(zip(tables, places, strict=True))
    for table, place in placed:
        if known.get(table.name):
            mistakes.append(f"{place}: name: another table has the same; each needs its own")
        known[table.name] = table
    for table, place in placed:
        if isinstance(table.source, Chain):
            mistakes += [f"{place}: tables: {line}" for line in _wrong_chain(table.name, table.source, known)]
    return mistakes


def _wrong_chain(name: str, chain: Chain, known: dict[str, Table | None]) -> list[str]:
    mistakes = [f"there is no table {quote(one)}" for one in chain.tables if one not in known]
    nested = [one for one in chain.tables if (found := known.get(one)) and isinstance(found.source, Chain)]
    mistakes += [f"{quote(one)} is a chain itself; name its tables here" for one in nested if one != name]
    if name in chain.tables:
        mistakes.append(f"{quote(name)} would ask itself")
    return mistakes


def unknown_table(name: str, tables: Iterable[Table]) -> str:
    """Say that a service names a table that there is not."""
    known = ", ".join(quote(one.name) for one in tables)
    there = f"there are {known}" if known else 'write [[table]] and name = "..."'
    return f"table: there is no table {quote(name)}; {there}"
