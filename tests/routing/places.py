"""Where users are looked up, all with the same verbs: for one test that goes through all of them."""

import json
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from parts.auth_http import AuthHTTP
from parts.databases import Database, MariaDB, Postgres, Slapd
from parts.net import wait_until
from parts.program import descendants
from popover.config.accounts import SecretSource
from popover.config.routes import HTTP, LDAP, SQL, Source

QUERY = "select server, port, login, password from users where name = :user order by nr"


class Place(Protocol):
    """A kind of table that may go wrong."""

    @property
    def source(self) -> Source:
        """What a table is told."""

    def add(self, name: str, *servers: str, login: str | None = None) -> None:
        """Know a user."""

    def stop(self) -> None:
        """Be gone."""

    def start(self) -> None:
        """Be there again."""

    def hang(self) -> None:
        """Be there, and silent."""

    def go_on(self) -> None:
        """Speak again."""


class SQLitePlace:
    def __init__(self, directory: Path) -> None:
        self._file = directory / "mail.db"
        with sqlite3.connect(self._file) as made:
            made.execute("create table users (name text, server text, port int, login text, password text, nr integer)")
        self.source = SQL(f"sqlite:///{self._file}", QUERY)
        self._lock: sqlite3.Connection | None = None

    def add(self, name: str, *servers: str, login: str | None = None) -> None:
        with sqlite3.connect(self._file) as database:
            for number, server in enumerate(servers):
                database.execute("insert into users values (?, ?, null, ?, null, ?)", (name, server, login, number))

    def stop(self) -> None:
        self._file.rename(self._file.with_suffix(".gone"))

    def start(self) -> None:
        self._file.with_suffix(".gone").rename(self._file)

    def hang(self) -> None:
        self._lock = sqlite3.connect(self._file, isolation_level=None)
        self._lock.execute("begin exclusive")

    def go_on(self) -> None:
        assert self._lock is not None
        self._lock.execute("rollback")
        self._lock.close()


class DatabasePlace:
    """What all those have in common that are programs of their own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def stop(self) -> None:
        self._database.stop()

    def start(self) -> None:
        self._database.start()

    def hang(self) -> None:
        self._signal(signal.SIGSTOP)
        wait_until(lambda: all(map(_is_stopped, self._processes())), "all of it stands still")

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        for one in self._processes():
            os.kill(one, number)

    def _processes(self) -> list[int]:
        return [self._database.pid, *descendants(self._database.pid)]


def _is_stopped(pid: int) -> bool:
    """Whether all threads are: a signal takes its time to reach them."""
    states = [path.read_text().rpartition(")")[2].split()[0] for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    return set(states) == {"T"}


class ServerPlace(DatabasePlace):
    def __init__(self, database: Postgres | MariaDB, secret: Path) -> None:
        super().__init__(database)
        self._sql = database
        secret.write_text(database.password + "\n")
        self.source = SQL(database.url, QUERY, SecretSource("file", str(secret)))

    def add(self, name: str, *servers: str, login: str | None = None) -> None:
        for server in servers:
            self._sql.add(name, server, login=login)


class SlapdPlace(DatabasePlace):
    def __init__(self, database: Slapd, secret: Path) -> None:
        super().__init__(database)
        self._slapd = database
        secret.write_text(database.password)
        self.source = LDAP(
            (database.url,),
            database.base,
            "(uid={user})",
            ("mailHost", "mailRoutingAddress"),
            database.bind,
            SecretSource("file", str(secret)),
        )

    def add(self, name: str, *servers: str, login: str | None = None) -> None:
        self._slapd.add(name, *servers, login=login)


class HTTPPlace:
    def __init__(self, back_end: AuthHTTP) -> None:
        self._back_end = back_end
        self.source = HTTP(back_end.url)

    def add(self, name: str, *servers: str, login: str | None = None) -> None:
        self._back_end.add(name, servers[0], login=login)
        self._back_end.places[name] = tuple(one for one in servers if "://" in one)

    def stop(self) -> None:
        self._back_end.stop()

    def start(self) -> None:
        self._back_end.start()

    def hang(self) -> None:
        self._back_end.go_on.clear()

    def go_on(self) -> None:
        self._back_end.go_on.set()


def written(source: Source) -> str:
    """The same table as a file has it."""
    match source:
        case SQL(url, query, secret):
            more = f'password_file = "{secret.where}"' if secret else ""
            return f'name = "users"\nkind = "sql"\nurl = "{url}"\nquery = "{query}"\n{more}'
        case LDAP(urls, base, filter_, attributes, bind, secret):
            assert secret is not None
            return (
                f'name = "users"\nkind = "ldap"\nurl = {json.dumps(urls)}\nbase = "{base}"\nfilter = "{filter_}"\n'
                f'attributes = {json.dumps(attributes)}\nbind = "{bind}"\npassword_file = "{secret.where}"'
            )
        case HTTP(url):
            return f'name = "users"\nkind = "http"\nurl = "{url}"'
    raise AssertionError(source)


@contextmanager
def place(kind: str, directory: Path) -> Iterator[Place]:
    """One of these, for as long as it is wanted."""
    if kind == "sqlite":
        yield SQLitePlace(directory)
    elif kind == "http":
        with AuthHTTP() as back_end:
            yield HTTPPlace(back_end)
    elif kind == "slapd":
        with Slapd(directory) as slapd:
            yield SlapdPlace(slapd, directory / "bind")
    else:
        with {"postgresql": Postgres, "mariadb": MariaDB}[kind](directory) as database:
            assert isinstance(database, Postgres | MariaDB)
            yield ServerPlace(database, directory / "password")


KINDS = ("sqlite", "postgresql", "mariadb", "slapd", "http")
