"""Faster than the line allows, with real parts: what a client gets and what the server keeps are as without."""

import poplib
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

from fakes.scene import Stage
from fakes.wire import Talker, Wire
from parts import fetchers
from parts.account import Account
from parts.certificates import Authority
from parts.clients import POP3_CLIENTS, pop3
from parts.dovecot import Dovecot
from parts.messages import SAMPLES, of_size
from parts.net import wait_until
from parts.popover import Popover

pytest_plugins = ["fakes.fixture"]

Workdir = Callable[[], Path]

MAIL = [
    *SAMPLES.values(),
    *(of_size(size) for size in (300, 5_000, 60_000, 400_000, 1_200_000)),
    *[SAMPLES["dots"]] * 6,
]
CAPA = b"+OK\r\nTOP\r\nUIDL\r\nPIPELINING\r\nUSER\r\n.\r\n"
LITTLE = b"+OK\r\nTOP\r\nUSER\r\n.\r\n"


class Ways(NamedTuple):
    """Two ways to the same server."""

    through: Account
    direct: Account


@pytest.fixture(scope="module")
def popover(authority: Authority, dovecot: Dovecot) -> Iterator[Popover]:
    with Popover(f"0=pop3s://localhost:{dovecot.pop3s_port}", "--ca-file", authority.ca_file) as running:
        yield running


@pytest.fixture
def ways(authority: Authority, dovecot: Dovecot, popover: Popover) -> Callable[[str], Ways]:
    direct = (dovecot.host, dovecot.pop3s_port)

    def to(user: str) -> Ways:
        return Ways(
            Account(popover.addresses[0], user, dovecot.password),
            Account(direct, user, dovecot.password, authority.ca_file),
        )

    return to


def fill(dovecot: Dovecot, messages: list[bytes]) -> str:
    user = dovecot.new_user()
    for message in messages:
        dovecot.deliver(user, message)
    return user


@pytest.mark.parametrize("client", POP3_CLIENTS)
def test_a_client_gets_the_same_each_time(
    dovecot: Dovecot, ways: Callable[[str], Ways], workdir: Workdir, client: str
) -> None:
    # fetchmail spoils long lines by itself, differently each time.
    messages = [mail for mail in MAIL if client != "fetchmail" or max(map(len, mail.split(b"\r\n"))) < 8000]
    to = ways(fill(dovecot, messages))
    direct = POP3_CLIENTS[client](to.direct, workdir())
    assert len(direct) == len(messages)
    for _ in range(3):
        same = POP3_CLIENTS[client](to.through, workdir()) == direct
        assert same


@pytest.mark.parametrize("client", ["fetchmail", "mpop", "getmail"])
def test_a_client_that_deletes_leaves_nothing_behind(
    dovecot: Dovecot, ways: Callable[[str], Ways], workdir: Workdir, client: str
) -> None:
    fetch = getattr(fetchers, f"fetch_by_{client}")
    messages = [SAMPLES["plain"], SAMPLES["dots"], SAMPLES["8-bit"], of_size(70_000)] * 5
    for _ in range(3):
        one, other = fill(dovecot, messages), fill(dovecot, messages)
        same = fetch(ways(one).through, workdir(), keep=False) == fetch(ways(other).direct, workdir(), keep=False)
        assert same
        assert stored(dovecot, one) == stored(dovecot, other) == []


def tries(client: poplib.POP3, user: str, *passwords: str) -> list[bytes]:
    """What a client hears that tries these passwords, of which the last is right, then asks all it knows."""
    with closing(client):
        heard = []
        for secret in passwords:
            heard.append(client.user(user))
            try:
                heard.append(client.pass_(secret))
            except poplib.error_proto as refused:
                heard.append(bytes(refused.args[0]))
        heard.append(b"%d %d" % client.stat())
        heard += [line for listing in (client.uidl()[1], client.list()[1], client.retr(1)[1]) for line in listing]
        client.quit()
        return heard


