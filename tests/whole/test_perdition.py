"""What was found wrong with Perdition 2.2 when it was tried, by the numbers of that list: popover has none of it.

A table with one name in it, fake servers for what no real one does on demand, Dovecot for the rest.
"""

import json
import re
import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from fakes.mail import answer_pop3
from fakes.server import FakeServer, Script
from fakes.tls import TLSWire, server_context
from fakes.wire import Talker, Wire
from parts.certificates import Authority, Certificate
from parts.dovecot import Dovecot
from parts.net import free_port
from parts.places import short_directory
from parts.popover import run_popover
from parts.routed import Routed

LOGIN = b"USER alice\r\nPASS wonderland\r\n"


def good(wire: Talker) -> None:
    wire.send(b"+OK a fake server greets you\r\n")
    answer_pop3(wire)


class Scene:
    """A popover that knows alice, and servers."""

    def __init__(self, stack: ExitStack, directory: Path, authority: Authority) -> None:
        self._stack = stack
        self._directory = directory
        self._authority = authority

    def server(self, script: Script = good, certificate: Certificate | None = None) -> FakeServer:
        context = server_context(certificate or self._authority.issue("localhost"))
        return self._stack.enter_context(FakeServer(script, context))

    def popover(self, *servers: str | int, dialect: str = "pop3", **keys: Any) -> Routed:
        places = [one if isinstance(one, str) else f"localhost:{one}" for one in servers]
        table = f'name = "users"\nkind = "static"\nrefuse_after = 0\nroutes = {{ "*" = {json.dumps(places)} }}'
        keys = {"ca_file": str(self._authority.ca_file)} | keys
        return self._stack.enter_context(Routed(self._directory, table, dialect, **keys))

    def client(self, popover: Routed, dialect: str = "pop3") -> Wire:
        wire = self._stack.enter_context(Wire.to(popover.at(dialect)))
        wire.line()
        return wire


@pytest.fixture
def scene(tmp_path: Path, authority: Authority) -> Iterator[Scene]:
    with ExitStack() as stack:
        yield Scene(stack, tmp_path, authority)


def log_in(wire: Wire) -> bytes:
    """The answer to PASS."""
    assert wire.ask(b"USER alice").startswith(b"+OK")
    return wire.ask(b"PASS wonderland")


def test_01_the_server_is_told_by_which_name_it_is_wanted(scene: Scene, authority: Authority) -> None:
    """Who asks pop.gmail.com for no name gets a certificate that is none (SNI, RFC 6066 section 3)."""
    with short_directory("sni") as directory:
        right, wrong = authority.issue("localhost"), authority.issue("elsewhere.example")
        with Dovecot(directory, authority, wrong, {"localhost": right}) as dovecot:
            user = dovecot.new_user()
            wire = scene.client(scene.popover(dovecot.pop3s_port))
            wire.ask(b"USER " + user.encode())
            assert wire.ask(b"PASS " + dovecot.password.encode()).startswith(b"+OK")


def test_02_a_failure_of_tls_is_told_to_the_client_and_in_the_log(scene: Scene, authority: Authority) -> None:
    server = scene.server(certificate=authority.issue("localhost", unknown_ca=True))
    popover = scene.popover(server.port)
    wire = scene.client(popover)
    answer = log_in(wire)
    assert answer.startswith(b"-ERR [SYS/TEMP] ")
    assert b"certificate" in answer
    event = popover.wait_for_event("login")
    assert "certificate" in event["cause"]
    assert event["remedy"]
    assert wire.ask(b"USER alice").startswith(b"+OK")  # and the client may try again


def test_03_no_password_leaves_in_plain_text(scene: Scene) -> None:
    heard: list[bytes] = []

    def without_stls(wire: Wire) -> None:
        wire.send(b"+OK no TLS here\r\n")
        while line := wire.line():
            heard.append(line)
            wire.send(b"-ERR what?\r\n")

    server = FakeServer(without_stls)
    with server:
        answer = log_in(scene.client(scene.popover(f"pop3+starttls://localhost:{server.port}")))
    assert answer.startswith(b"-ERR [SYS/TEMP] ")
    assert heard == [b"STLS\r\n"]


