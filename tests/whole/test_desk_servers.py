"""Logins said to real servers in a client's place, through the real ears: passwords to all that there are, tokens to
Dovecot and to Postfix that asks it, which take nothing else.
"""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import parse_qs

import pytest

from at_desk import AtDesk, sign_in
from parts.certificates import Authority
from parts.courier import courier
from parts.cyrus import Cyrus
from parts.dovecot import Dovecot
from parts.dovecot_config import Introspection
from parts.dovecot_new import NewDovecot
from parts.mailutils import Mailutils
from parts.messages import PLAIN
from parts.net import LOOPBACK
from parts.places import short_directory
from parts.popa3d import Popa3d
from parts.postfix import Postfix
from parts.solid import Solid
from popover.config import Server
from popover.config.values import DialectName
from popover.protocols import DIALECTS
from popover.protocols.login import Credentials

GOOD, BAD = "good-" + "t" * 3000, "bad-" + "t" * 3000
LOGINS = {
    "pop3": b"USER x\r\nPASS y\r\n",
    "imap": b"x.7 LOGIN x y\r\n",
    "smtp": b"EHLO old.example\r\nAUTH PLAIN AHgAeQ==\r\n",
}
BEARERS = b"XOAUTH2", b"OAUTHBEARER"


class Knowing(BaseHTTPRequestHandler):
    """Who knows tokens (RFC 7662): those that begin well are alice's."""

    def do_POST(self) -> None:
        asked = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        is_good = asked["token"][0].startswith("good-")
        told = {"active": True, "username": "alice", "scope": "mail"} if is_good else {"active": False}
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - the library's name


@dataclass(frozen=True)
class Servers:
    """Some, by their dialects."""

    ports: Mapping[str, int]
    ca_file: Path

    def server(self, dialect: DialectName) -> Server:
        return Server(dialect, "localhost", self.ports[dialect])


class Wired:
    """One connection to one of them, in the place of a script. `without`: a mechanism that it has not offered."""

    has_ended = False

    def __init__(self, ca_file: Path, server: Server, without: bytes = b"NOTHING") -> None:
        self._without = without
        self._socket = ssl.create_default_context(cafile=str(ca_file)).wrap_socket(
            socket.create_connection((LOOPBACK, server.port), 10), server_hostname="localhost"
        )
        self.greeting = self._hear()
        self.heard = b""

    def _hear(self) -> bytes:
        data = self._socket.recv(65536)
        self.has_ended = not data
        return data.replace(b"AUTH=" + self._without, b"X").replace(b" " + self._without, b"")

    def hear(self, data: bytes) -> bytes:
        self.heard += data
        self._socket.sendall(data)
        return self._hear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()


@pytest.fixture(scope="module")
def tokens_only(authority: Authority) -> Iterator[Servers]:
    with ThreadingHTTPServer((LOOPBACK, 0), Knowing) as knowing, short_directory("tokens") as directory:
        thread = threading.Thread(target=knowing.serve_forever)
        thread.start()
        tokens = Introspection(f"http://{LOOPBACK}:{knowing.server_port}/", Path(authority.ca_file))
        places = [directory / name for name in ("dovecot", "postfix")]
        for place in places:
            place.mkdir(mode=0o755)
        with Dovecot(places[0], authority, tokens=tokens) as dovecot, Postfix(places[1], authority, dovecot) as postfix:
            ports = {"pop3": dovecot.pop3s_port, "imap": dovecot.imaps_port, "smtp": postfix.port}
            yield Servers(ports, authority.ca_file)
        knowing.shutdown()
        thread.join()


def sign(servers: Servers, dialect: DialectName, mechanism: bytes, token: str) -> tuple[bool, bytes]:
    """Sign in with a token; how it ended, and the words for the client."""
    desk = AtDesk(DIALECTS[dialect])
    desk.say(LOGINS[dialect])
    server = servers.server(dialect)
    [other] = set(BEARERS) - {mechanism}
    with Wired(servers.ca_file, server, without=other) as wired:
        came = sign_in(wired, Credentials("alice", token.encode(), "bearer"), desk.reception, server)
    assert mechanism in wired.heard
    assert came.ears.logged_in == came.answer.accepted
    assert came.ears.user == "alice"
    return came.answer.accepted, came.answer.words