def test_another_password_can_be_tried_as_directly(authority: Authority, dovecot: Dovecot) -> None:
    """What was asked ahead is refused with the login, and Dovecot hangs up at the third bad command in a row."""
    user, port = fill(dovecot, [SAMPLES["plain"]]), dovecot.pop3s_port
    context = ssl.create_default_context(cafile=authority.ca_file)
    direct = tries(poplib.POP3_SSL("localhost", port, context=context), user, "wrong", dovecot.password)
    with Popover(f"0=pop3s://localhost:{port}", "--ca-file", authority.ca_file) as popover:
        for _ in range(3):
            tries(poplib.POP3(*popover.addresses[0]), user, dovecot.password)  # and so what to ask ahead is learnt
            assert tries(poplib.POP3(*popover.addresses[0]), user, "wrong", dovecot.password) == direct


def script(chance: Random, count: int) -> list[bytes]:
    """What a client may say to a mailbox of so many messages, without its login."""
    lines: list[bytes] = []
    for _ in range(chance.randint(2, 7)):
        number = chance.randint(1, count + 1)
        walk = range(number, min(count, number + chance.randint(1, 8)) + 1)
        dele = chance.random() < 0.4
        lines += chance.choice([
            [b"STAT"], [b"UIDL"], [b"LIST"], [b"NOOP"], [b"RSET"], [b"CAPA"], [b"LIST %d" % number],
            [b"DELE %d" % number], [b"DELE %d" % number, b"STAT", b"RETR %d" % number], [b"TOP %d 3" % number],
            [line for n in walk for line in ([b"RETR %d" % n, b"DELE %d" % n] if dele else [b"RETR %d" % n])],
            [line for n in walk for line in ([b"RETR %d" % n, b"DELE %d" % n] if dele else [b"RETR %d" % n])],
            [b"TOP %d 2" % n for n in walk],
        ])  # fmt: skip
    return [line + b"\r\n" for line in lines]


class Lines:
    """A client that waits for each answer, and knows where it ends."""

    def __init__(self, sock: socket.socket, account: Account) -> None:
        self._file = sock.makefile("rb")
        self._sock = sock
        assert self._file.readline().startswith(b"+OK")
        assert self.say(b"USER %s\r\n" % account.user.encode()).startswith(b"+OK")
        assert self.say(b"PASS %s\r\n" % account.password.encode()).startswith(b"+OK")

    def say(self, line: bytes) -> bytes:
        self._sock.sendall(line)
        answer = self._file.readline()
        verb, *rest = line.split()
        if answer.startswith(b"+OK") and (
            verb in (b"RETR", b"TOP", b"CAPA") or (verb in (b"UIDL", b"LIST") and not rest)
        ):
            while not answer.endswith(b"\r\n.\r\n"):
                answer += self._file.readline()
        return answer

    def close(self) -> None:
        self._file.close()


@contextmanager
def session(account: Account) -> Iterator[Lines]:
    with ExitStack() as stack:
        sock = stack.enter_context(socket.create_connection(account.address, 60))
        if account.ca_file:
            context = ssl.create_default_context(cafile=account.ca_file)
            sock = stack.enter_context(context.wrap_socket(sock, server_hostname="localhost"))
        lines = Lines(sock, account)
        try:
            yield lines
        finally:
            lines.close()


def anonymous(line: bytes, answer: bytes) -> bytes:
    """What must be the same: all but our own words for DELE and QUIT, and what is a mailbox's own in UIDL."""
    if line[:4] in (b"DELE", b"QUIT"):
        return answer[:3]
    return re.sub(rb"[0-9a-f]{16}|-\d{10}", b"", answer) if line.startswith(b"UIDL") else answer


def stored(dovecot: Dovecot, user: str) -> list[bytes]:
    """What lies in the mailbox; a message may be renamed or removed while we look."""
    while True:
        try:
            return dovecot.messages(user)
        except FileNotFoundError:
            continue


