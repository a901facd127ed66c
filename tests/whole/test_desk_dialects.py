"""What holds at the desk of each dialect: trouble is never a wrong password, and nothing that is said behind a login,
by either side, is lost.
"""

import base64
import itertools
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from fakes.server import FakeServer, Script
from fakes.tls import server_context
from fakes.wire import Talker, Wire
from parts.at_desk import AtDesk
from parts.certificates import Authority
from parts.net import free_port

LOCAL, SECRET = "simsalabim", "wonderland"
DIALECTS = ("imap", "smtp")
PLAIN = base64.b64encode(f"\0grandpa\0{LOCAL}".encode())
LOGIN = {"imap": b"a LOGIN grandpa simsalabim\r\n", "smtp": b"AUTH PLAIN " + PLAIN + b"\r\n"}
NEXT = {"imap": b"b NOOP\r\n", "smtp": b"MAIL FROM:<a@example.com>\r\n"}
DONE = {"imap": b"b OK", "smtp": b"250 2.1.0"}


def imap(wire: Talker, *answers: bytes, then: bytes = b"") -> None:
    """`answers`: those to the logins on this connection, in their order; behind them all are let in."""
    said = itertools.chain(answers or (b"OK [CAPABILITY IMAP4rev1] in",), itertools.repeat(b"OK in"))
    wire.send(b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] a fake server\r\n")
    while line := wire.line():
        tag, verb, *_ = line.split()
        answer = next(said) if verb in {b"LOGIN", b"AUTHENTICATE"} else b"OK done"
        if verb == b"AUTHENTICATE" and len(line.split()) == 3:
            wire.send(b"+ \r\n")
            wire.line()
        behind = then if verb in {b"LOGIN", b"AUTHENTICATE"} else b""
        wire.send((b"* BYE\r\n" if verb == b"LOGOUT" else b"") + tag + b" " + answer + b"\r\n" + behind)
        if verb == b"LOGOUT":
            return


def smtp(wire: Talker, *answers: bytes) -> None:
    """Likewise."""
    said = itertools.chain(answers, itertools.repeat(b"235 2.7.0 welcome"))
    wire.send(b"220 fake.example\r\n")
    while line := wire.line():
        verb = line.split()[0]
        if verb == b"EHLO":
            wire.send(b"250-fake.example\r\n250-PIPELINING\r\n250 AUTH PLAIN LOGIN\r\n")
        elif verb == b"AUTH":
            if len(line.split()) == 2:
                wire.send(b"334 \r\n")
                wire.line()
            wire.send(next(said) + b"\r\n")
        else:
            wire.send(b"221 bye\r\n" if verb == b"QUIT" else b"250 2.1.0 fine\r\n")
        if verb == b"QUIT":
            return


SERVERS: dict[str, Any] = {"imap": imap, "smtp": smtp}


class Scene:
    def __init__(self, stack: ExitStack, directory: Path, authority: Authority) -> None:
        self._stack = stack
        self._authority = authority
        self.popover = stack.enter_context(AtDesk(directory, *DIALECTS))

    def server(self, script: Script) -> FakeServer:
        return self._stack.enter_context(FakeServer(script, server_context(self._authority.issue("localhost"))))

    def leads(self, dialect: str, port: int, **more: str) -> None:
        server, trust = f"{dialect}s://localhost:{port}", str(self._authority.ca_file)
        self.popover.knows("grandpa", LOCAL, login="g", secret=SECRET, servers=[server], ca_file=trust, **more)

    def client(self, dialect: str) -> Wire:
        """One that may log in."""
        wire = self._stack.enter_context(Wire.to(self.popover.at(dialect)))
        wire.line()
        if dialect == "smtp":
            wire.send(b"EHLO client.example\r\n")
            while wire.line()[3:4] == b"-":
                pass
        return wire


@pytest.fixture
def scene(tmp_path: Path, authority: Authority) -> Iterator[Scene]:
    with ExitStack() as stack:
        yield Scene(stack, tmp_path, authority)


