"""S1: commands behind STLS or STARTTLS, put there in plain text by somebody on the way, are neither answered nor acted
on inside TLS; at services that lead to one server, at desks, and at devices'.

As in "Why TLS Is Better Without STARTTLS" (USENIX Security 2021), whose own tool has its say, too.
"""

import json
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fakes.hellos import hello
from fakes.mail import Heard
from fakes.scene import UNHURRIED, Stage, url
from fakes.server import FakeServer
from fakes.tls import server_context
from fakes.wire import Wire
from parts.certificates import Authority
from parts.dovecot import Dovecot
from parts.inside import Plainly, trusting
from parts.popover import Popover
from parts.postfix import Postfix
from parts.routed import Routed

pytest_plugins = ["fakes.fixture"]
SERVICE_KEYS = UNHURRIED

KINDS = pytest.mark.parametrize("kind", ["transparent", "desk"])
SERVICES = pytest.mark.parametrize(
    ("kind", "dialect"),
    [
        *((kind, one) for kind in ("transparent", "desk") for one in ("pop3", "imap", "smtp", "sieve")),
        ("device", "smtp"),
    ],
)
OFFERING = pytest.mark.parametrize("tls", ["offer", "require"])


class Start(NamedTuple):
    """How TLS begins in a dialect: the command, how its answer begins, and what an attacker puts behind it."""

    ask: bytes
    yes: bytes
    behind: tuple[bytes, ...]


STARTS = {
    "pop3": Start(
        b"STLS",
        b"+OK",
        (b"CAPA\r\n", b"USER mallory\r\nPASS x\r\n", b"NOOP\r\n" * 20, b"\r\n", b"QUIT\r\n"),
    ),
    "imap": Start(
        b"a STARTTLS",
        b"a OK",
        (b"b CAPABILITY\r\n", b"b LOGIN mallory x\r\n", b"b NOOP\r\n" * 20, b"\r\n", b"b LOGOUT\r\n"),
    ),
    "smtp": Start(
        b"STARTTLS",
        b"220",
        (b"EHLO mallory\r\n", b"MAIL FROM:<m@example.com>\r\n", b"NOOP\r\n" * 20, b"\r\n", b"QUIT\r\n"),
    ),
    "sieve": Start(
        b"STARTTLS",
        b"OK",
        (b"CAPABILITY\r\n", b'AUTHENTICATE "PLAIN" "AG0AeA=="\r\n', b"NOOP\r\n" * 20, b"\r\n", b"LOGOUT\r\n"),
    ),
}
"""The dialects that have it; each of them is to stand here."""


class Place(NamedTuple):
    """A gateway with one service, and the server behind it."""

    popover: Popover
    server: FakeServer
    heard: Heard

    def client(self) -> Plainly:
        client = Plainly(self.popover.addresses[0])
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client


Placed = Callable[[str, str, str], Place]


@pytest.fixture
def place(stage: Stage, tmp_path: Path) -> Iterator[Placed]:
    with ExitStack() as stack:

        def of(kind: str, dialect: str, tls: str) -> Place:
            heard = Heard(dialect)
            server = stage.server(heard)
            keys = stage.inside(tls)
            if kind == "transparent":
                return Place(stage.gateway(server, dialect, **keys).popover, server, heard)
            if kind == "device":
                return Place(stack.enter_context(device(stage, tmp_path, server, keys)), server, heard)
            table = f'name = "users"\nkind = "static"\nroutes = {{ "*" = "{url(server, dialect)}" }}'
            routed = Routed(tmp_path, table, dialect, ca_file=str(stage.authority.ca_file), **keys)
            return Place(stack.enter_context(routed), server, heard)

        yield of


def device(stage: Stage, directory: Path, server: FakeServer, keys: dict[str, Any]) -> Popover:
    """A popover with a service for devices."""
    (directory / "secret").write_text("secret")
    (directory / "secret").chmod(0o600)
    lines = [
        *("[[account]]", 'name = "scans"', 'login = "scans"', 'secret_file = "secret"'),
        *(f'ca_file = "{stage.authority.ca_file}"', f'servers = {{ smtp = "{url(server, "smtp")}" }}'),
        *("[[service]]", 'name = "scanner"', 'listen = "127.0.0.1:0"', 'dialect = "smtp"', 'accounts = ["scans"]'),
        *("device = true", 'allow = ["127.0.0.1"]', 'sender = "scans@example.com"'),
        *(f"{key} = {json.dumps(value)}" for key, value in keys.items()),
    ]
    file = directory / "device.toml"
    file.write_text("\n".join(lines) + "\n")
    return Popover("-c", file, env={"STATE_DIRECTORY": str(directory / "state")})


def greeted(client: Plainly, dialect: str) -> None:
    """Read the first words: of ManageSieve's, the last line says OK."""
    while not (line := client.line()).startswith(b"OK") and dialect == "sieve":
        assert line


def ways(start: Start, behind: bytes) -> Iterator[tuple[bool, list[bytes]]]:
    """Whether it comes ahead of the greeting, and its pieces: one, or two that are cut around the places that matter.
    At an empty one the answer is waited for.
    """
    end = len(start.ask)
    whole = start.ask + b"\r\n" + behind
    yield True, [whole]
    yield False, [whole]
    for place in sorted({1, end - 1, end, end + 1, end + 2, end + 3, len(whole) - 1}):
        yield False, [whole[:place], whole[place:]]
    yield False, [start.ask + b"\r\n", b"", behind]