@pytest.mark.parametrize("seed", range(12))
def test_any_walk_gives_the_same_and_leaves_the_same(dovecot: Dovecot, ways: Callable[[str], Ways], seed: int) -> None:
    messages = [message for message in MAIL if len(message) < 100_000]
    one, other = fill(dovecot, messages), fill(dovecot, messages)
    for part in range(2):
        chance = Random(100 * seed + part)
        said = script(chance, len(messages))
        leaves = [] if chance.random() < 0.2 else [b"QUIT\r\n"]
        with session(ways(one).through) as through, session(ways(other).direct) as direct:
            for line in [*said, *leaves]:
                same = anonymous(line, through.say(line)) == anonymous(line, direct.say(line))
                assert same, line
        wait_until(lambda: stored(dovecot, one) == stored(dovecot, other), "both mailboxes are the same")


def test_a_client_that_vanishes_deletes_nothing(
    dovecot: Dovecot, ways: Callable[[str], Ways], popover: Popover
) -> None:
    user = fill(dovecot, MAIL)
    for number in range(3):
        with session(ways(user).through) as client:
            client.say(b"LIST\r\n")
            for line in (b"RETR 1\r\n", b"DELE 1\r\n", b"RETR 2\r\n", b"DELE 2\r\n", b"RETR 3\r\n"):
                assert client.say(line).startswith(b"+OK")
        popover.wait_for_events("session", number + 1, user=user)
    assert len(stored(dovecot, user)) == len(MAIL)


def test_the_second_session_finds_a_connection_ready(
    dovecot: Dovecot, ways: Callable[[str], Ways], popover: Popover
) -> None:
    account = ways(fill(dovecot, [])).through
    sessions = 0

    def visit() -> bool:
        nonlocal sessions
        client = pop3(account)
        client.user(account.user)
        client.pass_(account.password)
        client.quit()
        sessions += 1
        # By its user: what the log says of another test's last session may come only now.
        event = popover.wait_for_events("session", sessions, user=account.user)[-1]
        assert event["end"] in {"server closed", "client closed"}
        return bool(event["warm"])

    wait_until(visit, "a connection stands ready")
    assert popover.stop() == 0


# With a server of the test's own


def mailbox(wire: Talker, heard: list[bytes] | None = None) -> None:
    """Serve POP3 with PIPELINING; no message in it. What the client says is added to `heard`."""
    wire.send(b"+OK ready\r\n")
    converse(wire, heard)


def converse(wire: Talker, heard: list[bytes] | None = None) -> None:
    while line := wire.line():
        if heard is not None:
            heard.append(line)
        verb = line.strip().upper()
        wire.send(CAPA if verb == b"CAPA" else b"+OK 0 0\r\n")
        if verb == b"QUIT":
            return


def log_in_and_out(wire: Wire) -> None:
    with wire as client:
        for line in (b"USER anna", b"PASS secret", b"STAT", b"QUIT"):
            assert client.ask(line).startswith(b"+OK")
        assert client.ending().how == "fin"


def test_a_spare_that_died_is_noticed(stage: Stage) -> None:
    def dies(wire: Talker) -> None:
        if server.accepted == 1:
            mailbox(wire)
            return
        wire.send(b"+OK ready\r\n")
        assert wire.line() == b"CAPA\r\n"
        wire.send(LITTLE + b"-ERR you are idle\r\n")

    server = stage.server(dies)
    gateway = stage.gateway(server)
    log_in_and_out(gateway.greeted(b"+OK ready\r\n"))
    wait_until(lambda: server.accepted == 2, "a spare is opened")
    server.script = mailbox
    log_in_and_out(gateway.greeted(b"+OK ready\r\n"))
    assert [gateway.session()["warm"] for _ in range(2)] == [False, False]


