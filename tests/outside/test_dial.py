"""The way to a server, taken by a Dialler of the test's own: what may go wrong there, and the sockets it gives."""

import asyncio
import errno
import itertools
import os
import re
import socket
import threading
from collections.abc import Callable, Coroutine
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from aiohappyeyeballs import AddrInfoType

from fakes.mail import pop3
from fakes.server import FakeServer
from fakes.tls import TLSWire, server_context
from fakes.wire import Wire
from parts.certificates import Authority
from popover.config import Config, Server, Service
from popover.errors import ConnectFailure, Failure, NameFailure, TLSFailure
from popover.inside.doors import Door, Doors
from popover.outside.dial import LOOK_TIMEOUT, Dialler
from popover.outside.reasons import Step
from popover.protocols import DIALECTS
from popover.wire.stream import Scratch, Stream
from services import service as flat_service

HOST = "127.0.0.1"

OPTIONS = {
    (socket.IPPROTO_TCP, socket.TCP_NODELAY): 1,
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE): 1,
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE): 120,
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL): 30,
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT): 4,
}


@pytest.mark.parametrize("accepts", [True, False])
def test_what_a_stalled_server_is_told_does_not_hang_on_how_far_our_own_words_have_got(accepts: bool) -> None:
    """Who has accepted is not said to be unreachable, though the machine was too busy to send the first flight."""

    async def act() -> Failure:
        step, loop = Step(), asyncio.get_running_loop()
        step.name = "connect"
        with socket.create_server((HOST, 0), backlog=0) as listener, ExitStack() as stack:
            for _ in range(0 if accepts else 2):  # Linux takes one more than the backlog says
                fills = stack.enter_context(socket.socket())
                fills.setblocking(False)
                fills.connect_ex(listener.getsockname())
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
            step.stream = Stream(loop, sock, Scratch(), "fake")
            step.stream.write(bytes(64 << 20))  # more than any buffer of a kernel takes at once
            assert step.stream.backlog
            failure = step.too_slow(Server("pop3", "fake.test", 995), 10)
            step.drop()
            return failure

    failure = asyncio.run(act())
    assert isinstance(failure, TLSFailure if accepts else ConnectFailure)
    assert ("accepted the connection" if accepts else "does not answer on port 995") in failure.cause


class Loop(asyncio.SelectorEventLoop):
    """An event loop in which it is always `now`."""

    now = 1000.0

    def time(self) -> float:
        return self.now

    def skip(self, seconds: float) -> None:
        self.now += seconds


def play(
    act: Callable[[Dialler], Coroutine[Any, Any, None]],
    loop: asyncio.AbstractEventLoop | None = None,
    own: str | None = None,
) -> None:
    """`own`: an address that is the gateway's."""

    async def main() -> None:
        await act(Dialler(asyncio.get_running_loop(), Scratch(), lambda address: address[0] == own))

    with asyncio.Runner(loop_factory=(lambda: loop) if loop else None) as runner:
        runner.run(main())


def service(port: int, host: str = HOST, **keys: Any) -> Service:
    return flat_service(server=Server("pop3", host, port), **keys)


def told(failure: Failure) -> str:
    """What the client's user reads; it has to be one line for every client there is."""
    assert failure.remedy
    for dialect in DIALECTS:
        assert not re.search("error|\\[auth\\]", DIALECTS[dialect].farewell(failure.cause).decode(), re.IGNORECASE)
    return failure.cause


def options(sock: socket.socket) -> dict[tuple[int, int], int]:
    return {option: sock.getsockopt(*option) for option in OPTIONS}


# -- what may go wrong ---------------------------------------------------------------------------------


def test_machine_without_threads_is_our_own_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    def unwilling(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def act(dialler: Dialler) -> None:
        monkeypatch.setattr(threading.Thread, "start", unwilling)
        with pytest.raises(NameFailure) as caught:
            await dialler.dial(service(995, "mail.example.com").target)
        assert told(caught.value) == "the gateway is busy, please try again in a minute"
        assert "thread" in caught.value.remedy  # and nothing of DNS, which nobody has asked
        assert "resolv.conf" not in caught.value.remedy

    play(act)


def test_machine_without_descriptors_for_a_look_up_is_our_own_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))  # as getaddrinfo does then

    async def act(dialler: Dialler) -> None:
        monkeypatch.setattr(socket, "getaddrinfo", exhausted)
        with pytest.raises(NameFailure) as caught:
            await dialler.dial(service(995, "mail.example.com").target)
        assert told(caught.value) == "the gateway is busy, please try again in a minute"
        assert "LimitNOFILE" in caught.value.remedy

    play(act)