@pytest.mark.parametrize("names", [("elsewhere.example",), ("localhost",)])
def test_04_a_common_name_vouches_for_nobody(scene: Scene, authority: Authority, names: tuple[str, ...]) -> None:
    server = scene.server(certificate=authority.issue(*names, cn_only=True))
    assert log_in(scene.client(scene.popover(server.port))).startswith(b"-ERR [SYS/TEMP] ")


def test_04_a_server_may_be_named_by_its_address(scene: Scene, authority: Authority) -> None:
    server = scene.server(certificate=authority.issue("127.0.0.1"))
    popover = scene.popover(f"127.0.0.1:{server.port}")
    assert log_in(scene.client(popover)).startswith(b"+OK")


@pytest.mark.parametrize("words", [("--help",), ("run", "--help"), ("check", "--help"), ("route", "--help")])
def test_05_help_is_whole(words: tuple[str, ...]) -> None:
    ended = run_popover(*words)
    assert ended.returncode == 0
    assert ended.stdout.startswith("usage: popover")
    assert ended.stdout.endswith("\n")
    assert not ended.stderr


def test_06_it_listens_on_ipv6(scene: Scene) -> None:
    popover = scene.popover(scene.server().port, listen="[::1]:0")
    assert popover.at("pop3")[0] == "::1"
    assert log_in(scene.client(popover)).startswith(b"+OK")


@pytest.mark.parametrize("times", [1, 2, 3])
def test_07_what_stands_behind_the_login_reaches_the_server(scene: Scene, dovecot: Dovecot, times: int) -> None:
    """USER, PASS, STAT, QUIT in one packet; and again, once it is known what the server can."""
    user = dovecot.new_user()
    dovecot.deliver(user, b"Subject: one\r\n\r\n")
    popover = scene.popover(dovecot.pop3s_port)
    for _ in range(times):
        wire = scene.client(popover)
        wire.send(f"USER {user}\r\nPASS {dovecot.password}\r\nSTAT\r\nNOOP\r\nQUIT\r\n".encode())
        words, how = wire.ending()
        lines = words.split(b"\r\n")
        assert how == "fin"
        assert [line[:3] for line in lines[:5]] == [b"+OK"] * 5
        assert lines[2].startswith(b"+OK 1 ")


