"""The way to a server that has TLS only after STARTTLS, and whom its certificate must be for."""

import asyncio
import contextlib
import errno
import socket
import ssl
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from fakes.evil import HONEST, Behind
from fakes.refusals import NO_APPLICATION_PROTOCOL, alert, stalls_after_the_hello
from fakes.server import FakeServer
from fakes.tls import TLSWire, server_context
from fakes.wire import Wire
from parts.certificates import Authority
from parts.net import free_port
from popover.config import SERVER_PORTS, DialectName, Security, Server, Target, scheme_of
from popover.errors import ConnectFailure, Failure, TLSFailure
from popover.outside.dial import Dialler
from popover.outside.opening import open_up
from popover.outside.reasons import no_connection
from popover.outside.trust import Verifiers
from popover.protocols.starttls import STARTTLS
from popover.wire.engine import TLSError
from popover.wire.stream import Scratch, Stream
from services import service

HOST = "127.0.0.1"
BOTH: tuple[Security, ...] = ("tls", "starttls")

dialects = pytest.mark.parametrize("dialect", [*STARTTLS])


def play(act: Callable[[Dialler], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        await act(Dialler(asyncio.get_running_loop(), Scratch(), lambda _: False))

    asyncio.run(main())


def target(
    authority: Authority,
    port: int,
    dialect: DialectName = "pop3",
    security: Security = "starttls",
    host: str = HOST,
    **keys: Any,
) -> Target:
    return service(server=Server(dialect, host, port, security), ca_file=authority.ca_file, **keys).target


async def failure(dialler: Dialler, wanted: Target) -> Failure:
    with pytest.raises(Failure) as caught:
        await dialler.dial(wanted)
    assert caught.value.remedy
    return caught.value


# -- what takes too long -------------------------------------------------------------------------------


def silent(wire: Wire) -> None:
    wire.ending()


@dialects
def test_silent_server_is_named_with_the_url_of_tls_from_the_first_octet_on(
    authority: Authority, dialect: DialectName
) -> None:
    async def act(dialler: Dialler) -> None:
        told = await failure(dialler, target(authority, server.port, dialect, greeting_timeout=0.2))
        assert told.cause == (
            "127.0.0.1 accepted the connection, but did not come to STARTTLS within 0.2 seconds (timeout)"
        )
        assert f"it waits for us to speak: write {dialect}s://127.0.0.1:{server.port}" in told.remedy

    with FakeServer(silent) as server:
        play(act)


def test_plain_words_have_the_time_of_a_greeting_and_tls_what_was_left(authority: Authority) -> None:
    """A server that looks its clients up before it greets is waited for as long as behind TLS."""

    def slow(wire: Wire) -> None:
        time.sleep(2)  # more than connect_timeout, into which a handshake on a busy machine has to fit
        Behind("pop3", server_context(authority.issue(HOST)))(wire)

    async def act(dialler: Dialler) -> None:
        (await dialler.dial(target(authority, server.port, connect_timeout=1.5))).stream.leave()

    with FakeServer(slow) as server:
        play(act)


def test_handshake_that_stalls_behind_starttls_is_no_starttls_that_stalls(authority: Authority) -> None:
    def stalls(wire: Wire) -> None:
        wire.send(HONEST["pop3"][0])
        wire.line()
        wire.send(HONEST["pop3"][1])
        stalls_after_the_hello(wire)

    async def act(dialler: Dialler) -> None:
        told = await failure(dialler, target(authority, server.port, connect_timeout=1, greeting_timeout=600))
        assert "TLS was not ready within 1 seconds" in told.cause

    with FakeServer(stalls) as server:
        play(act)


def test_silence_inside_tls_is_told_as_such(authority: Authority) -> None:
    behind = Behind("imap", server_context(authority.issue(HOST)))
    behind.served = lambda wire: wire.ending() and None

    async def act(dialler: Dialler) -> None:
        wanted = target(authority, server.port, "imap", greeting_timeout=2)
        dialled = await dialler.dial(wanted)
        with contextlib.closing(dialled.stream), pytest.raises(Failure, match="said nothing inside TLS"):
            await open_up(wanted, dialled)

    with FakeServer(behind) as server:
        play(act)


# -- what goes wrong -----------------------------------------------------------------------------------


@dialects
def test_port_where_nothing_listens_is_refused_as_any(authority: Authority, dialect: DialectName) -> None:
    async def act(dialler: Dialler) -> None:
        port = free_port()
        told = await failure(dialler, target(authority, port, dialect))
        assert isinstance(told, ConnectFailure)
        assert told.cause == f"127.0.0.1 refuses connections on port {port}"

    play(act)


@pytest.mark.parametrize("dialect", [*STARTTLS])
@pytest.mark.parametrize("security", BOTH)
def test_usual_port_where_nothing_listens_names_the_other_url(dialect: DialectName, security: Security) -> None:
    other: Security = "starttls" if security == "tls" else "tls"
    server = Server(dialect, "a.example", SERVER_PORTS[dialect, security], security)
    told = no_connection(server, ConnectionRefusedError(errno.ECONNREFUSED, "refused"), [], None)
    assert f"write {scheme_of(dialect, other)}://a.example:{SERVER_PORTS[dialect, other]}" in told.remedy


@dialects
def test_plain_text_where_tls_should_be_names_the_url_with_starttls(authority: Authority, dialect: DialectName) -> None:
    """As with `smtps://host:587`: the circle of remedies ends here."""

    async def act(dialler: Dialler) -> None:
        told = await failure(dialler, target(authority, server.port, dialect, "tls"))
        assert "it answers in plain text" in told.cause
        assert f"write {scheme_of(dialect, 'starttls')}://127.0.0.1:{server.port}" in told.remedy

    def greets(wire: Wire) -> None:
        wire.send(HONEST[dialect][0])
        wire.cut()

    with FakeServer(greets) as server:
        play(act)


@dialects
def test_reset_in_plain_text_is_told_as_one(authority: Authority, dialect: DialectName) -> None:
    def resets(wire: Wire) -> None:
        wire.send(HONEST[dialect][0])
        wire.line()
        wire.reset()

    async def act(dialler: Dialler) -> None:
        told = await failure(dialler, target(authority, server.port, dialect))
        assert told.cause == "127.0.0.1 reset the connection"

    with FakeServer(resets) as server:
        play(act)


@dialects
def test_end_behind_the_positive_answer_is_told_at_once(authority: Authority, dialect: DialectName) -> None:
    def leaves(wire: Wire) -> None:
        greeting, *answers = HONEST[dialect]
        wire.send(greeting)
        for answer in answers:
            wire.send(answer.replace(b"{tag}", wire.line().split(b" ")[0]))

    async def act(dialler: Dialler) -> None:
        told = await failure(dialler, target(authority, server.port, dialect))
        assert "closed the connection during the TLS handshake" in told.cause

    with FakeServer(leaves) as server:
        play(act)


def test_two_addresses_are_tried_and_the_second_starts_tls(authority: Authority) -> None:
    behind = Behind("pop3", server_context(authority.issue("localhost")))

    async def act(dialler: Dialler) -> None:
        where = [
            (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, server.port))
            for host in ("127.0.0.9", HOST)
        ]
        dialled = await dialler.dial(target(authority, server.port, host="localhost"), where)  # type: ignore[arg-type]
        assert dialled.address == (HOST, server.port)
        dialled.stream.leave()

    with FakeServer(behind) as server:
        play(act)


def test_server_that_refuses_alpn_behind_starttls_is_asked_without(authority: Authority) -> None:
    context = server_context(authority.issue(HOST))
    asked: list[bool] = []

    def refuses(wire: Wire) -> None:
        wire.send(HONEST["imap"][0])
        wire.send(HONEST["imap"][1].replace(b"{tag}", wire.line().split(b" ")[0]))
        hello = wire.receive()
        asked.append(b"\x04imap" in hello)
        if asked[-1]:
            wire.send(alert(NO_APPLICATION_PROTOCOL))
            wire.cut()
            return
        TLSWire(wire, context, hello).handshake()
        wire.ending()

    async def act(dialler: Dialler) -> None:
        wanted = target(authority, server.port, "imap")
        for _ in range(2):
            (await dialler.dial(wanted)).stream.leave()
        assert asked == [True, False, False]

    with FakeServer(refuses) as server:
        play(act)


# -- whom the certificate must be for ------------------------------------------------------------------


@pytest.mark.parametrize("security", BOTH)
@pytest.mark.parametrize(
    ("name", "good"), [(None, False), ("mx1.hoster.example", True), ("mx2.hoster.example", False), (HOST, False)]
)
def test_certificate_name_is_whom_the_certificate_must_be_for(
    authority: Authority, security: Security, name: str | None, good: bool
) -> None:
    certificate = authority.issue("mx1.hoster.example")
    context, asked = server_context(certificate), []

    def remember(_tls: object, asked_for: str, _context: ssl.SSLContext) -> None:
        asked.append(asked_for)

    context.sni_callback = remember
    behind = Behind("pop3", context)

    async def act(dialler: Dialler) -> None:
        wanted = target(authority, server.port, security=security, certificate_name=name)
        if good:
            (await dialler.dial(wanted)).stream.leave()
            assert asked == [name]
        else:
            told = await failure(dialler, wanted)
            assert "is for another name: mx1.hoster.example" in told.cause
            assert "write that as certificate_name" in told.remedy

    script: Callable[[Any], None] = behind.served if security == "tls" else behind
    with FakeServer(script, context if security == "tls" else None) as server:
        play(act)


@pytest.mark.parametrize("faults", [{"self_signed": True}, {"unknown_ca": True}, {"expired": True}], ids=str)
def test_certificate_name_takes_nothing_else_from_what_is_verified(authority: Authority, faults: Any) -> None:
    behind = Behind("smtp", server_context(authority.issue("mx1.hoster.example", **faults)))

    async def act(dialler: Dialler) -> None:
        told = await failure(dialler, target(authority, server.port, "smtp", certificate_name="mx1.hoster.example"))
        assert isinstance(told, TLSFailure)
        assert "certificate" in told.cause

    with FakeServer(behind) as server:
        play(act)


def test_tickets_are_kept_apart_by_how_tls_begins_and_by_the_certificates_name(authority: Authority) -> None:
    verifiers = Verifiers()
    kinds = [
        target(authority, 110, security=security, certificate_name=name)
        for security in BOTH
        for name in (None, "a.example", "b.example")
    ]
    assert len({id(verifiers.of(kind)) for kind in kinds}) == len(kinds)


# -- what was said before TLS is TLS's -----------------------------------------------------------------


@pytest.mark.parametrize("early", [b"+OK EVIL\r\n", b"\0" * 600, b"\x16\x03\x01"])
@pytest.mark.parametrize("ended", [False, True])
def test_octets_in_hand_when_the_handshake_begins_are_never_dropped(
    authority: Authority, early: bytes, ended: bool
) -> None:
    """They are TLS's, and it breaks on them; also when nothing comes behind them."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket.create_server((HOST, 0)) as listener:
            peer, ours = socket.create_connection(listener.getsockname()), listener.accept()[0]
        with contextlib.closing(Stream(loop, ours, Scratch(), HOST)) as stream, peer:
            peer.sendall(early)
            while len(stream.end.inbox) < len(early):
                await stream.more()
            if ended or early.startswith(b"\x16"):
                peer.shutdown(socket.SHUT_WR)
                await stream.more()
            engine = Verifiers().of(target(authority, 110)).engine(HOST, 110)
            with pytest.raises(TLSError):
                await stream.secure(engine)
            assert not stream.end.inbox

    asyncio.run(main())
