"""What a query may give, with SQLite; the other databases are in test_kinds.py."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from popover.config.accounts import SecretSource
from popover.config.routes import SQL, Keeping, Names, Table
from popover.errors import ConfigError
from popover.protocols.login import NotFound, Unsure
from routing.stage import Stage, said, servers

ROWS = [
    ("alice", "one.example", 1995, None, "of the inside"),
    ("alice", "two.example", None, None, None),
    ("bob", "b@inside@imap.example", None, None, None),
    ("carol", "pop3s://c.example,d.example:1995", 99, "c", None),
    ("dave", "", None, None, None),
    ("erin", None, None, None, None),
]

Make = Callable[..., Stage]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Make]:
    file = tmp_path / "mail.db"
    with sqlite3.connect(file) as database:
        database.execute("create table users (name text, host text, port int, login text, password text)")
        database.executemany("insert into users values (?, ?, ?, ?, ?)", ROWS)
    database.close()
    made: list[Stage] = []

    def make(query: str = "select * from users where name = :user", **keys: object) -> Stage:
        made.append(Stage(Table("users", SQL(f"sqlite:///{file}", query), **keys)))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        asyncio.run(one.tables.close())


def test_a_row_for_each_server_the_first_one_at_the_front(stage: Make) -> None:
    found = stage().find_now("alice")
    assert servers(found) == ["pop3s://one.example:1995", "pop3s://two.example:995"]
    assert (said(found).user, said(found).secret) == ("alice", b"of the inside")


def test_a_column_may_be_written_as_perdition_has_it(stage: Make) -> None:
    found = stage().find_now("bob")
    assert (servers(found), said(found).user) == (["pop3s://imap.example:995"], "b@inside")
    found = stage("select host as whatever from users where name = :local").find_now("bob")
    assert (servers(found), said(found).user) == (["pop3s://imap.example:995"], "b@inside")
    found = stage().find_now("carol")
    assert servers(found) == ["pop3s://c.example:99", "pop3s://d.example:1995"]
    assert said(found).user == "c"


@pytest.mark.parametrize("name", ["dave", "erin", "frank"])
def test_a_row_without_a_server_is_none(stage: Make, name: str) -> None:
    assert isinstance(stage().find_now(name), NotFound)


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("select name, port from users", "the query gives name, port: call one of them server"),
        ("delete from users", "readonly database"),
        ("select host from user", "no such table: user"),
        ("begin", "the query gives no rows: write a SELECT"),
    ],
)
def test_a_query_that_is_wrong_is_the_operators_trouble(stage: Make, query: str, why: str) -> None:
    found = stage(query).find_now("alice")
    assert isinstance(found, Unsure)
    assert why in found.remedy


def test_all_that_a_query_may_ask_for(stage: Make) -> None:
    query = """select :user || ';' || :local || ';' || :domain || ';' || :client_ip || ';' || :listen || ';' || :service
        || ';' || :dialect || ';' || :key as login, 'a.example' as server"""
    found = stage(query, names=Names(keys=("domain",))).find_now("alice@x")
    assert said(found).user == "alice@x;alice;x;192.168.1.9;192.168.1.2;club;pop3;x"


def test_who_asks_for_no_address_is_asked_once_for_all_of_them(stage: Make) -> None:
    here = stage("select host from users where name = :user")
    held = [asyncio.run(here.find("alice", client=f"192.168.1.{number}")) for number in range(9)]
    assert len({tuple(servers(one)) for one in held}) == 1
    assert len(here.tables) == 1


@pytest.mark.parametrize(
    ("source", "mistake"),
    [
        (SQL("sqlite:///nowhere.db", "select 1"), "url: there is no file nowhere.db"),
        (SQL("sqlite:///x", "select :name"), ("query: there is no :name; there are :key, :user, :local, :domain, "
                                             ":client_ip, :listen, :service, :dialect")),
        (SQL("postgresql://x", "select 1", SecretSource("file", "/none")),
         "password_file: /none cannot be read: No such file or directory"),
        (SQL("postgresql://x", "select 1", SecretSource("environment", "NONE_SUCH")),
         "password_env: there is no variable NONE_SUCH"),
        (SQL("postgresql://x", "select 1", SecretSource("credential", "db")),
         "password_credential: there are no credentials: LoadCredential= in the unit gives db"),
    ],
)  # fmt: skip
def test_mistakes_are_told_when_it_is_loaded(source: SQL, mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(ConfigError) as caught:
        Stage(Table("users", source))
    assert caught.value.mistakes == (f'table "users": {mistake}',)


def test_a_library_that_is_not_here_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(__import__("sys").modules, "popover.routing.sql", raising=False)
    monkeypatch.setitem(__import__("sys").modules, "sqlalchemy", None)
    with pytest.raises(ConfigError, match=r'kind = "sql" needs .*pip install "popover\[sql\]"'):
        Stage(Table("users", SQL("sqlite:///x", "select 1")))


def test_a_file_that_was_replaced_is_another_one(stage: Make, tmp_path: Path) -> None:
    here = stage(keeping=Keeping(0, 0, 0))
    assert servers(here.find_now("bob")) == ["pop3s://imap.example:995"]
    with sqlite3.connect(tmp_path / "new.db") as database:
        database.execute("create table users (name text, host text)")
        database.execute("insert into users values ('bob', 'moved.example')")
    database.close()
    (tmp_path / "new.db").replace(tmp_path / "mail.db")
    assert servers(here.find_now("bob")) == ["pop3s://moved.example:995"]
    (tmp_path / "mail.db").unlink()
    assert isinstance(here.find_now("bob"), Unsure)


def test_no_password_is_shown(stage: Make) -> None:
    found = Stage(Table("users", SQL("postgresql://u:canary@127.0.0.1:1/x", "select 1"))).find_now("alice")
    assert isinstance(found, Unsure)
    assert "canary" not in found.cause + found.remedy
    assert "of the inside" not in repr(stage().find_now("alice"))