def test_07_imap_and_smtp_likewise(scene: Scene, dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    popover = scene.popover(f"imaps://localhost:{dovecot.imaps_port}", dialect="imap")
    wire = scene.client(popover, "imap")
    wire.send(f"a LOGIN {user} {dovecot.password}\r\nb SELECT INBOX\r\nc LOGOUT\r\n".encode())
    words = wire.ending().words
    assert re.search(rb"(?s)a OK .*\* 0 EXISTS.*b OK .*\* BYE.*c OK ", words), words


@pytest.mark.parametrize(
    ("dialect", "says", "answer"),
    [
        ("pop3", b"AUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=", b"+OK"),
        ("imap", b"a AUTHENTICATE PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=", b"a OK"),
    ],
)
def test_08_there_is_more_than_one_way_to_log_in(
    scene: Scene, dovecot: Dovecot, dialect: str, says: bytes, answer: bytes
) -> None:
    port = dovecot.pop3s_port if dialect == "pop3" else dovecot.imaps_port
    popover = scene.popover(f"{dialect}s://localhost:{port}", dialect=dialect)
    wire = scene.client(popover, dialect)
    wire.send(says + b"\r\n")
    while (line := wire.line()).startswith(b"*"):
        pass
    assert line.startswith(answer), line


def test_08_who_says_what_program_he_is_before_the_login_is_no_stranger(scene: Scene, dovecot: Dovecot) -> None:
    popover = scene.popover(f"imaps://localhost:{dovecot.imaps_port}", dialect="imap")
    wire = scene.client(popover, "imap")
    assert wire.ask(b'a ID ("name" "Mail")').startswith(b"* ID ")
    assert wire.line().startswith(b"a OK")


def test_09_the_server_s_own_reason_reaches_the_client(scene: Scene) -> None:
    def locked(wire: Talker) -> None:
        wire.send(b"+OK a fake server greets you\r\n")
        while line := wire.line():
            wire.send(b"-ERR [IN-USE] mailbox locked by another session\r\n" if line[:4] == b"PASS" else b"+OK\r\n")

    answer = log_in(scene.client(scene.popover(scene.server(locked).port)))
    assert answer == b"-ERR [IN-USE] mailbox locked by another session\r\n"


def test_10_a_dead_server_is_passed_over_within_the_same_login_and_rests(scene: Scene) -> None:
    dead, server = free_port(), scene.server()
    popover = scene.popover(dead, server.port, trace=True)
    for _ in range(2):
        wire = scene.client(popover)
        assert log_in(wire).startswith(b"+OK")
        wire.ask(b"QUIT")
    passed_over = [event for event in popover.events("trace") if "is passed over" in event["text"]]
    assert len(passed_over) == 1  # the second login has not tried it any more


def test_11_tls_1_3_can_be_required(scene: Scene, authority: Authority) -> None:
    old = server_context(authority.issue("localhost"))
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with FakeServer(good, old) as server:
        popover = scene.popover(server.port, scene.server().port, min_tls="1.3")
        assert log_in(scene.client(popover)).startswith(b"+OK")  # by the one that has it
        assert server.accepted == 1


def test_12_sighup_reads_all_of_the_file_again(scene: Scene) -> None:
    popover = scene.popover(scene.server().port)
    port = free_port()
    text = popover.file.read_text()
    popover.file.write_text(text.replace("127.0.0.1:0", f"127.0.0.1:{port}") + "\n")
    popover.signal(signal.SIGHUP)
    popover.wait_for_event("reloaded")
    with socket.create_connection(("127.0.0.1", port)) as sock:
        assert sock.recv(100).startswith(b"+OK")


def test_12_one_process_serves_all_ports_and_dialects(tmp_path: Path, dovecot: Dovecot, authority: Authority) -> None:
    places = [f"pop3s://localhost:{dovecot.pop3s_port}", f"imaps://localhost:{dovecot.imaps_port}"]
    table = f'name = "users"\nkind = "static"\nroutes = {{ "*" = {json.dumps(places)} }}'
    dialects = ("pop3", "imap", "smtp")
    with Routed(tmp_path, table, *dialects, ca_file=str(authority.ca_file)) as popover:
        greetings = []
        for dialect in dialects:
            with Wire.to(popover.at(dialect)) as wire:
                greetings.append(wire.line()[:4])
    assert greetings == [b"+OK ", b"* OK", b"220 "]


def test_12_the_server_sees_the_end_of_tls_and_not_a_cut(scene: Scene) -> None:
    ends: list[bytes] = []
    over = threading.Event()

    def listens(wire: TLSWire) -> None:
        good(wire)
        try:
            ends.append(wire.receive())  # empty: close_notify; a cut would raise
        finally:
            over.set()

    wire = scene.client(scene.popover(scene.server(listens).port, warm=0))
    assert log_in(wire).startswith(b"+OK")
    wire.ask(b"QUIT")
    assert over.wait(30)
    assert ends == [b""]


def test_13_what_it_says_is_plain(scene: Scene) -> None:
    popover = scene.popover(scene.server().port)
    with Wire.to(popover.at("pop3")) as wire:
        said = wire.line() + wire.ask(b"USER alice") + wire.ask(b"PASS wonderland") + wire.ask(b"QUIT")
    assert not re.search(rb"(?i)perditon|mate|you are so in|error", said)