def test_spares_are_dropped_at_the_end(stage: Stage) -> None:
    over: list[bytes] = []
    asked = threading.Event()

    def waits(wire: Talker) -> None:
        if server.accepted == 1:
            mailbox(wire)
            return
        wire.send(b"+OK ready\r\n")
        assert wire.line() == b"CAPA\r\n"
        wire.send(LITTLE)
        asked.set()
        over.append(wire.ending().words)

    server = stage.server(waits)
    gateway = stage.gateway(server)
    log_in_and_out(gateway.greeted(b"+OK ready\r\n"))
    assert asked.wait(30)
    assert gateway.popover.stop() == 0
    wait_until(lambda: over == [b""], "the spare has ended, and no QUIT was said on it")


@pytest.mark.parametrize("key", ["warm", "ask_ahead"])
def test_switches_switch(stage: Stage, key: str) -> None:
    heard: list[bytes] = []
    off: dict[str, Any] = dict.fromkeys(
        ("ask_ahead", "read_ahead", "user_at_once", "dele_at_once", "quit_at_once"), False
    )
    server = stage.server(partial(mailbox, heard=heard))
    more: dict[str, Any] = off if key == "ask_ahead" else {}
    gateway = stage.gateway(server, warm=0, **more)
    for _ in range(2):
        log_in_and_out(gateway.greeted(b"+OK ready\r\n"))
        gateway.session()
    # Without spares a scout may ask for CAPA, on a connection of its own; with nothing asked there is none.
    assert server.accepted in ((2,) if key == "ask_ahead" else (2, 3))
    own = [line for line in heard if line not in (b"USER anna\r\n", b"PASS secret\r\n", b"STAT\r\n", b"QUIT\r\n")]
    assert set(own) - {b"NOOP\r\n"} == (set() if key == "ask_ahead" else {b"CAPA\r\n"})
    assert key == "warm" or not own


def test_a_server_is_kept_awake_while_its_client_thinks(stage: Stage) -> None:
    heard: list[bytes] = []
    gateway = stage.gateway(stage.server(partial(mailbox, heard=heard)), keep_alive=0.5)
    with gateway.greeted(b"+OK ready\r\n") as client:
        for line in (b"USER anna", b"PASS secret"):
            assert client.ask(line).startswith(b"+OK")
        wait_until(lambda: heard.count(b"NOOP\r\n") >= 2, "NOOPs are said")
        assert client.ask(b"STAT") == b"+OK 0 0\r\n"
        client.sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.sock.recv(1)


def test_a_server_that_is_cut_in_a_mail_resets_the_client(stage: Stage) -> None:
    def cuts(wire: Talker) -> None:
        wire.send(b"+OK ready\r\n")
        while line := wire.line():
            verb, _, number = line.strip().partition(b" ")
            if verb == b"CAPA":
                wire.send(CAPA)
            elif verb == b"LIST":
                wire.send(b"+OK\r\n" + b"".join(b"%d 30\r\n" % n for n in range(1, 10)) + b".\r\n")
            elif verb == b"RETR" and int(number) > 3:
                wire.send(b"+OK\r\nhalf a mess")
                wire.wire.reset()  # type: ignore[attr-defined]
                return
            else:
                wire.send(b"+OK\r\nmail\r\n.\r\n" if verb == b"RETR" else b"+OK\r\n")

    gateway = stage.gateway(stage.server(cuts))
    with gateway.greeted(b"+OK ready\r\n") as client:
        for line in (b"USER anna", b"PASS secret"):
            assert client.ask(line).startswith(b"+OK")
        client.send(b"LIST\r\n")
        assert client.exactly(5 + 9 * 6 + 3)
        for number in (1, 2, 3):
            client.send(b"RETR %d\r\n" % number)
            assert client.exactly(14)
        client.send(b"RETR 4\r\n")
        assert client.ending().how == "reset"
    assert gateway.session()["end"].startswith("server ")
