"""IMAP through popover equals IMAP without it, with two more real servers: Courier and Cyrus.

Both are asked for TLS from the first octet and by STARTTLS. Courier's greeting lists its capabilities in one code,
Cyrus lists more of them behind TLS and the login than before, COMPRESS and referrals among them.
"""

import imaplib
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from random import Random
from typing import Protocol

import pytest
from test_imap import listed, script, transcript

from depth import examples
from fakes.scene import Stage
from parts.account import Account
from parts.certificates import Authority
from parts.clients import IMAP_CLIENTS, imap
from parts.courier import courier
from parts.cyrus import Cyrus
from parts.messages import DOTS, EIGHT_BIT, PLAIN, of_size
from parts.places import short_directory
from parts.popover import Popover

pytest_plugins = ["fakes.fixture"]

MESSAGES = [PLAIN, DOTS, EIGHT_BIT, of_size(300), of_size(30_000)]


class Server(Protocol):
    """What both of the parts are."""

    @property
    def host(self) -> str: ...
    @property
    def password(self) -> str: ...
    @property
    def imap_port(self) -> int: ...
    @property
    def imaps_port(self) -> int: ...

    def new_user(self, messages: list[bytes]) -> str: ...


SERVERS: dict[str, Callable[[Path, Authority], AbstractContextManager[Server]]] = {"courier": courier, "cyrus": Cyrus}


class House:
    """A server, its users, and the way to it."""

    def __init__(self, name: str, server: Server, authority: Authority) -> None:
        self.name, self.server, self.authority = name, server, authority

    @property
    def urls(self) -> dict[str, str]:
        return {
            "tls": f"imaps://localhost:{self.server.imaps_port}",
            "starttls": f"imap+starttls://localhost:{self.server.imap_port}",
        }

    def new_user(self) -> str:
        """A user whose mailbox has the messages, octet by octet: what comes by LMTP gets trace lines."""
        user = self.server.new_user([PLAIN])
        with imap(self.direct(user)) as client:
            client.login(user, self.server.password)
            client.select()
            client.store("1", "+FLAGS", "\\Deleted")
            client.expunge()
            for message in MESSAGES:
                assert client.append("INBOX", "", "", message)[0] == "OK"
        return user

    def direct(self, user: str) -> Account:
        return Account((self.server.host, self.server.imaps_port), user, self.server.password, self.authority.ca_file)

    def through(self, popover: Popover, user: str) -> Account:
        return Account(popover.addresses[0], user, self.server.password)


@pytest.fixture(scope="module", params=SERVERS)
def house(request: pytest.FixtureRequest, authority: Authority) -> Iterator[House]:
    name: str = request.param
    with short_directory(name) as directory, SERVERS[name](directory, authority) as server:
        yield House(name, server, authority)


@pytest.fixture(scope="module", params=["tls", "starttls"])
def popover(request: pytest.FixtureRequest, house: House) -> Iterator[Popover]:
    with Popover(f"0={house.urls[request.param]}", "--ca-file", house.authority.ca_file) as running:
        yield running


@pytest.mark.parametrize("client", IMAP_CLIENTS)
def test_a_client_gets_the_same_each_time(
    house: House, popover: Popover, workdir: Callable[[], Path], client: str
) -> None:
    """The second and third time on connections that have waited."""
    user = house.new_user()
    direct = IMAP_CLIENTS[client](house.direct(user), workdir())
    assert len(direct) == len(MESSAGES)
    for _ in range(3):
        same = IMAP_CLIENTS[client](house.through(popover, user), workdir()) == direct
        assert same


def without_what_leads_around(names: set[str]) -> set[str]:
    """What a list of capabilities is to lose on its way."""
    return {name for name in names if not name.startswith("COMPRESS=")} - {
        *("STARTTLS", "LOGINDISABLED", "LOGIN-REFERRALS", "MAILBOX-REFERRALS"),
    }


def test_capabilities_are_the_servers_but_for_what_leads_around_the_gateway(house: House, popover: Popover) -> None:
    user = house.new_user()
    with imap(house.direct(user)) as client:
        client.login(user, house.server.password)
        directly = listed(client)
    assert "IMAP4REV1" in {name.upper() for name in directly}
    for _ in range(2):  # the second may be on a connection that has waited
        with imap(house.through(popover, user)) as client:
            assert set(client.capabilities) == without_what_leads_around(set(client.capabilities))
            assert "AUTH=PLAIN" in client.capabilities
            client.login(user, house.server.password)
            assert listed(client) == without_what_leads_around(directly)
    assert house.name != "cyrus" or {"COMPRESS=DEFLATE", "MAILBOX-REFERRALS"} <= directly


def test_a_wrong_password_is_refused_in_the_servers_words(house: House, popover: Popover) -> None:
    user = house.new_user()
    words = []
    for account in (house.direct(user), house.through(popover, user)):
        with imap(account) as client, pytest.raises(imaplib.IMAP4.error) as refused:
            client.login(user, "wrong")
        words.append(str(refused.value))
    assert words[0] == words[1]


def anonymous(heard: bytes, *, keeps_greeting: bool) -> bytes:
    """Without what is said differently each time, and what the gateway leaves out on purpose."""
    if not keeps_greeting:  # behind STARTTLS it is our own
        heard = heard.partition(b"\n")[2]
    heard = re.sub(rb"\b\d+\.\d+ (?=secs?\b)", b"", heard)  # Cyrus tells how long it took
    heard = re.sub(rb" (COMPRESS=DEFLATE|LOGINDISABLED|MAILBOX-REFERRALS)\b", b"", heard)
    return re.sub(rb"(SESSIONID=<|MAILBOXID \(|EMAILID \(|THREADID \()[^>)]*", rb"\1", heard)


@pytest.mark.parametrize("way", ["tls", "starttls"])
@pytest.mark.parametrize("seed", range(examples(2)))
def test_any_talk_is_answered_as_directly(stage: Stage, house: House, way: str, seed: int) -> None:
    chance = Random(seed)
    service = stage.service(house.server.imaps_port, "imap", quit_at_once=False) | {"server": house.urls[way]}
    popover = stage.popover("-c", stage.config(service))
    for _ in range(2):
        said = [b"s SELECT INBOX\r\n", *script(chance), b"u CAPABILITY\r\n"]
        if house.name == "courier":  # it has no LITERAL+
            said = [re.sub(rb"\{(\d+)\+\}", rb"{\1}", line, count=1) for line in said]
        one, other = house.new_user(), house.new_user()
        direct = transcript(house.direct(one).address, house.authority.ca_file, one, said)
        through = transcript(popover.addresses[0], None, other, said)
        assert b"\r\ns OK" in direct
        keeps_greeting = way == "tls"
        assert anonymous(through, keeps_greeting=keeps_greeting) == anonymous(direct, keeps_greeting=keeps_greeting)
