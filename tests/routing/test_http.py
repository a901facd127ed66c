"""nginx's auth_http, to the letter."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from parts.auth_http import AuthHTTP
from parts.certificates import Authority
from popover.config.accounts import SecretSource
from popover.config.routes import HTTP, Table
from popover.errors import ConfigError
from popover.protocols.login import Found, NotFound, Password, Route, Unsure
from routing.stage import Stage, said, servers, service

GOOD = Password(b"wonderland")

Make = Callable[..., Stage]


@pytest.fixture
def back_end() -> Iterator[AuthHTTP]:
    with AuthHTTP() as running:
        running.add("alice", "192.0.2.1", 995)
        yield running


@pytest.fixture
def stage(back_end: AuthHTTP) -> Iterator[Make]:
    made: list[Stage] = []

    def make(secret: SecretSource | None = None) -> Stage:
        made.append(Stage(Table("users", HTTP(back_end.url, secret))))
        return made[-1]

    yield make
    for one in made:
        asyncio.run(one.tables.close())


def test_it_is_asked_as_nginx_asks(back_end: AuthHTTP, stage: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTH_KEY", "of the back end")
    here = stage(SecretSource("environment", "AUTH_KEY"))
    here.find_now("j\u00f6rg b%", proof=Password(b"a b\xff%\r\n"))
    [asked] = back_end.asked
    wanted = {
        "path": "/auth?from=popover",
        "Auth-Method": "plain",
        "Auth-User": "j%C3%B6rg%20b%25",
        "Auth-Pass": "a%20b%FF%25%0D%0A",
        "Auth-Protocol": "pop3",
        "Auth-Login-Attempt": "1",
        "Client-IP": "192.168.1.9",
        "Auth-Key": "of the back end",
    }
    assert {name: value for name, value in asked.items() if name in wanted} == wanted
    assert "Client-Host" not in asked
    here.find_now("alice", service(dialect="smtp"), GOOD)
    assert back_end.asked[1]["Auth-Protocol"] == "smtp"
    assert back_end.asked[1]["Client-Host"] == "[UNAVAILABLE]"


def test_an_answer_is_a_route(back_end: AuthHTTP, stage: Make) -> None:
    assert servers(stage().find_now("alice", proof=GOOD)) == ["pop3s://192.0.2.1:995"]
    back_end.more = {"Auth-User": "alice@inside", "Auth-Pass": "of the inside"}
    found = stage().find_now("alice", proof=GOOD)
    assert (said(found).user, said(found).secret) == ("alice@inside", b"of the inside")
    back_end.more = {"Auth-Server": "mail.example.com"}
    back_end.add("bob", "2001:db8::1", 1995)
    back_end.more = {}
    assert servers(stage().find_now("bob", proof=GOOD)) == ["pop3s://[2001:db8::1]:1995"]


def test_names_of_the_back_end_are_octets(back_end: AuthHTTP, stage: Make) -> None:
    back_end.more = {"Auth-User": "j\u00f6rg@inside".encode().decode("latin-1"), "Auth-Pass": "\u00e9"}
    found = stage().find_now("alice", proof=GOOD)
    assert (said(found).user, said(found).secret) == ("j\u00f6rg@inside", b"\xe9")


def test_it_is_asked_in_tls_and_only_if_it_proves_who_it_is(authority: Authority) -> None:
    with AuthHTTP(authority.issue("localhost")) as back_end:
        back_end.add("alice", "192.0.2.1", 995)

        def find(url: str, ca_file: Path | None) -> Found:
            here = Stage(Table("users", HTTP(url, ca_file=ca_file)))
            found = here.find_now("alice", proof=GOOD)
            asyncio.run(here.tables.close())
            return found

        assert servers(find(back_end.url, authority.ca_file)) == ["pop3s://192.0.2.1:995"]
        assert len(back_end.asked) == 1
        wrong_name = back_end.url.replace("localhost", "127.0.0.1")
        for found in (find(back_end.url, None), find(wrong_name, authority.ca_file)):
            assert isinstance(found, Unsure)
            assert "certificate" in found.remedy
        assert len(back_end.asked) == 1


def test_a_trust_store_that_is_none_is_a_mistake(back_end: AuthHTTP, tmp_path: Path) -> None:
    for name in ("none.pem", "empty.pem"):
        (tmp_path / "empty.pem").write_text("")
        with pytest.raises(ConfigError, match=rf'table "users": ca_file: .*{name} cannot be used: '):
            Stage(Table("users", HTTP(back_end.url.replace("http:", "https:"), ca_file=tmp_path / name)))


def test_a_back_end_that_was_restarted_costs_one_more_connection_and_no_login(back_end: AuthHTTP, stage: Make) -> None:
    """Of many that were kept, those that died meanwhile are not tried one after the other."""
    here = stage()

    async def all_at_once() -> None:
        await asyncio.gather(*(here.find(f"user{number}", proof=GOOD) for number in range(8)))
        back_end.stop()
        back_end.start()
        before = len(back_end.asked)
        assert isinstance(await here.find("alice", proof=GOOD), Route)
        assert len(back_end.asked) == before + 1

    asyncio.run(all_at_once())


def test_what_it_refuses_is_refused_and_what_is_for_now_is_not(back_end: AuthHTTP, stage: Make) -> None:
    assert isinstance(stage().find_now("alice", proof=Password(b"wrong")), NotFound)
    back_end.more = {"Auth-Status": "Temporary server problem", "Auth-Error-Code": "451 4.3.0"}
    assert isinstance(stage().find_now("alice", proof=GOOD), Unsure)
    back_end.more = {"Auth-Status": "WAIT", "Auth-Wait": "5"}
    assert isinstance(stage().find_now("alice", proof=GOOD), Unsure)


@pytest.mark.parametrize("header", ["Auth-Status", "Auth-Server"])
def test_an_answer_that_is_not_whole_is_no_refusal(back_end: AuthHTTP, stage: Make, header: str) -> None:
    whole = back_end.answer
    back_end.answer = lambda headers: {  # type: ignore[method-assign]
        name: value for name, value in whole(headers).items() if name != header
    }
    back_end.status = 500
    assert isinstance(stage().find_now("alice", proof=GOOD), Unsure)


def test_what_was_said_of_one_password_is_said_of_no_other(back_end: AuthHTTP, stage: Make) -> None:
    here = stage()
    assert isinstance(here.find_now("alice", proof=GOOD), Route)
    assert isinstance(here.find_now("alice", proof=Password(b"wrong")), NotFound)
    assert isinstance(here.find_now("alice", proof=GOOD), Route)
    assert len(back_end.asked) == 2


def test_a_connection_is_kept_and_outlives_a_reload(back_end: AuthHTTP, stage: Make) -> None:
    here = stage()
    for name in ("one", "two", "three"):
        here.find_now(name, proof=GOOD)
    here.tables.load(here.settings)
    here.find_now("four", proof=GOOD)
    assert back_end.connections == 1
    here.tables.load([replace(one, deadline=1) for one in here.settings])
    here.find_now("four", proof=GOOD)
    assert back_end.connections == 2


def test_no_password_is_kept_or_told(back_end: AuthHTTP, stage: Make) -> None:
    here = stage()
    back_end.more = {"Auth-Pass": "canary inside"}
    found = here.find_now("alice", proof=GOOD)
    kept = repr(vars(here.tables)) + repr(found) + "".join(here.notes)
    assert "wonderland" not in kept
    assert "canary" not in kept
