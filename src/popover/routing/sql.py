"""A table that is a database: SQLite, PostgreSQL, MySQL and MariaDB, through SQLAlchemy (`popover[sql]`).

The query gives a row for each server, the one to try first at the front: columns server (or host), and where there is
one port, user, password; or one column alone, as Perdition has it: `[user@]host[:port][,host...]`.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any, Final

import sqlalchemy
from sqlalchemy import URL, Engine
from sqlalchemy.exc import SQLAlchemyError

from popover.config.route_words import SERVERS_LIMIT
from popover.config.routes import SQL
from popover.errors import ConfigError
from popover.routing.answers import Answer, Entry, Failed, Missing, Query
from popover.routing.names import is_text
from popover.routing.secret import read_secret
from popover.routing.threads import THREADS, Threads
from popover.routing.written import split_value

_DRIVERS: Final = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql"}

_PARAMETERS: Final = {"key": "key", "user": "user", "local": "local", "domain": "domain", "client_ip": "client",
                      "listen": "listen", "service": "service", "dialect": "dialect"}  # fmt: skip

_COLUMNS: Final = {"host": "server", "servername": "server", "mailhost": "server", "login": "user", "username": "user"}
"""What else columns may be called: Perdition's, Postfix's and Dovecot's words."""

RECYCLE = 300
"""Seconds after which an idle connection is made anew. Firewalls forget silent ones after 5 minutes and more."""


class SQLTable:
    """One database and one query. Connections are pooled, and tried before use: a restart costs nobody a login."""

    is_quick = False

    def __init__(self, source: SQL, delimiter: str, deadline: float) -> None:
        self._delimiter = delimiter
        self._text = sqlalchemy.text(source.query)
        self._parameters = sorted(self._text.compile().params)
        if strange := [one for one in self._parameters if one not in _PARAMETERS]:
            known = ", ".join(f":{one}" for one in _PARAMETERS)
            raise ConfigError(f"query: there is no :{strange[0]}; there are {known}")
        self._engine = _engine(source, deadline)
        url = self._engine.url
        self._file = url.database.removeprefix("file:") if url.database and url.get_backend_name() == "sqlite" else ""
        self._which = (0, 0)  # device and inode of the file
        self._threads = Threads("sql")
        self._is_closed = False

    def depends_on(self, query: Query) -> Hashable:
        """Of what the query asks for alone: one that asks for no address is asked once for all."""
        return tuple(getattr(query, _PARAMETERS[one]) for one in self._parameters)

    async def find(self, query: Query) -> Answer:
        """Ask the database, in a thread."""
        if not is_text(query):
            return Missing(f"{_shown(self._engine.url)}: it is no UTF-8")
        values = {one: getattr(query, _PARAMETERS[one]) for one in self._parameters}
        return await self._threads.call(lambda: self._ask(values))

    def _ask(self, values: dict[str, str]) -> Answer:
        try:
            if self._file:
                self._look_at_file()
            with self._engine.connect() as connection:
                try:
                    result = connection.execute(self._text, values)
                    if not result.returns_rows:
                        return Failed("the query gives no rows: write a SELECT")
                    return self._read(list(result.keys()), result.fetchmany(SERVERS_LIMIT))
                finally:
                    if self._is_closed:  # meanwhile: there is no pool any more
                        connection.detach()
        except (SQLAlchemyError, OSError) as fault:
            return Failed(f"{_shown(self._engine.url)}: {_reason(fault)}")

    def _look_at_file(self) -> None:
        """SQLite goes on with a file that was replaced or removed, as long as it is open. Raises OSError."""
        found = Path(self._file).stat()
        if (found.st_dev, found.st_ino) != self._which:
            self._which = (found.st_dev, found.st_ino)
            self._engine.dispose()

    def _read(self, columns: list[str], rows: Sequence[Any]) -> Answer:
        names = [_COLUMNS.get(one.lower(), one.lower()) for one in columns]
        if len(names) == 1:
            names = ["server"]
        if "server" not in names:
            return Failed(f"the query gives {', '.join(columns)}: call one of them server")
        found = [dict(zip(names, row, strict=True)) for row in rows]
        found = [row for row in found if row["server"] not in {None, ""}]
        if not found:
            return Missing(_shown(self._engine.url))
        servers: list[str] = []
        users: list[str] = []
        for row in found:
            user, places = split_value(str(row["server"]), self._delimiter)
            port = row.get("port")
            servers += [f"{one}:{port}" if port and not _has_port(one) else one for one in places]
            users += [str(name) for name in (row.get("user"), user) if name]
        password = found[0].get("password")
        return Entry(
            tuple(servers[:SERVERS_LIMIT]),
            users[0] if users else None,
            _octets(password) if password else None,
            _shown(self._engine.url),
        )

    async def close(self) -> None:
        """Let go of threads and connections."""
        self._is_closed = True
        self._threads.close()
        self._engine.dispose()


def _engine(source: SQL, deadline: float) -> Engine:
    try:
        url = sqlalchemy.make_url(source.url)
    except SQLAlchemyError:
        raise ConfigError("url: is no database URL") from None
    url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
    if source.password is not None:
        url = url.set(password=read_secret(source.password))
    options: dict[str, Any] = {"hide_parameters": True, "connect_args": _patience(url, deadline)}
    if url.get_backend_name() == "sqlite":
        url = _read_only(url)
    else:
        options |= {"pool_pre_ping": True, "pool_recycle": RECYCLE}
    options |= {"pool_size": THREADS, "max_overflow": 0, "pool_timeout": deadline}
    return sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT", **options)


def _read_only(url: URL) -> URL:
    """SQLite makes a file that is not there."""
    if not url.database or not Path(url.database).exists():
        raise ConfigError(f"url: there is no file {url.database}")
    return url.set(database=f"file:{url.database}", query={"mode": "ro", "uri": "true"})


def _patience(url: URL, deadline: float) -> dict[str, Any]:
    """The library's own time-outs: a thread that nobody waits for any more comes to an end, too."""
    seconds = max(1, round(deadline))
    if url.get_backend_name() == "postgresql":
        # The last one is for a machine that is gone without a word: TCP by itself gives it up after 15 minutes.
        options = f"-c statement_timeout={seconds * 1000}"
        return {"connect_timeout": max(2, seconds), "options": options, "tcp_user_timeout": seconds * 1000}
    if url.get_backend_name() in {"mysql", "mariadb"}:
        return {"connect_timeout": seconds, "read_timeout": seconds, "write_timeout": seconds}
    return {"timeout": deadline}


def _has_port(place: str) -> bool:
    return ":" in place.rpartition("://")[2].rpartition("]")[2]


def _octets(password: object) -> bytes:
    return bytes(password) if isinstance(password, bytes | bytearray | memoryview) else str(password).encode()


def _shown(url: URL) -> str:
    """The database without its password."""
    place = url.host or (url.database or "").removeprefix("file:")
    return f"{url.get_backend_name()} at {place}"


def _reason(fault: SQLAlchemyError | OSError) -> str:
    """The driver's own first line, which holds neither the query nor its values."""
    original = getattr(fault, "orig", None) or fault
    lines = str(original).strip().splitlines()
    return f"{type(original).__name__}: {lines[0] if lines else 'no reason given'}"[:300]
