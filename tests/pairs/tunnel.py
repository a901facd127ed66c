"""The reference: a plain relay, clear inside, TLS outside, that knows no protocol.

Half-closes and ends are passed on as a wire would: FIN -> close_notify, close_notify -> FIN, reset -> reset, and a
connection that was cut without close_notify is a reset.
"""

import asyncio
import contextlib
import socket
import ssl

from pairs.wire import Line, Plain, Tls
from parts.net import LOOPBACK


class Tunnel:
    """Listens on `port`; each connection is joined to `server_port` of this machine."""

    def __init__(self, server_port: int, context: ssl.SSLContext) -> None:
        self._server_port = server_port
        self._context = context
        self._listener = socket.create_server((LOOPBACK, 0))
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._tasks: set[asyncio.Task[None]] = set()
        self._keep(asyncio.ensure_future(self._accept()))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self) -> None:
        while True:
            sock, _ = await asyncio.get_running_loop().sock_accept(self._listener)
            self._keep(asyncio.ensure_future(self._join(Plain(sock))))

    async def _join(self, inside: Plain) -> None:
        outside: Line | None = None
        try:
            outside = await dial(self._server_port, self._context)
            # A group, so that no one reads from a socket any more when it is closed.
            async with asyncio.TaskGroup() as both:
                both.create_task(_pass_on(inside, outside))
                both.create_task(_pass_on(outside, inside))
        except* OSError:  # an SSLError is one
            inside.reset()
            if outside is not None:
                outside.reset()
        finally:
            inside.close()
            if outside is not None:
                outside.close()

    async def close(self) -> None:
        """Stop listening and end all that is under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._listener.close()


async def _pass_on(giver: Line, taker: Line) -> None:
    while piece := await giver.read():
        await taker.send(piece)
    await taker.end()


async def connect(port: int) -> Plain:
    """A TCP connection to a port of this machine."""
    sock = socket.socket()
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, (LOOPBACK, port))
    except BaseException:
        sock.close()
        raise
    return Plain(sock)


async def dial(port: int, context: ssl.SSLContext) -> Tls:
    """A TLS connection to a port of this machine."""
    under = await connect(port)
    line = Tls(under, context, server=False)
    try:
        await line.handshake()
    except BaseException:
        with contextlib.suppress(OSError):
            under.close()
        raise
    return line
