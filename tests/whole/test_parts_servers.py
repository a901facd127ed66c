"""The POP3 servers of the parts without popover: each serves, deletes at QUIT, and has the oddity it is here for."""

import poplib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Protocol

import pytest

from parts.account import Account
from parts.certificates import Authority
from parts.clients import pop3
from parts.courier import courier
from parts.cyrus import Cyrus
from parts.dovecot_config import version
from parts.dovecot_new import NewDovecot
from parts.mailutils import Mailutils, MailutilsMaildir
from parts.messages import DOTS, EIGHT_BIT, PLAIN, of_size
from parts.net import wait_until
from parts.places import short_directory
from parts.popa3d import Popa3d
from parts.solid import Solid

MESSAGES = [PLAIN, DOTS, EIGHT_BIT, of_size(30_000)]


class Server(Protocol):
    """What each of the parts is."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def password(self) -> str: ...

    def new_user(self, messages: list[bytes]) -> str: ...
    def left(self, user: str) -> list[str]: ...


SERVERS: dict[str, Callable[[Path, Authority], AbstractContextManager[Server]]] = {
    "courier": courier,
    "cyrus": Cyrus,
    "dovecot-2.4": NewDovecot,
    "mailutils": Mailutils.started,
    "mailutils-maildir": MailutilsMaildir.started,
    "popa3d": Popa3d.started,
    "solid": Solid.started,
}
LOCKED = {"mailutils": "IN-USE", "mailutils-maildir": "IN-USE"}  # what a second session of a user is told
READING_DELETES = {"mailutils", "mailutils-maildir"}
PATIENCE_OF_SOLID = 5
WITH_TRACE = {"cyrus"}  # its messages came in by LMTP
BLANK_LINE_MORE = {"solid"}  # it sends the empty line that ends a message in an mbox, too


class House:
    """A server, its users, and their sessions over TLS."""

    def __init__(self, name: str, server: Server, authority: Authority) -> None:
        self.name = name
        self.server = server
        self._ca_file = authority.ca_file

    @contextmanager
    def knock(self) -> Iterator[poplib.POP3]:
        """A session that has been greeted; the connection ends with the block."""
        client = pop3(Account((self.server.host, self.server.port), "", "", self._ca_file))
        try:
            yield client
        finally:
            client.close()

    @contextmanager
    def session(self, user: str) -> Iterator[poplib.POP3]:
        """A session that is logged in."""
        with self.knock() as client:
            client.user(user)
            client.pass_(self.server.password)
            yield client


@pytest.fixture(scope="module", params=SERVERS)
def house(request: pytest.FixtureRequest, authority: Authority) -> Iterator[House]:
    name: str = request.param
    with short_directory(name) as directory, SERVERS[name](directory, authority) as server:
        yield House(name, server, authority)


def only(*names: str) -> pytest.MarkDecorator:
    """For a test of what only these servers do."""
    return pytest.mark.parametrize("house", names, indirect=True, scope="module")


def test_each_message_comes_as_it_lies_there(house: House) -> None:
    more = b"\r\n" if house.name in BLANK_LINE_MORE else b""
    with house.session(house.server.new_user(MESSAGES)) as client:
        assert client.stat()[0] == len(MESSAGES)
        for number, message in enumerate(MESSAGES, 1):
            got = b"\r\n".join([*client.retr(number)[1], b""])
            assert got.endswith(message + more) if house.name in WITH_TRACE else got == message + more
        assert b"+OK" in client.quit()


def test_a_wrong_password_is_refused(house: House) -> None:
    with house.knock() as client:
        client.user(house.server.new_user([]))
        with pytest.raises(poplib.error_proto, match="-ERR"):
            client.pass_("wrong")


def test_what_is_deleted_goes_at_quit_and_not_before(house: House) -> None:
    user = house.server.new_user(MESSAGES)
    before = house.server.left(user)
    assert len(before) == len(MESSAGES)
    with house.session(user) as client:
        client.dele(2)
        assert house.server.left(user) == before
        client.quit()
    after = [*before[:1], *before[2:]]
    wait_until(lambda: house.server.left(user) == after, "the second message is gone")


def test_what_is_deleted_stays_without_quit(house: House) -> None:
    user = house.server.new_user(MESSAGES)
    before = house.server.left(user)
    with house.session(user) as client:
        client.dele(2)
    wait_until(lambda: may_enter(house, user), "the first session is over")
    assert house.server.left(user) == before


def may_enter(house: House, user: str) -> bool:
    try:
        with house.session(user) as client:
            return b"+OK" in client.quit()
    except poplib.error_proto:
        return False


def test_a_second_session_of_a_user_is_let_in_or_told_why_not(house: House) -> None:
    user = house.server.new_user(MESSAGES)
    words = LOCKED.get(house.name)
    refused = pytest.raises(poplib.error_proto, match=words) if words else nullcontext()
    with house.session(user) as first:
        with refused, house.session(user) as second:
            assert second.stat() == first.stat()
            second.quit()
        assert b"+OK" in first.quit()


def test_reading_deletes_only_where_the_capabilities_say_so(house: House) -> None:
    user = house.server.new_user(MESSAGES)
    before = house.server.left(user)
    with house.session(user) as client:
        client.retr(1)
        client.quit()
    after = before[1:] if house.name in READING_DELETES else before
    wait_until(lambda: house.server.left(user) == after, "what was read is gone, or still there")


@only("courier")
def test_courier_loses_what_comes_behind_pass_in_the_same_segment(house: House) -> None:
    with house.knock() as client:
        assert "PIPELINING" in client.capa()
        client.user(house.server.new_user(MESSAGES))
        client.sock.sendall(f"PASS {house.server.password}\r\nSTAT\r\n".encode())
        assert client.file.readline() == b"+OK logged in.\r\n"
        client.sock.sendall(b"LIST 4\r\nLIST 3\r\n")
        assert client.file.readline() == b"+OK 4 %d\r\n" % len(MESSAGES[3])
        assert client.file.readline() == b"+OK 3 %d\r\n" % len(MESSAGES[2])


@only("popa3d", "solid")
def test_an_old_server_knows_no_capa(house: House) -> None:
    with house.knock() as client, pytest.raises(poplib.error_proto, match="CAPA not supported"):
        client.capa()


@only("popa3d")
def test_popa3d_says_no_word_too_many(house: House) -> None:
    with house.knock() as client:
        assert client.welcome == client.quit() == b"+OK"


@only("solid")
def test_solid_hangs_up_after_too_many_commands_that_it_does_not_know(house: House) -> None:
    with house.knock() as client:
        for _ in range(PATIENCE_OF_SOLID):  # and none more, for the connection may be gone then
            client.sock.sendall(b"CAPA\r\n")
        assert client.file.read() == PATIENCE_OF_SOLID * b"-ERR unknown command\r\n"


@only("cyrus")
def test_cyrus_never_expires_and_calls_itself_locked(house: House) -> None:
    with house.knock() as client:
        assert client.capa()["EXPIRE"] == ["NEVER"]
        client.user(house.server.new_user(MESSAGES))
        assert client.pass_(house.server.password).startswith(b"+OK Mailbox locked and ready")


@only("dovecot-2.4")
def test_dovecot_is_a_newer_one(house: House) -> None:
    assert (2, 4) <= version(NewDovecot.program) < (2, 5)
    with house.knock() as client:
        assert client.welcome == b"+OK Dovecot ready."


@only("mailutils", "mailutils-maildir")
def test_mailutils_spells_expire_in_its_own_way(house: House) -> None:
    with house.knock() as client:
        assert "EXPIRE0" in client.capa()
