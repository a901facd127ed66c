"""popover.toml, or a directory of such files, as a Config. All mistakes are found at once, one line each:

    popover.toml: service "example": max_sessions: must be a whole number, 0 or more; is "many"

Import this module only to load a file: cattrs takes its time, and a command line needs none of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, make_dataclass, replace
from pathlib import Path
from typing import Any

from popover.config.account_fields import read_account
from popover.config.accounts import Account
from popover.config.cross import find_mistakes, find_status_mistakes
from popover.config.desks import account_mistakes, desk_mistakes
from popover.config.fields import SERVICE, STATUS, TOP
from popover.config.flat import assemble
from popover.config.labels import account_label, service_label, table_label
from popover.config.networks import Network
from popover.config.places import default_listen, default_names
from popover.config.routes import Table
from popover.config.several import apart
from popover.config.table_file import find_table_mistakes, read_one, unknown_table
from popover.config.tables import structurer
from popover.config.text import files_of, parse, shown
from popover.config.values import Admission, Service, nobody
from popover.config.values import Listen as Place
from popover.config.whole import Config, Status
from popover.config.words import quote
from popover.errors import ConfigError


@dataclass(slots=True)
class _Top:
    """The top level of one file; None: not stated."""

    user: str | None = None
    drain_timeout: float | None = None
    status: Any = None
    service: list[dict[str, Any]] = field(default_factory=list)
    account: list[dict[str, Any]] = field(default_factory=list)
    table: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class _Status:
    """`[status]` as it stands there."""

    listen: tuple[Place, ...] = Status().listen
    allow: tuple[Network, ...] | None = None
    deny: tuple[Network, ...] = ()
    unsafe_public: bool = False


# One `[[service]]` as it stands there; None: not stated, so that the defaults stand in values.py alone.
_Written = make_dataclass("_Written", [(key, Any, None) for key in SERVICE])

_FILES = ("ca_file", "tls_cert", "tls_key")  # as they are written, relative to the file that names them

_read_top = structurer(_Top, TOP)
_read_status = structurer(_Status, STATUS)
_read_service: Callable[[dict[str, Any]], Any] = structurer(_Written, SERVICE)


@dataclass(slots=True)
class _Draft:
    """A service before it has its final name."""

    file: str
    service: Service


def load(path: str | Path) -> Config:
    """Read a file, or all `*.toml` of a directory in the order of their names.

    Raises ConfigError with all mistakes of all files.
    """
    reading = _Reading()
    for file in files_of(Path(path)):
        reading.read(file)
    services = reading.services(shown(path))
    tables = reading.tables()
    if reading.mistakes:
        raise ConfigError(reading.mistakes)
    drain = reading.top.drain_timeout
    config = Config(
        services, reading.top.user, status=reading.status, accounts=tuple(reading.accounts.values()), tables=tables
    )
    return config if drain is None else replace(config, drain_timeout=drain)


class _Reading:
    """What has been read so far, and what was wrong with it."""

    def __init__(self) -> None:
        self.mistakes: list[str] = []
        self.drafts: list[_Draft] = []
        self.accounts: dict[str, Account] = {}  # by the place where each was written
        self._tables: list[tuple[Table, str]] = []
        self._wrong_tables: set[str] = set()  # their names: what names them is no mistake of its own
        self.top = _Top()
        self.status: Status | None = None
        self._stated: dict[str, str] = {}  # key of the top level -> the file that has it

    def read(self, file: Path) -> None:
        """Add one file."""
        place = shown(file)
        try:
            table = parse(file)
        except ConfigError as mistake:
            self.mistakes += [f"{place}: {line}" for line in mistake.mistakes]
            return
        try:
            top = _read_top(table)
        except ConfigError as mistake:
            self.mistakes += [f"{place}: {line}" for line in mistake.mistakes]
            top = _Top(service=_dicts(table.get("service")), account=_dicts(table.get("account")))
            self._wrong_tables |= {str(one.get("name")) for one in _dicts(table.get("table"))}
        self._state(top, place)
        for number, written in enumerate(top.service, 1):
            self._add(place, file.parent, number, written)
        for number, written in enumerate(top.account, 1):
            self._add_account(place, file.parent, number, written)
        for number, written in enumerate(top.table, 1):
            self._add_table(place, file.parent, number, written)

    def _add_table(self, file: str, directory: Path, number: int, written: dict[str, Any]) -> None:
        place = f"{file}: table {table_label(written, number)}"
        try:
            self._tables.append((replace(read_one(written, directory), place=place), place))
        except ConfigError as wrong:
            self.mistakes += [f"{place}: {line}" for line in wrong.mistakes]
            self._wrong_tables.add(str(written.get("name")))

    def tables(self) -> tuple[Table, ...]:
        """All tables; adds the mistakes between them, and those of services that name none of them."""
        tables = tuple(table for table, _ in self._tables)
        known = {table.name for table in tables} | self._wrong_tables
        self.mistakes += find_table_mistakes(tables, [place for _, place in self._tables], self._wrong_tables)
        for draft in self.drafts:
            name = draft.service.desk.table
            if name is not None and name not in known:
                self.mistakes.append(
                    f"{draft.file}: service {quote(draft.service.name)}: {unknown_table(name, tables)}"
                )
        return tables

    def _state(self, top: _Top, file: str) -> None:
        for key in ("user", "drain_timeout", "status"):
            value = getattr(top, key)
            if value is None:
                continue
            if key in self._stated:
                self.mistakes.append(f"{file}: {key}: {self._stated[key]} states it already; say it in one file")
            else:
                self._stated[key] = file
                setattr(self.top, key, value)
                if key == "status":
                    self._read_status(value, file)

    def _read_status(self, table: dict[str, Any], file: str) -> None:
        try:
            read = _read_status(table)
        except ConfigError as mistake:
            self.mistakes += [f"{file}: [status]: {line}" for line in mistake.mistakes]
        else:
            admission = Admission(read.allow, read.deny, unsafe_public=read.unsafe_public)
            self.status = Status(read.listen, admission)

    def _add(self, file: str, directory: Path, number: int, written: dict[str, Any]) -> None:
        place = f"{file}: service {service_label(written, number)}"
        try:
            parts = apart(written)
        except ConfigError as wrong:
            self.mistakes += [f"{place}: {line}" for line in wrong.mistakes]
            return
        found = [line for part in parts for line in self._add_one(file, directory, place, part)]
        self.mistakes += [f"{place}: {line}" for line in dict.fromkeys(found)]

    def _add_one(self, file: str, directory: Path, place: str, written: dict[str, Any]) -> list[str]:
        """Add a service of one dialect; what is wrong with it."""
        mistakes = desk_mistakes(written)
        try:
            read = _read_service(written)
        except ConfigError as wrong:
            mistakes += wrong.mistakes
        if mistakes:
            return mistakes
        stated = {key: value for key in SERVICE if (value := getattr(read, key)) is not None}
        stated |= {key: directory / stated[key] for key in _FILES if key in stated}
        if check := stated.get("authenticate"):
            where = str(directory / check.where) if check.kind == "htpasswd" else check.where
            stated["authenticate"] = replace(check, where=where, place=place)
        server = stated.setdefault("server", nobody(stated.get("dialect", "pop3")))
        if stated.get("dialect", server.dialect) != server.dialect:
            return [f"server: {server} speaks {server.dialect}, and dialect says {stated['dialect']}"]
        if stated.get("device"):  # servers refuse what many devices send, and nobody reads it but they
            stated.setdefault("bare_lf", "normalize")
        unsaid = {"name": "", "listen": (default_listen(server.dialect),)}  # both depend on the server
        service = assemble(unsaid | stated)
        self.drafts.append(_Draft(file, service))
        return []

    def _add_account(self, file: str, directory: Path, number: int, written: dict[str, Any]) -> None:
        place = f"{file}: account {account_label(written, number)}"
        try:
            account = read_account(written, directory)
        except ConfigError as wrong:
            self.mistakes += [f"{place}: {line}" for line in wrong.mistakes]
        else:
            while place in self.accounts:  # two of one name, in one file
                place += " (again)"
            self.accounts[place] = account

    def services(self, path: str) -> tuple[Service, ...]:
        """All services with their final names; adds the mistakes between them."""
        taken = [draft.service.name for draft in self.drafts if draft.service.name]
        unnamed = [draft for draft in self.drafts if not draft.service.name]
        names = default_names([draft.service.server for draft in unnamed], taken)
        for draft, name in zip(unnamed, names, strict=True):
            draft.service = replace(draft.service, name=name)
        services = tuple(draft.service for draft in self.drafts)
        places = [f"{draft.file}: service {quote(draft.service.name)}" for draft in self.drafts]
        if services:
            self.mistakes += find_mistakes(services, places)
            self.mistakes += account_mistakes([*self.accounts.values()], services, [*self.accounts], places)
            if self.status is not None:
                self.mistakes += find_status_mistakes(self.status, services, f"{self._stated['status']}: [status]")
        elif not self.mistakes:
            self.mistakes.append(f'{path}: no service: write [[service]] and server = "pop3s://mail.example.com"')
        return services


def _dicts(value: object) -> list[dict[str, Any]]:
    """What can be read of `[[service]]` and the like in a file whose top level has a mistake."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
