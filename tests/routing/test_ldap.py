"""What is of directories alone, with a real slapd: TLS, and what must not be believed."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from fakes.server import FakeServer
from fakes.wire import Wire
from parts.certificates import Authority
from parts.databases import Running, Slapd
from parts.places import short_directory
from popover.config.routes import LDAP, Keeping, Table
from popover.protocols.login import Found, NotFound, Unsure
from routing.places import ldap_of
from routing.stage import Stage, said, servers


@pytest.fixture(scope="module")
def slapd(authority: Authority) -> Iterator[Slapd]:
    with short_directory("ldap") as directory:
        made = Slapd(directory, authority.issue("localhost"))
        with Running(made):
            made.add("alice", "mail.example.com", login="alice@inside")
            for name in ("twin1", "twin2", "twin3"):
                made.add(name, "mail.example.com", login="the twins")
            yield made


def source(slapd: Slapd, **changes: object) -> LDAP:
    return replace(ldap_of(slapd), **changes)  # type: ignore[arg-type]


def find(source: LDAP, *users: str) -> list[Found]:
    """One after the other, by the same connections."""

    async def run() -> list[Found]:
        stage = Stage(Table("users", source, keeping=Keeping(0, 0, 0)))
        found = [await stage.find(user) for user in users]
        await stage.tables.close()
        return found

    return asyncio.run(run())


def why(found: Found) -> str:
    assert isinstance(found, Unsure), found
    return found.remedy


@pytest.mark.parametrize("way", ["ldaps", "starttls"])
def test_a_directory_is_asked_in_tls(slapd: Slapd, authority: Authority, way: str) -> None:
    place = f"ldaps://localhost:{slapd.secure_port}" if way == "ldaps" else f"ldap://localhost:{slapd.port}"
    [found] = find(source(slapd, urls=(place,), ca_file=authority.ca_file, starttls=way == "starttls"), "alice")
    assert servers(found) == ["pop3s://mail.example.com:995"]
    assert said(found).user == "alice@inside"


@pytest.mark.parametrize("way", ["ldaps", "starttls"])
def test_a_directory_that_does_not_prove_who_it_is_is_told_no_password(
    slapd: Slapd, authority: Authority, way: str
) -> None:
    """An authority that nobody trusts; a name that is not in its certificate."""
    port = slapd.secure_port if way == "ldaps" else slapd.port
    scheme = "ldaps" if way == "ldaps" else "ldap"
    for place, ca_file in ((f"{scheme}://localhost:{port}", None), (f"{scheme}://127.0.0.1:{port}", authority.ca_file)):
        [found] = find(source(slapd, urls=(place,), ca_file=ca_file, starttls=way == "starttls"), "alice")
        assert "certificate" in why(found).lower()


def test_a_directory_without_tls_is_told_no_password_where_it_should_have_it(authority: Authority) -> None:
    with short_directory("plain") as directory, Running(plain := Slapd(directory)):
        [found] = find(source(plain, ca_file=authority.ca_file, starttls=True), "alice")
    assert isinstance(found, Unsure), found


def test_nobody_to_whom_a_directory_refers_is_told_its_password(slapd: Slapd) -> None:
    """ldap3 would follow a referral to any host, and log in there."""
    heard: list[bytes] = []
    came = threading.Event()

    def listens(wire: Wire) -> None:
        came.set()
        heard.append(wire.receive())

    with FakeServer(listens) as elsewhere:
        base = slapd.refer("elsewhere", f"ldap://127.0.0.1:{elsewhere.port}/ou=people,dc=example,dc=test")
        [found] = find(source(slapd, base=base), "alice")
        assert isinstance(found, Unsure), found
        assert elsewhere.accepted == 0, heard


def test_what_a_directory_says_no_to_is_not_asked_over_and_over(slapd: Slapd) -> None:
    """A base that there is not: the operator's trouble, and told as it is; each time on one more connection at most."""
    for found in find(source(slapd, base="ou=nowhere,dc=example,dc=test"), "alice", "bob"):
        assert "noSuchObject" in why(found)


def test_a_filter_that_finds_several_people_leads_nowhere(slapd: Slapd) -> None:
    [found] = find(source(slapd, filter="(mailRoutingAddress={user})"), "the twins")
    assert why(found)
    [found] = find(source(slapd, filter="(mailRoutingAddress={user})"), "alice@inside")
    assert servers(found) == ["pop3s://mail.example.com:995"]


def test_another_directory_is_asked_in_time_if_the_first_is_silent(slapd: Slapd) -> None:
    """So silent that not even a connection comes about: its queue is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as stack:
        place = full.getsockname()
        for _ in range(3):
            wire = stack.enter_context(socket.socket())
            wire.setblocking(False)
            wire.connect_ex(place)
        urls = (f"ldap://127.0.0.1:{place[1]}", slapd.url)
        for found in find(source(slapd, urls=urls), "alice", "alice"):
            assert servers(found) == ["pop3s://mail.example.com:995"]


def test_another_directory_is_asked_if_the_first_is_down(slapd: Slapd) -> None:
    with FakeServer(lambda wire: wire.close()) as broken:
        urls = (f"ldap://127.0.0.1:{broken.port}", slapd.url)
        found, nobody = find(source(slapd, urls=urls), "alice", "nobody")
    assert servers(found) == ["pop3s://mail.example.com:995"]
    assert isinstance(nobody, NotFound)
