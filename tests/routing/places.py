"""Where users are looked up, all with the same verbs: for one test that goes through all of them."""

import json
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

from parts.auth_http import AuthHTTP
from parts.databases import PASSWORD, MariaDB, Postgres, Running, Slapd, Users
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
        with closing(sqlite3.connect(self._file)) as opened, opened as made:
            made.execute("create table users (name text, server text, port int, login text, password text, nr integer)")
        self.source = SQL(f"sqlite:///{self._file}", QUERY)
        self._lock: sqlite3.Connection | None = None

    def add(self, name: str, *servers: str, login: str | None = None) -> None:
        with closing(sqlite3.connect(self._file)) as opened, opened as database:
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
    """A program of its own. `add` makes a user known to it."""

    def __init__(self, running: Running, source: Source, add: Callable[..., None]) -> None:
        self._running = running
        self.source = source
        self.add = add

    def stop(self) -> None:
        self._running.stop()

    def start(self) -> None:
        self._running.start()

    def hang(self) -> None:
        self._signal(signal.SIGSTOP)
        wait_until(lambda: all(map(_is_stopped, self._processes())), "all of it stands still")

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        for one in self._processes():
            os.kill(one, number)

    def _processes(self) -> list[int]:
        return [self._running.pid, *descendants(self._running.pid)]


def _is_stopped(pid: int) -> bool:
    """Whether all threads are: a signal takes its time to reach them."""
    states = [path.read_text().rpartition(")")[2].split()[0] for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    return set(states) == {"T"}


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
        slapd = Slapd(directory)
        with Running(slapd) as running:
            yield DatabasePlace(running, ldap_of(slapd), slapd.add)
    else:
        database = Postgres(directory) if kind == "postgresql" else MariaDB(directory)
        with Running(database) as running:
            yield DatabasePlace(running, SQL(database.url, QUERY, _secret(directory)), Users(database).add)


def ldap_of(slapd: Slapd) -> LDAP:
    """As a table asks it."""
    secret = _secret(slapd.directory)
    attributes = ("mailHost", "mailRoutingAddress")
    return LDAP((slapd.url,), slapd.base, "(uid={user})", attributes, slapd.bind, secret)


def _secret(directory: Path) -> SecretSource:
    (directory / "password").write_text(PASSWORD + "\n")
    return SecretSource("file", str(directory / "password"))


KINDS = ("sqlite", "postgresql", "mariadb", "slapd", "http")
