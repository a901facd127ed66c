"""2,000 sessions opened and cut at random moments leave no session, task, descriptor or growth behind."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from fakes.mail import GREETINGS, mail, message_of
from fakes.scene import Gateway, Stage
from fakes.tls import TLSWire
from fakes.wire import Wire
from parts.net import Address, wait_until
from parts.popover import Popover

pytest_plugins = ["fakes.fixture"]

SESSIONS = 2000
AT_ONCE = 64
SEED = 20261123

# KiB by which popover may be larger after 2,000 sessions than after the first 200, in which Python's and the
# kernel's pools are filled. One session that stays holds 40 KiB at least: 200 of them would be seen.
GROWTH = 6 * 1024

COMMANDS = (b"NOOP\r\n", b"STAT\r\n", b"RETR 2000\r\n", b"RETR 70000\r\n", b"USER x\r\nPASS y\r\n", b"QUIT\r\n", b"NO")
WAYS = ("quit", "half-close", "wait", "reset", "close")


class MoodyServer:
    """Serves POP3 after any greeting; now and then cuts, resets, hangs up or breaks its TLS, at any point of it."""

    def __init__(self, dialect: str) -> None:
        self._greeting = GREETINGS[dialect]
        self._chance = random.Random(SEED)
        self._lock = threading.Lock()

    def _below(self, limit: int) -> int:
        with self._lock:
            return self._chance.randrange(limit)

    def __call__(self, wire: TLSWire) -> None:
        patience = self._below(12)  # what it bears until it ends the connection in one of five ways
        if self._ends(wire, patience):
            return
        wire.send(self._greeting)
        while line := wire.line():
            patience -= 1
            answer = answer_to(line.split())
            if patience <= 0:
                wire.send(answer[: self._below(len(answer))])
            if self._ends(wire, patience):
                return
            wire.send(answer)
            if line.startswith(b"QUIT"):
                return

    def _ends(self, wire: TLSWire, patience: int) -> bool:
        if patience > 0:
            return False
        ways = (wire.cut, wire.reset, wire.close, lambda: cut_in_a_record(wire), lambda: break_tls(wire))
        ways[self._below(len(ways))]()
        return True


def answer_to(words: list[bytes]) -> bytes:
    """What a good server says; `RETR n` gets a message of n bytes."""
    match words:
        case [b"RETR", size]:
            return message_of(int(size))
        case [b"CAPA"]:
            return b"+OK\r\nPIPELINING\r\nUIDL\r\nUSER\r\n.\r\n"
        case [b"STAT"]:
            return b"+OK 1 2000\r\n"
        case [b"UIDL"] | [b"LIST"]:
            return b"+OK\r\n1 2000\r\n.\r\n"
    return b"+OK\r\n"


def cut_in_a_record(wire: TLSWire) -> None:
    """Half a record, and FIN."""
    wire.wire.send(wire.seal(b"+OK that is not the whole")[:10])
    wire.cut()


def break_tls(wire: TLSWire) -> None:
    """A record that cannot be decrypted."""
    wire.wire.send(b"\x17\x03\x03\x00\x20" + bytes(32))
    wire.wire.ending()


def one_session(address: Address, seed: int) -> None:
    """A client that says and reads something, and leaves at any moment in one of five ways."""
    chance = random.Random(seed)
    client = Wire.to(address)
    try:
        if chance.random() < 0.9:
            client.line()
        command = b""
        for _ in range(chance.randrange(6)):
            command = chance.choice(COMMANDS)
            client.send(command)
            if chance.random() < 0.7:
                client.receive()
        way = chance.choice(WAYS)
        if way in {"close", "half-close"} and not command.endswith(b"\n"):
            client.send(b"OP\r\n")  # the answer to half a command would be waited for, for a minute
        if way == "quit":
            client.send(b"QUIT\r\n")
        if way == "half-close":
            client.half_close()
        if way == "reset":
            client.reset()
        elif way != "close":
            client.ending()
    except ConnectionError:
        pass  # the server's end, passed on
    finally:
        client.close()


def make_sessions(popover: Popover, numbers: range) -> None:
    """All of these sessions, some at once, with the services in turn."""
    addresses = popover.addresses
    with ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = [pool.submit(one_session, addresses[number % len(addresses)], SEED + number) for number in numbers]
        for job in jobs:
            job.result()


@pytest.mark.timeout(300)
def test_two_thousand_sessions_cut_at_random_leave_nothing_behind(stage: Stage) -> None:
    """Half with all that is done ahead for POP3; half as IMAP, a plain relay, which does not care what is said."""
    servers = {dialect: stage.server(MoodyServer(dialect)) for dialect in ("pop3", "imap")}
    # A client that says half a line, or nothing, is waited for; so these waits must be short.
    patience = dict.fromkeys(("login_timeout", "idle_timeout", "greeting_timeout"), 0.5)
    shared = patience | {"max_sessions_per_client": 0, "ca_file": str(stage.authority.ca_file), "listen": "127.0.0.1:0"}
    services = [
        shared | {"name": dialect, "server": f"{dialect}s://localhost:{server.port}"}
        for dialect, server in servers.items()
    ]
    popover = stage.popover("-c", stage.config(*services))
    gateway = Gateway(popover, "pop3")
    start = gateway.status()
    descriptors = popover.fds()

    make_sessions(popover, range(200))
    before = popover.rss()
    make_sessions(popover, range(200, SESSIONS))

    gateway.settle()
    ends = {event["end"] for event in popover.wait_for_events("session", SESSIONS)}
    assert {"client closed", "client reset", "server closed", "server cut", "server reset", "server broken"} <= ends
    assert "internal" not in ends
    assert popover.events("internal") == []
    assert len(popover.events("session")) == SESSIONS
    wait_until(lambda: gateway.status()["tasks"] <= start["tasks"], "no task is left", 60)
    wait_until(lambda: popover.fds() <= descriptors, "no descriptor is left", 60)
    assert popover.rss() - before < GROWTH
    servers["pop3"].script = mail("pop3")
    gateway.greeted().close()
