"""popover between a fake server and a client of the test's, and what to expect of it.

def test_something(stage: Stage) -> None:
    server = stage.server(pop3)
    gateway = stage.gateway(server)
    gateway.serves()
"""

import itertools
import json
import re
import signal
import ssl
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest import mock

from fakes.mail import GREETINGS
from fakes.server import FakeServer, Script
from fakes.tls import server_context
from fakes.wire import PATIENCE, Wire
from parts.certificates import Authority, Certificate
from parts.net import Address, wait_until
from parts.popover import COMMAND, Event, Popover

# How popover begins the line that tells a client why it is not served: temporary, and not about the login.
FAREWELLS = {
    "pop3": "-ERR [SYS/TEMP] ",
    "imap": "* BYE [UNAVAILABLE] ",
    "smtp": "421 4.3.2 ",
    "sieve": "BYE (TRYLATER) ",
}

# Octets of a status line with its CRLF (RFC 1939, 3; RFC 5321, 4.5.3.1.5).
LINE_LIMIT = 512

# POP3 without anything done ahead of the client: a server then hears what the client says, when it says it. What is
# done ahead has tests of its own.
UNHURRIED = {
    "warm": 0,
    "ask_ahead": False,
    "read_ahead": False,
    "user_at_once": False,
    "dele_at_once": False,
    "quit_at_once": False,
    "keep_alive": 0,
    "soften": False,
}

PARTING = {"pop3": b"QUIT", "imap": b"a LOGOUT", "smtp": b"QUIT", "sieve": b"LOGOUT"}

Connect = Callable[[Address], Wire]


class Gateway:
    """A popover with one service, and what a client of it may expect."""

    def __init__(self, popover: Popover, dialect: str, connect: Connect = Wire.to) -> None:
        self.popover = popover
        self._dialect = dialect
        self._connect = connect
        self._sessions = 0
        self._statuses = 0

    def client(self) -> Wire:
        """A connection that has heard nothing yet."""
        return self._connect(self.popover.addresses[0])

    def greeted(self, greeting: bytes | None = None) -> Wire:
        """A connection that has got the server's greeting, unchanged."""
        wire = self.client()
        words = greeting or GREETINGS[self._dialect]
        assert wire.exactly(len(words)) == words
        return wire

    def session(self) -> Event:
        """The log's line about the next session that ended; each is given once, in their order."""
        self._sessions += 1
        return self.popover.wait_for_events("session", self._sessions)[self._sessions - 1]

    def status(self) -> Event:
        """How the gateway is by its own account. What had come in before it was asked (Wire.has_arrived) has been dealt
        with.
        """
        self._statuses += 1
        self.popover.signal(signal.SIGUSR1)
        return self.popover.wait_for_events("status", self._statuses)[self._statuses - 1]

    def settle(self, sessions: int = 0) -> None:
        """Wait until no more than so many sessions are left. A session is logged before its client has let go."""
        wait_until(lambda: self.status()["sessions"] <= sessions, f"no more than {sessions} sessions", PATIENCE)

    def told(self, wire: Wire | None = None) -> str:
        """What a client that cannot be served is told: just one line as it should be, then a FIN."""
        with wire or self.client() as client:
            ending = client.ending()
        assert ending.how == "fin"
        return farewell(ending.words, self._dialect)

    def refuses(self, *causes: str, remedy: str = "", wire: Wire | None = None) -> Event:
        """A session that cannot be: the client is told a line with all of `causes`, and the log tells more."""
        line = self.told(wire)
        event = self.session()
        for cause in causes:
            assert cause.lower() in line.lower()
            assert cause.lower() in event["cause"].lower()
        assert event["remedy"]
        assert remedy.lower() in event["remedy"].lower()
        assert event["bytes_out"] == 0
        return event

    def serves(self, wire: Wire | None = None) -> Event:
        """A whole session as it should be."""
        with wire or self.greeted() as client:
            assert client.ask(b"NOOP")
            client.send(PARTING[self._dialect] + b"\r\n")
            assert client.ending().how == "fin"
        event = self.session()
        assert "cause" not in event
        assert event["end"] in {"client closed", "server closed"}
        return event


def farewell(words: bytes, dialect: str) -> str:
    """The text of such a line, after its code; AssertionError unless it is one that any client bears."""
    line = words.decode("ascii")
    assert line.endswith("\r\n")
    assert line[:-2].isprintable()  # so it is one line, and nothing in it can paint a screen
    assert len(line) <= LINE_LIMIT
    assert line.startswith(FAREWELLS[dialect])
    assert not re.search("error|\\[auth\\]", line, re.IGNORECASE)
    return line.removeprefix(FAREWELLS[dialect]).strip()