@pytest.mark.parametrize("mechanism", BEARERS)
@pytest.mark.parametrize("dialect", ["pop3", "imap", "smtp"])
def test_a_token_of_three_kilobytes_is_taken(tokens_only: Servers, dialect: DialectName, mechanism: bytes) -> None:
    accepted, words = sign(tokens_only, dialect, mechanism, GOOD)
    assert accepted, words
    last = words.splitlines()[-1]
    assert last.startswith({"pop3": b"+OK", "imap": b"x.7 OK", "smtp": b"235 "}[dialect])
    assert dialect != "imap" or b"IDLE" in words  # the client is told what there is


@pytest.mark.parametrize("mechanism", BEARERS)
@pytest.mark.parametrize("dialect", ["pop3", "imap", "smtp"])
def test_a_refusal_comes_to_an_end_and_tells_its_reasons(
    tokens_only: Servers, dialect: DialectName, mechanism: bytes
) -> None:
    accepted, words = sign(tokens_only, dialect, mechanism, BAD)
    assert not accepted
    [line] = words.splitlines()
    assert line.startswith(
        {"pop3": b"-ERR [SYS/PERM] ", "imap": b"x.7 NO [CONTACTADMIN] ", "smtp": b"535 5.7.8 "}[dialect]
    )
    assert b"status " in line
    assert b"bad-" not in line


class Housing(Protocol):
    """What each of the parts is."""

    @property
    def password(self) -> str: ...
    def new_user(self, messages: Sequence[bytes]) -> str: ...


class OldDovecot(NewDovecot):
    """Of this machine's release, in the manner of the others."""

    program = Dovecot.program


PARTS: dict[str, tuple[DialectName, str, Callable[[Path, Authority], AbstractContextManager[Housing]]]] = {
    "dovecot pop3": ("pop3", "pop3s_port", OldDovecot), "dovecot imap": ("imap", "imaps_port", OldDovecot),
    "dovecot 2.4 pop3": ("pop3", "pop3s_port", NewDovecot), "dovecot 2.4 imap": ("imap", "imaps_port", NewDovecot),
    "courier pop3": ("pop3", "port", courier), "courier imap": ("imap", "imaps_port", courier),
    "cyrus pop3": ("pop3", "port", Cyrus), "cyrus imap": ("imap", "imaps_port", Cyrus),
    "mailutils": ("pop3", "port", Mailutils.started), "popa3d": ("pop3", "port", Popa3d.started),
    "solid": ("pop3", "port", Solid.started),
}  # fmt: skip


@pytest.mark.parametrize("name", PARTS)
def test_a_password_is_taken_and_a_wrong_one_is_refused(name: str, authority: Authority) -> None:
    dialect, port, make = PARTS[name]
    with short_directory("house") as directory, make(directory, authority) as part:
        user = part.new_user([PLAIN])
        server = Server(dialect, "localhost", getattr(part, port))
        memory = DIALECTS[dialect].memory()
        for secret in (part.password, "wrong", part.password):
            desk = AtDesk(DIALECTS[dialect])
            desk.say(LOGINS[dialect])
            with Wired(authority.ca_file, server) as wired:
                credentials = Credentials(user, secret.encode())
                came = sign_in(wired, credentials, desk.reception, server, memory=memory)
            came.ears.over(came.now, server_left=False)
            assert came.answer.accepted == came.ears.logged_in == (secret != "wrong"), came.answer.words
            assert came.ears.user == user
            assert secret.encode() not in came.answer.words


def test_a_password_is_taken_by_postfix_and_a_wrong_one_is_refused(
    postfix: Postfix, dovecot: Dovecot, authority: Authority
) -> None:
    server, user = Server("smtp", "localhost", postfix.port), dovecot.new_user()
    for secret in (dovecot.password, "wrong"):
        desk = AtDesk(DIALECTS["smtp"])
        desk.say(LOGINS["smtp"])
        with Wired(authority.ca_file, server) as wired:
            came = sign_in(wired, Credentials(user, secret.encode()), desk.reception, server)
        assert came.answer.accepted == (secret != "wrong"), came.answer.words