def answer(wire: Talker, dialect: str) -> bytes:
    """The line that answers the login: the untagged ones of IMAP come before it."""
    line = wire.line()
    while dialect == "imap" and line.startswith(b"*"):
        line = wire.line()
    return line


@pytest.mark.parametrize(
    ("dialect", "words"), [("imap", b"a NO [UNAVAILABLE] "), ("smtp", b"454 4.7.0 ")], ids=DIALECTS
)
def test_server_that_is_down_is_no_wrong_password_and_the_next_try_succeeds(
    scene: Scene, dialect: str, words: bytes
) -> None:
    scene.leads(dialect, free_port())
    client = scene.client(dialect)
    client.send(LOGIN[dialect])
    assert answer(client, dialect).startswith(words)
    scene.leads(dialect, scene.server(SERVERS[dialect]).port)
    client.send(LOGIN[dialect])
    assert answer(client, dialect).startswith((b"a OK", b"235"))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_said_behind_the_login_is_not_lost(scene: Scene, dialect: str) -> None:
    scene.leads(dialect, scene.server(SERVERS[dialect]).port)
    client = scene.client(dialect)
    client.send(LOGIN[dialect] + NEXT[dialect])
    assert answer(client, dialect).startswith((b"a OK", b"235"))
    assert answer(client, dialect).startswith(DONE[dialect])


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_said_behind_a_refused_login_is_not_lost(scene: Scene, dialect: str) -> None:
    client = scene.client(dialect)
    client.send(LOGIN[dialect] + {"imap": b"b LOGOUT\r\n", "smtp": b"QUIT\r\n"}[dialect])
    assert answer(client, dialect).startswith((b"a NO", b"535"))
    assert client.ending().words


@pytest.mark.parametrize("count", [1, 100_000])
def test_what_the_server_says_behind_its_answer_is_not_lost(scene: Scene, count: int) -> None:
    """In one piece with it: nobody has asked for it, and an IMAP server may say it all the same."""
    words = b"* 7 EXISTS\r\n" * count
    scene.leads("imap", scene.server(lambda wire: imap(wire, then=words)).port)
    client = scene.client("imap")
    client.send(LOGIN["imap"])
    assert answer(client, "imap").startswith(b"a OK")
    assert client.exactly(len(words)) == words
    assert client.ask(b"b NOOP") == b"b OK done\r\n"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_other_credentials_are_said_on_the_same_connection(scene: Scene, dialect: str) -> None:
    """On another one the server would refuse the first login once more."""
    says = {"imap": b"NO [AUTHENTICATIONFAILED] stale", "smtp": b"535 5.7.8 stale"}[dialect]
    scene.leads(dialect, scene.server(lambda wire: SERVERS[dialect](wire, says)).port, again="fresh")
    client = scene.client(dialect)
    client.send(LOGIN[dialect] + NEXT[dialect])
    assert answer(client, dialect).startswith((b"a OK", b"235"))
    assert answer(client, dialect).startswith(DONE[dialect])
    assert not scene.popover.told()


@pytest.mark.parametrize(
    ("dialect", "says", "told"),
    [
        ("imap", b"NO [AUTHENTICATIONFAILED] the moon is full", b"a NO [CONTACTADMIN] the moon is full\r\n"),
        ("smtp", b"535 5.7.8 the moon is full", b"454 4.7.0 535 5.7.8 the moon is full\r\n"),
    ],
    ids=DIALECTS,
)
def test_refusal_of_our_secret_reaches_the_client_in_the_servers_words_and_not_as_a_wrong_password(
    scene: Scene, dialect: str, says: bytes, told: bytes
) -> None:
    scene.leads(dialect, scene.server(lambda wire: SERVERS[dialect](wire, says)).port)
    client = scene.client(dialect)
    client.send(LOGIN[dialect])
    assert answer(client, dialect) == told
    assert "not signed in" in scene.popover.wait_for_event("login")["text"]