class Stage:
    """Makes the parts of one test and takes them down after it."""

    def __init__(
        self, authority: Authority, directory: Path, stack: ExitStack, keys: Mapping[str, Any] | None = None
    ) -> None:
        self.authority = authority
        self.keys = dict(keys or {})  # of every service that `gateway` makes
        self.directory = directory
        self._stack = stack
        self._numbers = itertools.count(1)

    @cached_property
    def certificate(self) -> Certificate:
        """One that popover accepts, for a server on this machine."""
        return self.authority.issue("localhost", "127.0.0.1", "::1")

    def context(self, certificate: Certificate | None = None, ciphers: str | None = None) -> ssl.SSLContext:
        """A fresh context of a server."""
        return server_context(certificate or self.certificate, ciphers)

    def server(
        self, script: Script, certificate: Certificate | None = None, *, plain: bool = False, **where: Any
    ) -> FakeServer:
        """A fake server with TLS, or without."""
        context = None if plain else self.context(certificate)
        return self._stack.enter_context(FakeServer(script, context, **where))

    def gateway(
        self,
        server: FakeServer | int,
        dialect: str = "pop3",
        *,
        host: str = "localhost",
        prefix: tuple[str, ...] = (),
        env: Mapping[str, str] | None = None,
        connect: Connect = Wire.to,
        **keys: Any,
    ) -> Gateway:
        """A popover in front of it. `prefix`: a command that runs it; `keys`: of its service."""
        config = self.config(self.service(server, dialect, host, **keys))
        return Gateway(self.popover("-c", config, prefix=prefix, env=env), dialect, connect)

    def service(
        self, server: FakeServer | int, dialect: str = "pop3", host: str = "localhost", **keys: Any
    ) -> dict[str, Any]:
        """The service in front of it, for a configuration file."""
        usual = {"listen": "127.0.0.1:0", "server": url(server, dialect, host), "ca_file": str(self.authority.ca_file)}
        return usual | self.keys | keys

    def inside(self, tls: str, **more: Any) -> dict[str, Any]:
        """Keys of a service that shows its clients a certificate of this stage's authority."""
        cert = self.authority.issue("localhost", "127.0.0.1", rsa_bits=2048)
        return {"tls": tls, "tls_cert": str(cert.cert_file), "tls_key": str(cert.key_file), **more}

    @property
    def trust(self) -> tuple[str, str]:
        """The words of a command line by which the certificates of this stage are accepted."""
        return "--ca-file", str(self.authority.ca_file)

    def popover(self, *args: str | Path, prefix: tuple[str, ...] = (), env: Mapping[str, str] | None = None) -> Popover:
        """A popover that ends with the test."""
        with mock.patch("parts.popover.COMMAND", (*prefix, *COMMAND)):
            return self._stack.enter_context(Popover(*args, env=env))

    def config(self, *services: Mapping[str, Any], **top: Any) -> Path:
        """A configuration file; see `rewrite`."""
        path = self.directory / f"popover{next(self._numbers)}.toml"
        rewrite(path, *services, **top)
        return path


def url(server: FakeServer | int, dialect: str = "imap", host: str = "localhost") -> str:
    """A server as popover is told of it; an int is its port."""
    return f"{dialect}s://{host}:{server if isinstance(server, int) else server.port}"


def greeted(address: Address, dialect: str = "imap") -> Wire:
    """A client that came in there and has got the server's greeting, unchanged."""
    wire = Wire.to(address)
    assert wire.exactly(len(GREETINGS[dialect])) == GREETINGS[dialect]
    return wire


def reload(popover: Popover, path: Path, *services: Mapping[str, Any]) -> None:
    """Have it read its file again, which now has these services; AssertionError when it doesn't take them."""
    before = len(popover.events("reloaded"))
    rewrite(path, *services)
    popover.signal(signal.SIGHUP)
    wait_until(lambda: len(popover.events("reloaded")) > before or refusals(popover), "the file was read again")
    assert not refusals(popover)


def refusals(popover: Popover) -> list[str]:
    """What its log says about new files that are not in force."""
    return [event["text"] for event in popover.events("warning") if "not in force" in event["text"]]


def rewrite(path: Path, *services: Mapping[str, Any], **top: Any) -> None:
    """What a configuration file says from now on. Without `drain_timeout`, sessions get no time at the end."""
    path.write_text(toml(services, {"drain_timeout": 0} | top))


def toml(services: tuple[Mapping[str, Any], ...], top: Mapping[str, Any]) -> str:
    """Services as TOML; its texts, numbers, switches and lists are written as JSON's, and a table in one line."""
    tables = [top, *services]
    blocks = ["\n".join(f"{key} = {_value(value)}" for key, value in table.items()) for table in tables]
    return "\n\n[[service]]\n".join(blocks) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key} = {json.dumps(inner)}' for key, inner in value.items())}}}"
    return json.dumps(value)
