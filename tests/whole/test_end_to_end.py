"""Mail is fetched and sent byte for byte as without the gateway: real servers, real clients, popover between."""

import re
import socket
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from parts import fetchers
from parts.account import Account
from parts.certificates import Authority
from parts.clients import (
    IMAP_CLIENTS,
    POP3_CLIENTS,
    SMTP_CLIENTS,
    Fetch,
    fetch_by_poplib,
    imap,
    pop3,
    smtp,
)
from parts.dovecot import Dovecot
from parts.messages import HEADER, SAMPLES, of_size
from parts.popover import Popover
from parts.postfix import Postfix, without_trace

TWENTY_MB = of_size(20_000_000)

Workdir = Callable[[], Path]


@dataclass(frozen=True)
class Ways:
    """The same account's two ways to a server: through popover in plain text, and directly by TLS."""

    through: Account
    direct: Account


class House:
    """Dovecot and Postfix outside, and one popover that serves all three dialects inside."""

    def __init__(self, authority: Authority, dovecot: Dovecot, postfix: Postfix, popover: Popover) -> None:
        self.dovecot = dovecot
        self.postfix = postfix
        self.popover = popover
        self._ca_file = authority.ca_file
        self._servers = {"pop3": dovecot.pop3s_port, "imap": dovecot.imaps_port, "smtp": postfix.port}
        self._addresses = dict(zip(self._servers, popover.addresses, strict=True))

    def ways(self, dialect: str, user: str, password: str = Dovecot.password) -> Ways:
        direct = (self.dovecot.host, self._servers[dialect])
        return Ways(
            Account(self._addresses[dialect], user, password),
            Account(direct, user, password, self._ca_file),
        )


@pytest.fixture(scope="module")
def house(authority: Authority, dovecot: Dovecot, postfix: Postfix) -> Iterator[House]:
    servers = (
        f"pop3s://localhost:{dovecot.pop3s_port}",
        f"imaps://localhost:{dovecot.imaps_port}",
        f"smtps://localhost:{postfix.port}",
    )
    with Popover(*(f"0={server}" for server in servers), "--ca-file", authority.ca_file) as popover:
        yield House(authority, dovecot, postfix, popover)


@dataclass(frozen=True)
class Client:
    """A client that fetches."""

    dialect: str
    name: str
    fetch: Fetch


CLIENTS = [Client("pop3", name, fetch) for name, fetch in POP3_CLIENTS.items()]
CLIENTS += [Client("imap", name, fetch) for name, fetch in IMAP_CLIENTS.items()]

fetching = pytest.mark.parametrize("client", CLIENTS, ids=lambda client: f"{client.dialect}-{client.name}")


@fetching
def test_mail_is_fetched_as_without_the_gateway(house: House, workdir: Workdir, client: Client) -> None:
    user = house.dovecot.new_user()
    # fetchmail spoils a line of more than 8 KiB by itself, differently each time.
    names = [name for name in SAMPLES if (client.name, name) != ("fetchmail", "huge line")]
    for name in names:
        house.dovecot.deliver(user, SAMPLES[name])
    ways = house.ways(client.dialect, user)
    through = dict(zip(names, client.fetch(ways.through, workdir()), strict=True))
    direct = dict(zip(names, client.fetch(ways.direct, workdir()), strict=True))
    assert through == direct


@fetching
def test_empty_mailbox_is_empty(house: House, workdir: Workdir, client: Client) -> None:
    ways = house.ways(client.dialect, house.dovecot.new_user())
    assert client.fetch(ways.through, workdir()) == []


@fetching
def test_twenty_megabytes_are_fetched(house: House, workdir: Workdir, client: Client) -> None:
    user = house.dovecot.new_user()
    house.dovecot.deliver(user, TWENTY_MB)
    [fetched] = client.fetch(house.ways(client.dialect, user).through, workdir())
    # No assert on the bytes themselves, which would print them all. mpop, getmail and mbsync end lines by LF.
    same = fetched in (TWENTY_MB, TWENTY_MB.replace(b"\r\n", b"\n"))
    assert same, f"{len(fetched)} bytes of {len(TWENTY_MB)}"


@pytest.mark.parametrize("client", SMTP_CLIENTS)
def test_mail_is_sent_as_without_the_gateway(house: House, workdir: Workdir, client: str) -> None:
    user = house.dovecot.new_user()
    ways = house.ways("smtp", user)
    for number, message in enumerate(SAMPLES.values(), 1):
        for count, account in ((2 * number - 1, ways.through), (2 * number, ways.direct)):
            SMTP_CLIENTS[client](account, workdir(), house.postfix.mailbox(user), message)
            stored = house.dovecot.wait_for_messages(user, count)[-1]
            assert without_trace(stored) == message


@pytest.mark.parametrize("client", SMTP_CLIENTS)
def test_twenty_megabytes_are_sent(house: House, workdir: Workdir, client: str) -> None:
    user = house.dovecot.new_user()
    SMTP_CLIENTS[client](house.ways("smtp", user).through, workdir(), house.postfix.mailbox(user), TWENTY_MB)
    [stored] = house.dovecot.wait_for_messages(user, 1)
    same = without_trace(stored) == TWENTY_MB
    assert same, f"{len(stored)} bytes of {len(TWENTY_MB)}"


