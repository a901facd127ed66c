"""SMTP through a running gateway: with Postfix's submission, and with what no real server does on demand."""

import base64
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from fakes.mail import GREETINGS
from fakes.scene import Stage
from fakes.tls import TLSWire
from fakes.wire import Talker, Wire
from keeping import tells
from parts.account import Account
from parts.certificates import Authority
from parts.clients import SMTP_CLIENTS, smtp
from parts.dovecot import Dovecot
from parts.messages import HEADER, SAMPLES, of_size
from parts.net import wait_until
from parts.popover import Popover
from parts.postfix import Postfix, without_trace

pytest_plugins = ["fakes.fixture"]

Workdir = Callable[[], Path]

EHLO = b"250-fake.example\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n"
MAILS = [SAMPLES["plain"], SAMPLES["dots"], SAMPLES["8-bit"], of_size(300_000)]


class House:
    """A gateway in front of Postfix, and another that normalizes."""

    def __init__(self, authority: Authority, dovecot: Dovecot, postfix: Postfix, directory: Path) -> None:
        self.dovecot, self.postfix = dovecot, postfix
        self._authority = authority
        config = directory / "popover.toml"
        server = f'server = "smtps://localhost:{postfix.port}"\nca_file = "{authority.ca_file}"\n'
        service = f'listen = "127.0.0.1:0"\n{server}'
        config.write_text(f'[[service]]\nname = "as it is"\n{service}\n[[service]]\nbare_lf = "normalize"\n{service}')
        self.popover = Popover("-c", config)

    def direct(self, user: str) -> Account:
        address = (self.postfix.host, self.postfix.port)
        return Account(address, user, self.dovecot.password, self._authority.ca_file)

    def through(self, user: str, *, normalizes: bool = False) -> Account:
        return Account(self.popover.addresses[normalizes], user, self.dovecot.password)