def answered_inside_tls(client: Plainly, its: ssl.SSLContext) -> bytes:
    """What it gets inside TLS without having asked; nothing if there is no TLS."""
    try:
        client.secure(its, strictly=False)
        client.sock.settimeout(2)
        return client.line()
    except OSError:
        return b""


@OFFERING
@SERVICES
def test_s1_command_injection_is_never_heard(stage: Stage, place: Placed, kind: str, dialect: str, tls: str) -> None:
    """In one piece with the command that begins TLS, in two wherever they are cut, ahead of the greeting, or behind the
    answer; then TLS, and whoever is answered inside it without having asked has found a hole.
    """
    at, start, its = place(kind, dialect, tls), STARTS[dialect], trusting(stage.authority.ca_file)
    attempts = [way for behind in start.behind for way in ways(start, behind)]
    for number, (is_early, pieces) in enumerate(attempts, 1):
        with at.client() as client:
            if not is_early:
                greeted(client, dialect)
            for piece in pieces:
                client.sock.sendall(piece)
                time.sleep(0.002)
                assert piece or client.line().startswith(start.yes)
            if is_early:
                greeted(client, dialect)
            assert b"" in pieces or client.line().startswith(start.yes)
            assert not answered_inside_tls(client, its)
        event = at.popover.wait_for_events("session", number)[-1]
        assert "command injection" in event["remedy"]
        assert event["end"] == "misdialled"
    assert at.heard.words == b""
    assert kind == "transparent" or not at.server.accepted


@OFFERING
@SERVICES
def test_s1_octets_of_tls_behind_stls_are_tls(place: Placed, kind: str, dialect: str, tls: str) -> None:
    """RFC 9051 section 6.2.1 allows it; a client that does not wait for its answer is served."""
    at, start = place(kind, dialect, tls), STARTS[dialect]
    for size in (1, 5, 100):
        with at.client() as client:
            greeted(client, dialect)
            client.sock.sendall(start.ask + b"\r\n" + hello()[:size])
            assert client.line().startswith(start.yes)
            client.sock.sendall(hello()[size:])
            assert client.sock.recv(3) == b"\x16\x03\x03"  # a ServerHello, perhaps


# -- the published tool ----------------------------------------------------------------------------

_TESTER = Path(sys.executable).with_name("command-injection-tester")
HOLES = ("Command injection here", "Possible command injection", "Probable command injection")
GOOD = ("TLS handshake failed", "Probably no command injection")


def verdict(directory: Path, ports: dict[str, int]) -> list[str]:
    """What the authors' own tool says of these ports: the lines of its log."""
    flags = {"pop3": "-p", "imap": "-i", "smtp": "-s"}
    words = [word for name, port in ports.items() for word in (f"--{name}", flags[name], str(port))]
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", _TESTER, "--nocolor", "-t", "0.5", "-l", directory, *words, "localhost"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=100, check=True,
    )  # fmt: skip
    return ended.stdout.splitlines()


@OFFERING
@KINDS
def test_the_published_command_injection_tester_finds_nothing(
    tmp_path: Path, authority: Authority, dovecot: Dovecot, postfix: Postfix, kind: str, tls: str
) -> None:
    servers = {"pop3": dovecot.pop3s_port, "imap": dovecot.imaps_port, "smtp": postfix.port}
    urls = {dialect: url(port, dialect) for dialect, port in servers.items()}
    ca_file = str(authority.ca_file)
    with ExitStack() as stack:
        if kind == "transparent":
            words = [f"0={one}" for one in urls.values()]
            state = {"STATE_DIRECTORY": str(tmp_path)}
            popover = stack.enter_context(Popover(*words, "--ca-file", ca_file, "--tls", tls, env=state, listeners=3))
            ports = {dialect: popover.addresses[number][1] for number, dialect in enumerate(urls)}
        else:
            routes = ", ".join(f'"{dialect}" = "{one}"' for dialect, one in urls.items())
            table = f'name = "users"\nkind = "static"\nroutes = {{ {routes} }}'
            routed = stack.enter_context(Routed(tmp_path, table, *urls, ca_file=ca_file, tls=tls))
            ports = {dialect: routed.at(dialect)[1] for dialect in urls}
        said = verdict(tmp_path / "logs", ports)
    assert len([line for line in said if "Sanity test done" in line]) == len(urls), said
    assert len([line for line in said if any(word in line for word in GOOD)]) == len(urls), said
    assert not [line for line in said if any(word in line for word in HOLES)], said


def test_the_tester_finds_a_hole_where_there_is_one(tmp_path: Path, authority: Authority) -> None:
    """So that its silence says something: a server that keeps what stood behind STLS, and answers it inside TLS."""
    context = server_context(authority.issue("localhost"))

    def keeps(wire: Wire) -> None:
        wire.send(b"+OK hi\r\n")
        wire.line()
        wire.send(b"+OK go\r\n")
        kept = wire.receive_held()
        with context.wrap_socket(wire.sock, server_side=True) as sealed:
            if kept:
                sealed.sendall(b"+OK\r\nTOP\r\n.\r\n")
            while sealed.recv(1000):
                sealed.sendall(b"+OK\r\n")

    with FakeServer(keeps) as server:
        said = verdict(tmp_path / "logs", {"pop3": server.port})
    assert [line for line in said if HOLES[0] in line], said
