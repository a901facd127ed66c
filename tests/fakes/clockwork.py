"""Sessions, spare connections and their servers on one event loop whose clock the test moves by hand.

def test_something(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Clockwork(monkeypatch)
    world.warm.load([pop3_service().target])
    world.play(act(world))

No time passes by itself, so 150 s cost nothing and are 150 s on the dot. Sockets are real (TCP on loopback), TLS is
left out.
"""

import asyncio
import gc
import socket
import struct
import time
from collections.abc import Callable, Coroutine
from functools import partial
from types import SimpleNamespace
from typing import Any, Literal

import pytest

from fakes.wire import PATIENCE
from model_pop3 import trusting
from popover.config import Server, Service, Target
from popover.errors import ConnectFailure
from popover.log import Log
from popover.outside import spare as pool
from popover.outside.dial import Dialled
from popover.outside.sockets import server_socket
from popover.outside.warm import Warm
from popover.protocols import pop3
from popover.protocols.proxy_header import Carried
from popover.session.session import Session
from popover.wire.stream import Scratch, Secured, Stream
from services import service

GREETING = b"+OK ready\r\n"
CAPA = b"+OK\r\nTOP\r\nUIDL\r\nUSER\r\nPIPELINING\r\n.\r\n"

TICK = 0.25
"""Seconds by which the clock moves at once; a number without rounding errors."""

Mood = Literal["answers", "mute", "resets", "closes", "refuses"]


def pop3_service(name: str = "home", host: str = "mail.example.com", **keys: Any) -> Service:
    """A service that only has names."""
    return service(name=name, server=Server("pop3", host, 995), **keys)


class Loop(asyncio.SelectorEventLoop):
    """An event loop in which it is always `now`."""

    now = 1000.0

    def time(self) -> float:
        """The time, in seconds."""
        return self.now