@pytest.mark.parametrize("others", [["127.0.0.2"], ["127.0.0.2", "127.0.0.3"]])
def test_name_that_leads_back_says_so_whatever_its_other_addresses_do(others: list[str]) -> None:
    """As `localhost` does where it is ::1 as well: the first is refused, and that is not why."""
    hosts = *others, "127.0.0.9"
    where: list[AddrInfoType] = [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (h, 9)) for h in hosts]

    async def act(dialler: Dialler) -> None:
        with pytest.raises(ConnectFailure) as caught:
            await dialler.dial(service(9, "localhost").target, where)
        assert told(caught.value) == "localhost leads back to this gateway itself"

    play(act, own="127.0.0.9")


@pytest.mark.parametrize("left", [LOOK_TIMEOUT - 1, LOOK_TIMEOUT + 9])
def test_verdict_stands_when_the_second_look_stalls(authority: Authority, left: float) -> None:
    """`left`: seconds of `connect_timeout` at that moment; the look ends with them, or after its own time."""
    context = server_context(authority.issue(HOST, expired=True))
    loop, numbers = Loop(), itertools.count()

    def one_at_a_time(wire: Wire) -> None:
        if next(numbers) == 0:
            TLSWire(wire, context).handshake()
            return
        loop.call_soon_threadsafe(loop.skip, min(left, LOOK_TIMEOUT))
        while wire.arrival():
            pass

    async def act(dialler: Dialler) -> None:
        with pytest.raises(TLSFailure, match="expired") as caught:
            await dialler.dial(service(server.port, ca_file=authority.ca_file, connect_timeout=left).target)
        assert told(caught.value) == f"the certificate of {HOST} ran out (expired)"

    with FakeServer(one_at_a_time) as server:
        play(act, loop)


def test_no_socket_for_the_second_look_is_no_second_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object) -> socket.socket:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    async def act(dialler: Dialler) -> None:
        with monkeypatch.context() as crowded:
            crowded.setattr(socket, "socket", exhausted)
            seen = await dialler.look_at_certificate((HOST, 995), service(995).target)
        assert seen is None

    play(act)


@pytest.mark.parametrize("content", [None, "", "no certificate\n"])
def test_ca_file_that_broke_after_the_start_is_our_own_trouble(
    authority: Authority, tmp_path: Path, content: str | None
) -> None:
    """A session let in before a reload finds no verifier of its policy any more, and its file is read again."""
    ca_file = tmp_path / "ca.pem"
    if content is not None:
        ca_file.write_text(content)

    async def act(dialler: Dialler) -> None:
        wanted = service(server.port, ca_file=ca_file).target
        with pytest.raises(TLSFailure) as caught:
            await dialler.dial(wanted)
        assert str(ca_file) in told(caught.value)
        assert str(ca_file) in caught.value.remedy
        ca_file.write_bytes(authority.ca_file.read_bytes())
        (await dialler.dial(wanted)).stream.close()

    with FakeServer(pop3, server_context(authority.issue(HOST))) as server:
        play(act)


# -- sockets -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [None, HOST])
@pytest.mark.parametrize("addresses", [1, 2])
def test_servers_socket_sends_at_once_and_notices_who_vanished(
    authority: Authority, addresses: int, source: str | None
) -> None:
    async def act(dialler: Dialler) -> None:
        wanted = service(server.port, ca_file=authority.ca_file, source_address=source).target
        where = socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (HOST, server.port)
        dialled = await dialler.dial(wanted, [where] * addresses)
        with closing(dialled.stream):
            assert options(dialled.stream.sock) == OPTIONS

    with FakeServer(pop3, server_context(authority.issue(HOST))) as server:
        play(act)


def test_clients_socket_sends_at_once_and_notices_who_vanished() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        came: asyncio.Future[socket.socket] = loop.create_future()

        def welcome(_door: Door, sock: socket.socket, _address: str) -> None:
            came.set_result(sock)

        doors = Doors(loop, {}, welcome, came.set_exception)
        doors.load(Config(services=(service(995),)))
        with closing(doors):
            [listener] = doors.sockets()
            with socket.create_connection(listener.getsockname()), await came as client:
                assert options(client) == OPTIONS

    asyncio.run(main())