@pytest.mark.parametrize("client", ["fetchmail", "mpop", "getmail"])
def test_mail_is_deleted_when_the_client_says_so(house: House, workdir: Workdir, client: str) -> None:
    fetch = getattr(fetchers, f"fetch_by_{client}")
    user = house.dovecot.new_user()
    house.dovecot.deliver(user, SAMPLES["plain"])
    account = house.ways("pop3", user).through
    assert len(fetch(account, workdir(), keep=True)) == 1
    assert len(fetch(account, workdir(), keep=False)) == 1
    assert house.dovecot.messages(user) == []


def test_wrong_password_is_refused_in_the_words_of_the_server(house: House) -> None:
    user = house.dovecot.new_user()

    def refusal(dialect: str, account: Account) -> object:
        """What Python's client of this dialect raises at login."""
        with pytest.raises(Exception, match=r"(?i)auth") as caught:  # noqa: PT012 - poplib takes two steps
            if dialect == "pop3":
                mailbox = pop3(account)
                mailbox.user(account.user)
                try:
                    mailbox.pass_(account.password)
                finally:
                    mailbox.close()
            else:
                with imap(account) if dialect == "imap" else smtp(account) as client:
                    client.login(account.user, account.password)
        return type(caught.value), caught.value.args

    for dialect in ("pop3", "imap", "smtp"):
        ways = house.ways(dialect, user, "wrong")
        assert refusal(dialect, ways.through) == refusal(dialect, ways.direct)


POP3_TALK = b"CAPA\r\nUSER %s\r\nPASS %s\r\nSTAT\r\nLIST\r\nUIDL\r\nTOP 1 1\r\nRETR 2\r\nRETR 9\r\nHUH\r\nQUIT\r\n"
# Dovecot works on several IMAP commands at once, so only one that takes time stands here.
IMAP_TALK = (
    b"a CAPABILITY\r\nb HUH\r\nc LOGIN %s %s\r\nd EXAMINE INBOX\r\ne FETCH 1:* (FLAGS BODY.PEEK[])\r\nf LOGOUT\r\n"
)
SMTP_TALK = b"EHLO client.example.test\r\nHUH\r\nMAIL FROM:<alice@example.test>\r\nQUIT\r\n"
TALKS = {"pop3": POP3_TALK, "imap": IMAP_TALK, "smtp": SMTP_TALK}


@pytest.mark.parametrize("half_close", [False, True], ids=["", "half-close"])
@pytest.mark.parametrize("dialect", TALKS)
def test_every_answer_is_the_servers_own(house: House, dialect: str, half_close: bool) -> None:
    user = house.dovecot.new_user()
    for message in SAMPLES.values():
        house.dovecot.deliver(user, message)
    talk = TALKS[dialect]
    if b"%s" in talk:
        talk %= (user.encode(), house.dovecot.password.encode())
    ways = house.ways(dialect, user)
    with socket.create_connection(ways.direct.address, timeout=60) as direct:
        context = ssl.create_default_context(cafile=ways.direct.ca_file)
        with context.wrap_socket(direct, server_hostname="localhost") as secured:
            # Dovecot's only capability that cannot work through a gateway.
            expected = said(secured, talk).replace(b" LOGIN-REFERRALS", b"")
    if dialect == "smtp":  # what Outlook <= 2003 reads is put beside
        expected, count = re.subn(rb"250-AUTH [A-Z0-9 -]+\r\n", rb"\g<0>250-AUTH=LOGIN PLAIN\r\n", expected)
        assert count == 1
    with socket.create_connection(ways.through.address, timeout=60) as through:
        assert said(through, talk, half_close=half_close) == expected


def said(client: socket.socket, talk: bytes, *, half_close: bool = False) -> bytes:
    """All the server says to this talk, until it closes; Dovecot's IMAP tells how long it took, left out here."""
    client.sendall(talk)
    if half_close:
        client.shutdown(socket.SHUT_WR)
    heard = b"".join(iter(lambda: client.recv(1 << 16), b""))
    return re.sub(rb"\(\d\.\d+ \+ .*? secs\)", b"", heard)


def test_clients_at_once_each_get_their_own_mail(house: House, workdir: Workdir) -> None:
    users = [house.dovecot.new_user() for _ in range(15)]
    for user in users:
        house.dovecot.deliver(user, HEADER + user.encode() + b"\r\n")

    def fetch(user: str) -> list[bytes]:
        return fetch_by_poplib(house.ways("pop3", user).through, directory)

    directory = workdir()
    with ThreadPoolExecutor(len(users)) as pool:
        assert list(pool.map(fetch, users)) == [[HEADER + user.encode() + b"\r\n"] for user in users]


def test_session_is_logged_with_its_bytes(house: House) -> None:
    user = house.dovecot.new_user()
    house.dovecot.deliver(user, SAMPLES["plain"])
    account = house.ways("pop3", user).through
    with socket.create_connection(account.address, timeout=60) as client:
        talk = POP3_TALK % (user.encode(), account.password.encode())
        client.sendall(talk)
        answers = b"".join(iter(lambda: client.recv(1 << 16), b""))
    event = house.popover.wait_for_event("session", bytes_in=len(talk), bytes_out=len(answers))
    assert event["client"] == "127.0.0.1"
    assert event["server"] == f"127.0.0.1:{house.dovecot.pop3s_port}"
    assert event["tls"] == "TLSv1.3"
    assert event["end"] == "server closed"
    assert account.password not in "\n".join(house.popover.log_lines())