@pytest.fixture(scope="module")
def house(
    authority: Authority, dovecot: Dovecot, postfix: Postfix, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    made = House(authority, dovecot, postfix, tmp_path_factory.mktemp("house"))
    with made.popover:
        yield made


# With Postfix


@pytest.mark.parametrize("client", SMTP_CLIENTS)
def test_a_client_sends_the_same_each_time_on_connections_that_stood_ready_too(
    house: House, workdir: Workdir, client: str
) -> None:
    user = house.dovecot.new_user()
    sent = 0

    def send(account: Account, message: bytes) -> None:
        nonlocal sent
        sent += 1
        SMTP_CLIENTS[client](account, workdir(), house.postfix.mailbox(user), message)
        same = without_trace(house.dovecot.wait_for_messages(user, sent)[-1]) == message
        assert same

    for message in MAILS:
        send(house.direct(user), message)
        send(house.through(user), message)

    def is_warm() -> bool:
        send(house.through(user), SAMPLES["plain"])
        return any(event["warm"] and event.get("user") == user for event in house.popover.events("session"))

    wait_until(is_warm, "a session finds a connection ready")


def secured(account: Account) -> socket.socket:
    """A connection of the test's own, in TLS if the account has it."""
    sock = socket.create_connection(account.address, timeout=60)
    if account.ca_file is None:
        return sock
    return ssl.create_default_context(cafile=account.ca_file).wrap_socket(sock, server_hostname="localhost")


def hand_over(account: Account, mailbox: str, octets: bytes) -> None:
    """Sign in and send one mail whose octets, the end too, are just these."""
    secret = base64.b64encode(f"\0{account.user}\0{account.password}".encode())
    sender = f"<{account.user}@example.test>".encode()
    with secured(account) as sock, sock.makefile("rb") as answers:

        def reply() -> bytes:
            while (line := answers.readline())[3:4] == b"-":
                pass
            return line

        assert reply().startswith(b"220")
        for line in (b"EHLO me", b"AUTH PLAIN " + secret, b"MAIL FROM:" + sender, b"RCPT TO:<%s>" % mailbox.encode()):
            sock.sendall(line + b"\r\n")
            assert reply()[:1] == b"2"
        sock.sendall(b"DATA\r\n")
        assert reply().startswith(b"354")
        sock.sendall(octets)
        assert reply().startswith(b"250")
        sock.sendall(b"QUIT\r\n")
        while answers.readline():
            pass


@pytest.mark.parametrize("normalizes", [False, True], ids=["pass", "normalize"])
def test_a_mail_of_bare_lf_is_stored_as_directly(house: House, normalizes: bool) -> None:
    mail = HEADER.replace(b"\r\n", b"\n") + b"one\n\n..two\nthree\r\n"
    user = house.dovecot.new_user()
    for account in (house.direct(user), house.through(user, normalizes=normalizes)):
        hand_over(account, house.postfix.mailbox(user), mail + b".\r\n")
    direct, through = map(without_trace, house.dovecot.wait_for_messages(user, 2))
    assert through == direct == HEADER + b"one\r\n\r\n.two\r\nthree\r\n"


@pytest.mark.parametrize("lure", [b"\n.\n", b"\n.\r\n", b"\r\n.\n"])
def test_smuggling_that_this_postfix_falls_for_is_stopped_by_normalizing(house: House, lure: bytes) -> None:
    """Old Postfix takes LF.LF for the end: then a mail's text can hold another mail, from whomever it likes."""
    user = house.dovecot.new_user()
    mailbox = house.postfix.mailbox(user)
    evil = b"MAIL FROM:<%s@example.test>\r\nRCPT TO:<%s>\r\nDATA\r\n" % (user.encode(), mailbox.encode())
    mail = HEADER + b"harmless" + lure + evil + HEADER + b"smuggled\r\n.\r\n"
    hand_over(house.direct(user), mailbox, mail)
    assert len(house.dovecot.wait_for_messages(user, 2)) == 2
    hand_over(house.through(user, normalizes=True), mailbox, mail)
    stored = house.dovecot.wait_for_messages(user, 3)
    assert len(stored) == 3
    assert b"smuggled" in next(one for one in stored if b"harmless" in one and b"MAIL FROM" in one)


def test_the_login_is_logged_and_its_secret_is_not(house: House) -> None:
    user = house.dovecot.new_user()
    account = house.through(user)
    with smtp(account) as client:
        client.login(account.user, account.password)
    assert house.popover.wait_for_event("session", user=user)["end"] in {"server closed", "client closed"}
    log = "\n".join(house.popover.log_lines())
    assert not tells(log.encode(), account.password.encode())


def test_ehlo_is_the_servers_but_for_what_old_clients_need(house: House) -> None:
    user = house.dovecot.new_user()
    with smtp(house.direct(user)) as direct, smtp(house.through(user)) as through:
        code, words = direct.ehlo("me.example")
        mechanisms = re.search(rb"(?m)^AUTH ([A-Z0-9 -]+)$", words)
        assert mechanisms is not None
        old = [word for word in (b"LOGIN", b"PLAIN") if word in mechanisms[1].split()]
        expected = words.replace(mechanisms[0], mechanisms[0] + b"\nAUTH=" + b" ".join(old))
        assert through.ehlo("me.example") == (code, expected)


# With a server of the test's own


def submission(wire: Talker, heard: list[bytes] | None = None, *, once: bool = False) -> None:
    """Take any login and any mail. What the client says is added to `heard`. `once`: no second EHLO is taken."""
    wire.send(GREETINGS["smtp"])
    greeted = in_mail = False
    while line := wire.line():
        if heard is not None:
            heard.append(line)
        verb = line[:4].upper()
        if in_mail:
            if line == b".\r\n":
                in_mail = False
                wire.send(b"250 queued\r\n")
        elif verb == b"EHLO":
            wire.send(b"503 once is enough\r\n" if greeted and once else EHLO)
            greeted = True
        elif verb == b"DATA":
            in_mail = True
            wire.send(b"354 go on\r\n")
        else:
            wire.send({b"AUTH": b"235 in\r\n", b"QUIT": b"221 bye\r\n"}.get(verb, b"250 ok\r\n"))
        if verb == b"QUIT":
            return


def send_one(wire: Wire, name: bytes = b"me.example") -> None:
    """One mail, and the end."""
    with wire as client:
        client.send(b"EHLO " + name + b"\r\n")
        words = b""
        while not words.endswith(b"\r\n") or words.splitlines()[-1][3:4] != b" ":
            words += client.line()
        assert words == EHLO.replace(b"250 AUTH", b"250-AUTH") + b"250 AUTH=PLAIN\r\n"
        for line, reply in (
            (b"AUTH PLAIN AGEAYg==", b"235 in\r\n"), (b"MAIL FROM:<a@x>", b"250 ok\r\n"), (b"DATA", b"354 go on\r\n"),
            (b"Subject: one\r\n\r\n.", b"250 queued\r\n"),
        ):  # fmt: skip
            assert client.ask(line) == reply
        assert client.ask(b"QUIT").startswith(b"221 ")
        assert client.ending().how == "fin"


def test_a_connection_that_stands_ready_has_heard_the_last_clients_ehlo(stage: Stage) -> None:
    """It is said twice on the first spare, for a server that bears it only once must not hear it ahead."""
    heard: list[bytes] = []
    server = stage.server(partial(submission, heard=heard))
    gateway = stage.gateway(server, "smtp")
    send_one(gateway.greeted())
    wait_until(lambda: heard.count(b"EHLO me.example\r\n") == 3, "a spare stands ready")
    send_one(gateway.greeted())
    wait_until(lambda: heard.count(b"EHLO me.example\r\n") == 4, "another spare stands ready")
    send_one(gateway.greeted(), b"you.example")
    assert [gateway.session()["warm"] for _ in range(3)] == [False, True, True]
    assert heard.count(b"EHLO you.example\r\n") >= 1


def test_a_server_that_bears_one_ehlo_hears_one(stage: Stage) -> None:
    heard: list[bytes] = []
    server = stage.server(partial(submission, heard=heard, once=True))
    gateway = stage.gateway(server, "smtp")
    send_one(gateway.greeted())
    wait_until(lambda: server.accepted == 3, "a spare that has heard nothing stands ready")
    for name in (b"me.example", b"you.example"):
        send_one(gateway.greeted(), name)
        gateway.session()
    assert gateway.session()["warm"] in {True, False}
    assert heard.count(b"QUIT\r\n") == 3


def test_a_spare_that_its_server_dropped_is_given_to_nobody(stage: Stage) -> None:
    """Many submission servers say 421 to who is silent before the login, after seconds."""

    def drops(wire: Talker) -> None:
        if server.accepted == 1:
            submission(wire)
            return
        wire.send(GREETINGS["smtp"])
        for _ in range(2):
            wire.line()
            wire.send(EHLO)
        wire.send(b"421 4.4.2 you are silent\r\n")
        wire.ending()
        dropped.set()

    dropped = threading.Event()
    server = stage.server(drops)
    gateway = stage.gateway(server, "smtp")
    send_one(gateway.greeted())
    assert dropped.wait(30)
    server.script = submission
    send_one(gateway.greeted())
    assert [gateway.session()["warm"] for _ in range(2)] == [False, False]


def test_a_connection_lost_behind_a_mail_is_passed_on_as_lost_and_nothing_is_sent_again(stage: Stage) -> None:
    heard: list[bytes] = []

    def loses(wire: TLSWire) -> None:
        wire.send(GREETINGS["smtp"])  # a spare hears nothing more: this client says no EHLO
        while line := wire.line():
            heard.append(line)
            if line == b".\r\n":
                wire.reset()
                return
            wire.send(b"354 go on\r\n" if line == b"DATA\r\n" else b"250 ok\r\n" if line[-3:-2] != b"-" else b"")

    server = stage.server(loses)
    gateway = stage.gateway(server, "smtp")
    with gateway.greeted() as client:
        assert client.ask(b"MAIL FROM:<a@x>") == b"250 ok\r\n"
        assert client.ask(b"DATA") == b"354 go on\r\n"
        client.send(b".\r\n")
        assert client.ending() == (b"", "reset")
    assert gateway.session()["end"].startswith("server ")
    assert heard == [b"MAIL FROM:<a@x>\r\n", b"DATA\r\n", b".\r\n"]


def test_five_unknown_commands_end_the_session_with_421_that_echoes_nothing(stage: Stage) -> None:
    gateway = stage.gateway(stage.server(submission), "smtp")
    with gateway.greeted() as client:
        for _ in range(4):
            assert client.ask(b"X-CANARY: yes") == b"250 ok\r\n"
        client.send(b"CANARY\r\n")
        words, how = client.ending()
    assert words.startswith(b"421 4.3.2 ")
    assert b"CANARY" not in words
    assert how == "fin"
    assert gateway.session()["end"] == "misdialled"


def test_quit_is_answered_before_the_server_has_heard_it(stage: Stage) -> None:
    over = threading.Event()

    def slow(wire: Talker) -> None:
        wire.send(GREETINGS["smtp"])
        assert wire.line() == b"QUIT\r\n"
        over.wait(30)
        wire.send(b"221 bye\r\n")

    gateway = stage.gateway(stage.server(slow), "smtp")
    with gateway.greeted() as client:
        client.send(b"QUIT\r\n")
        assert client.ending() == (b"221 2.0.0 Bye\r\n", "fin")
    over.set()
    assert gateway.session()["end"] in {"client closed", "server closed"}
