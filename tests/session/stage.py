"""A stage for a relay: two connections on a real event loop, whose far sides are in the test's hands."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from fakes.wire import Ending
from popover.config import Patience
from popover.protocols import Ears
from popover.session.outcome import Outcome
from popover.session.relay import Relay
from popover.talk import End
from popover.wire.finish import finish
from popover.wire.stream import Scratch, Secured, Stream

PATIENCE = 30.0  # seconds, only for a test never to hang
KIB = 1024


async def until(true: Callable[[], object]) -> None:
    while not true():  # noqa: ASYNC110 - what the relay does by itself is waited for
        await asyncio.sleep(0.001)


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """Two ends of a connection: TCP, since a socketpair knows no RST; with small buffers, so that it fills up soon."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        pair = socket.create_connection(listener.getsockname()), listener.accept()[0]
    for sock in pair:
        for buffer in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            sock.setsockopt(socket.SOL_SOCKET, buffer, 64 * KIB)
    return pair


class Peer:
    """The far side of a stream, in the test's hands."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self._loop = asyncio.get_running_loop()

    async def send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self.sock, data)

    async def hears(self, size: int) -> bytes:
        """Just so many octets."""
        heard = bytearray()
        while len(heard) < size:
            piece = await self._loop.sock_recv(self.sock, min(size - len(heard), 64 * KIB))
            assert piece, f"the end after {bytes(heard[-99:])!r}"
            heard += piece
        return bytes(heard)

    async def ending(self) -> Ending:
        """All that still comes, and how it ends."""
        heard = bytearray()
        try:
            while piece := await self._loop.sock_recv(self.sock, 64 * KIB):
                heard += piece
        except ConnectionResetError:
            return Ending(bytes(heard), "reset")
        return Ending(bytes(heard), "fin")

    def half_close(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class Scene:
    """A relay with these ears, and its two peers. `over` waits for its outcome, and ends both as a session does."""

    def __init__(self, patience: Patience, ears: Callable[[End, End], Ears]) -> None:
        loop, scratch = asyncio.get_running_loop(), Scratch()
        self._socks = [*tcp_pair(), *tcp_pair()]
        self.inside = Stream(loop, self._socks[0], scratch, "client")
        self.outside = Stream(loop, self._socks[2], scratch, "mail.example.com")
        self.client, self.server = Peer(self._socks[1]), Peer(self._socks[3])
        heard = ears(self.inside.end, self.outside.end)
        # The server's side is plain: how it ends has nothing to do with TLS here.
        self.relay = Relay(loop, patience, self.inside, Secured(self.outside), heard)
        self.talk: asyncio.Task[Outcome]

    @asynccontextmanager
    async def set(self, greeting: bytes, ready: bytes = b"") -> AsyncIterator[None]:
        """Let them talk, from the greeting on."""
        self.talk = asyncio.create_task(self.relay.talk(greeting, ready))
        try:
            async with asyncio.timeout(PATIENCE):
                await self.client_gets(greeting)
                yield
        finally:
            self.talk.cancel()
            await asyncio.gather(self.talk, return_exceptions=True)
            for stream in (self.inside, self.outside):
                stream.close()
            for sock in self._socks:
                sock.close()

    async def client_gets(self, words: bytes) -> None:
        assert await self.client.hears(len(words)) == words

    async def server_hears(self, words: bytes) -> None:
        assert await self.server.hears(len(words)) == words

    async def passes(self, words: bytes, reply: bytes = b"") -> None:
        """Words go through to the server, and its reply to the client, as they are."""
        await self.client.send(words)
        await self.server_hears(words)
        await self.server.send(reply)
        await self.client_gets(reply)

    async def over(self) -> Outcome:
        outcome = await self.talk
        self.outside.leave()
        if outcome.clean:
            await finish(self.inside, 0.2)
        else:
            self.inside.reset()
        return outcome


Act = Callable[[Scene], Coroutine[Any, Any, None]]


def play(act: Act, patience: Patience, ears: Callable[[End, End], Ears], greeting: bytes, ready: bytes = b"") -> None:
    """Play it. `ready`: what the server was asked while it waited."""

    async def main() -> None:
        scene = Scene(patience, ears)
        async with scene.set(greeting, ready):
            await act(scene)

    asyncio.run(main())