class Peer:
    """A socket's other side: all it hears is kept, and how it ended (empty: not yet)."""

    def __init__(self, loop: Loop, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.heard = bytearray()
        self.how: Literal["", "fin", "reset"] = ""
        self._loop = loop
        self._reading = loop.create_task(self._read())

    def send(self, data: bytes) -> None:
        """Send a little."""
        assert self.sock.send(data) == len(data)

    def close(self) -> None:
        """FIN."""
        if self.sock.fileno() >= 0:
            self._loop.remove_reader(self.sock)
            self.sock.close()

    def reset(self) -> None:
        """RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    async def over(self) -> None:
        """Take down what is left."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        self.close()

    async def _read(self) -> None:
        try:
            while self.sock.fileno() >= 0 and (data := await self._loop.sock_recv(self.sock, 65536)):
                self.heard += data
                self._hears()
        except ConnectionResetError:
            self.how = "reset"
        else:
            self.how = "fin"
        self._hears_the_end()

    def _hears(self) -> None:
        """What to do then."""

    def _hears_the_end(self) -> None:
        """Likewise."""


class Line(Peer):
    """A server's side of a connection: greets, tells its capabilities, and goes on by its `mood`."""

    def __init__(self, loop: Loop, sock: socket.socket, greeting: bytes, capa: bytes) -> None:
        super().__init__(loop, sock)
        self.mood: Mood = "answers"
        self.since = loop.now
        self.forgotten_after = float("inf")  # seconds after which a NAT on the way has forgotten this connection
        self.lines: list[bytes] = []
        self.ignored = 0
        self._capa = capa
        self.send(greeting)

    def _hears(self) -> None:
        while (end := self.heard.find(b"\n") + 1) and self.sock.fileno() >= 0:
            line = bytes(self.heard[:end]).strip()
            del self.heard[:end]
            self.lines.append(line)
            mood = "mute" if self._loop.now - self.since > self.forgotten_after else self.mood
            self._react(line, mood)

    def _react(self, line: bytes, mood: Mood) -> None:
        if mood == "mute":
            self.ignored += 1
        elif mood == "resets":
            self.reset()
        elif mood == "refuses":
            self.send(b"-ERR no\r\n")
        elif mood == "answers":
            self.send(self._capa if line == b"CAPA" else b"+OK 0 0\r\n")
        if mood == "closes" or line == b"QUIT":
            self.close()

    def _hears_the_end(self) -> None:
        self.close()


class Servers:
    """Stands in for a Dialler: each `dial` gives a connection to a new `Line`."""

    def __init__(self, loop: Loop) -> None:
        self.lines: list[Line] = []
        self.streams: list[Stream] = []  # the gateway's ends of them
        self.asked: list[Target] = []
        self.greeting = GREETING
        self.capa = CAPA
        self.is_down = False
        self.held: asyncio.Event | None = None
        self.forget_after = float("inf")
        self._loop = loop
        self._scratch = Scratch()

    async def dial(self, target: Target, client: Carried | None = None) -> Dialled:
        """Connect. With `held` set, only once that is."""
        assert client is None
        since = self._loop.now
        self.asked.append(target)
        if self.held is not None:
            await self.held.wait()
        if self.is_down:
            raise ConnectFailure("it is down", "start it")
        ours, theirs = tcp_pair()
        line = Line(self._loop, theirs, self.greeting, self.capa)
        line.forgotten_after = self.forget_after
        self.lines.append(line)
        stream = Stream(self._loop, ours, self._scratch, target.server.host)
        self.streams.append(stream)
        tls: Any = SimpleNamespace(version="TLSv1.3", cipher="none", resumed=False)
        verifier: Any = SimpleNamespace(keep=lambda *_: None)
        return Dialled(Secured(stream), ("127.0.0.1", 995), tls, verifier, since)


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """A connection with the options that popover's have, and its other end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = server_socket((socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("", 0)))
        ours.setblocking(True)
        ours.connect(listener.getsockname())
        theirs = listener.accept()[0]
        theirs.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # what is sent is there at once
        return ours, theirs


class Clockwork:
    """A Warm, its servers, and sessions that use it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.loop = Loop()
        self.servers = Servers(self.loop)
        self.has_room = True
        dialler: Any = self.servers
        self._dialler = dialler
        self.warm = Warm(self.loop, dialler, lambda: self.has_room)
        self.memory = trusting()  # the server has shown what it can: no spare is used up to find that out
        self.asleep = 0.0  # seconds for which this machine has slept so far: the loop's clock does not count them
        self.log: list[bytes] = []
        self._log = Log(lambda line, _: self.log.append(line))
        self._clients: list[Client] = []
        self._faults: list[dict[str, Any]] = []
        self.loop.set_exception_handler(lambda _, fault: self._faults.append(fault))
        clock = SimpleNamespace(CLOCK_BOOTTIME=time.CLOCK_BOOTTIME, clock_gettime=self._clock_gettime)
        monkeypatch.setattr(pool, "time", clock)

    def _clock_gettime(self, which: int) -> float:
        assert which == time.CLOCK_BOOTTIME
        return self.loop.now + self.asleep

    def play(self, act: Coroutine[Any, Any, None]) -> None:
        """Run a test to its end."""

        async def main() -> None:
            try:
                await act
            finally:
                await self._over()

        try:
            self.loop.run_until_complete(main())
        finally:
            self.loop.close()
        gc.collect()  # a task that nobody asked for its fault tells it when it goes
        assert not self._faults

    async def _over(self) -> None:
        self.warm.stop()
        await self.warm.stopped()
        for client in self._clients:
            await client.over()
        for line in self.servers.lines:
            await line.over()

    async def skip(self, seconds: float) -> None:
        """Let so much time pass."""
        for _ in range(round(seconds / TICK)):
            self.loop.now += TICK
            await self.settle()

    async def settle(self) -> None:
        """Let all happen that is due now."""
        for _ in range(4):
            await asyncio.sleep(0)
        await self.warm.stopped()

    async def until(self, true: Callable[[], object]) -> None:
        """Wait for something that takes no time."""
        deadline = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < deadline, "it never happened"
            await asyncio.sleep(0)

    def visited(self, service: Service, ago: float = 0) -> None:
        """A client that came so many seconds ago has gone."""
        get_ready = partial(pop3.get_ready, memory=self.memory)
        since = self.loop.now - ago
        self.warm.visited(service.target, since, service.ahead.warm, get_ready, is_curious=False)

    async def visit(self, service: Service) -> None:
        """A client comes, takes the spare if there is one, and has logged in."""
        opened = self.warm.take(service.target)
        self.visited(service)
        if opened is not None:
            opened.dialled.stream.leave()
        await self.settle()

    def client(self, service: Service) -> "Client":
        """Begin a session."""
        ours, theirs = tcp_pair()
        stream = Stream(self.loop, ours, Scratch(), "127.0.0.1")
        session = Session(self.loop, self._log, service, stream, "127.0.0.1", len(self._clients) + 1)
        task = self.loop.create_task(session.run(self._dialler, self.memory, self.warm))
        client = Client(self.loop, theirs, session, task)
        self._clients.append(client)
        return client

    async def session(self, service: Service) -> Literal["cold", "warm", "let down"]:
        """A whole session, and how it went. A client that is let down waits for the login timeout."""
        client, ignored = self.client(service), self._ignored()
        client.send(b"USER anna\r\nPASS secret\r\nSTAT\r\n")
        await self.until(lambda: client.heard.count(b"\r\n") == 4 or self._ignored() > ignored)
        if self._ignored() > ignored:
            await self.skip(service.patience.login_timeout)
            await client.ended()
            return "let down"
        client.send(b"QUIT\r\n")
        await client.ended()
        return "warm" if client.session.case.is_warm else "cold"

    def _ignored(self) -> int:
        return sum(line.ignored for line in self.servers.lines)


class Client(Peer):
    """A mail client in the test's hands, and the session that serves it."""

    def __init__(self, loop: Loop, sock: socket.socket, session: Session, task: asyncio.Task[None]) -> None:
        super().__init__(loop, sock)
        self.session = session
        self._task = task

    async def ended(self) -> None:
        """Wait for the end of the session; let go as soon as the gateway does."""
        deadline = time.monotonic() + PATIENCE
        while not self._task.done():
            assert time.monotonic() < deadline, "the session does not end"
            await asyncio.sleep(0)
            if self.how:
                self.close()

    async def over(self) -> None:
        """Take down what is left."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await super().over()
