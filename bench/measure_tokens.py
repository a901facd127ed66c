"""A client says its password, the server wants a token: popover's own login with OAuth2 beside email-oauth2-proxy. How
long a login takes, and a hundred small mails; processor time for a login; memory with some who are logged in.
"""

import socket
import time
from contextlib import ExitStack
from io import BufferedRWPair

from bench.apart import Apart
from bench.field import Field, say
from bench.findings import Column, Figure, Findings
from bench.peers import Peer, Popover, Running
from bench.peers.tokens import PASSWORD, USER, EmailProxy, TokenPopover
from bench.token_server import TokenServer, provider
from popover.accounts.scrypt import make_hash

_TITLE = "OAuth2"
_MAIL = 2000  # octets
_MAILS = 100
_HELD = 20  # who stay, a family or two
_MB = 1000 / 1.024  # KiB per MB
_PATIENCE = 60

Samples = dict[Peer, list[list[float]]]


def measure(field: Field) -> Findings:
    """In turn, round by round; the first round, in which tokens are fetched, does not count."""
    python = next((peer.program for peer in field.peers if isinstance(peer, Popover)), "")
    if not python:
        return Findings()
    hashed = make_hash(PASSWORD.encode()).decode()
    with provider(field.certificate) as url, Apart(TokenServer, field.certificate, _MAIL, _MAILS) as server:
        other = EmailProxy(url)
        peers: list[Peer] = [TokenPopover(python, url, hashed), *([other] if other.installed() else [])]
        port = server.do(TokenServer.port)
        with ExitStack() as stack:
            running = {peer: stack.enter_context(peer.start(port, field.ca_file)) for peer in peers}
            columns = [*_rounds(field, running), _memory(field, running)]
    if not other.installed():
        return Findings(columns, [], [f"Not installed, so not measured: {other.name}; bench/install-peers gets it."])
    return Findings(columns, [], [f"{_TITLE}: beside {other.name} {other.version()}."])


def _rounds(field: Field, running: dict[Peer, Running]) -> list[Column]:
    logins: Samples = {peer: [] for peer in running}
    mails: Samples = {peer: [] for peer in running}
    cpu: Samples = {peer: [] for peer in running}
    for number in range(field.sizes.greeting_rounds + 1):
        say(f"OAuth2: round {number} of {field.sizes.greeting_rounds}")
        for peer, one in running.items():
            before = one.cpu_seconds()
            waits = [_login(one.port) for _ in range(field.sizes.greetings // 2)]
            spent = (one.cpu_seconds() - before) / len(waits)
            took = _fetch(one.port)
            if number:
                logins[peer].append([1000 * seconds for seconds in waits])
                cpu[peer].append([1000 * spent])
                mails[peer].append([1000 * took])
    return [
        _column("Logged in after, ms", 1, logins),
        _column("CPU per login, ms", 1, cpu),
        _column(f"{_MAILS} small mails, ms", 0, mails),
    ]


def _memory(field: Field, running: dict[Peer, Running]) -> Column:
    held: Samples = {peer: [] for peer in running}
    for _ in range(field.sizes.idle_rounds):
        for peer, one in running.items():
            held[peer].append([_held(one)])
    return _column(f"With {_HELD} sessions, MB", 1, held)


def _column(title: str, digits: int, samples: Samples) -> Column:
    column = Column(title, digits, beside=(EmailProxy.name,), table=_TITLE)
    column.figures = {peer.name: _figure(rounds) for peer, rounds in samples.items()}
    return column


def _figure(rounds: list[list[float]]) -> Figure:
    return Figure.pooled(rounds, 50) if len(rounds[0]) > 1 else Figure.of([one for [one] in rounds])


def _login(port: int) -> float:
    """Seconds from connecting to the end of the login; then it leaves."""
    began = time.perf_counter()
    with _enter(port) as talk:
        took = time.perf_counter() - began
        _ask(talk, b"QUIT")
    return took


def _fetch(port: int) -> float:
    """Seconds for small mails, once it is logged in: what there is, and one after the other, as old clients do."""
    with _enter(port) as talk:
        began = time.perf_counter()
        _ask(talk, b"STAT")
        for word in (b"LIST", b"UIDL", *(b"RETR %d" % (number + 1) for number in range(_MAILS))):
            _ask(talk, word)
            while talk.readline() != b".\r\n":
                pass
        took = time.perf_counter() - began
        _ask(talk, b"QUIT")
    return took


def _held(one: Running) -> float:
    """Memory in MB with some who are logged in and silent."""
    with ExitStack() as stack:
        talks = [stack.enter_context(_enter(one.port)) for _ in range(_HELD)]
        time.sleep(0.5)
        found = one.memory().alone / _MB
        for talk in talks:
            _ask(talk, b"QUIT")
    return found


def _enter(port: int) -> BufferedRWPair:
    """Connect and log in."""
    with socket.create_connection(("127.0.0.1", port), _PATIENCE) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        talk = sock.makefile("rwb")
    _expect(talk.readline())
    _ask(talk, b"USER " + USER.encode())
    _ask(talk, b"PASS " + PASSWORD.encode())
    return talk


def _ask(talk: BufferedRWPair, words: bytes) -> None:
    talk.write(words + b"\r\n")
    talk.flush()
    _expect(talk.readline())


def _expect(line: bytes) -> None:
    if not line.startswith(b"+OK"):
        raise RuntimeError(f"expected +OK, got {line!r}")
