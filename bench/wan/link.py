"""A line of a given length and width, in front of a server: a TCP relay that delivers late.

What is sent at `t` leaves when all before it has left (bandwidth), and arrives half a round trip later. On
loopback a connection stands at once; over a real line it takes a round trip (SYN, SYN-ACK), so what is
sent sooner leaves only then. Lost packets and TCP's slow start are left out: they would cost everybody the same.
"""

import asyncio
import contextlib
import threading
from functools import partial

_PIECE = 16 * 1024

# Octets under way in one direction before the sender is stopped: what a receiver's window holds.
_WINDOW = 4 * 1024 * 1024

_HOST = "127.0.0.1"


class Link:
    """Listens on a port of its own for each call of `open`. `round_trip` in seconds, `bandwidth` in bits a second."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._round_trip = 0.0
        self._bandwidth = 0.0
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def open(self, server_port: int = 0) -> int:
        """Make one more line to the server, or to another at that port; its port on this side."""
        return asyncio.run_coroutine_threadsafe(self._listen(server_port or self._server_port), self._loop).result(30)

    def become(self, round_trip: float, bandwidth: float) -> None:
        """Change all lines; 0 is none at all and no limit."""
        self._round_trip, self._bandwidth = round_trip, bandwidth

    async def _listen(self, server_port: int) -> int:
        carry = partial(self._carry, server_port)
        server = await asyncio.start_server(carry, _HOST, 0, limit=_PIECE)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def _carry(self, server_port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened = self._loop.time() + self._round_trip
        with contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection(_HOST, server_port, limit=_PIECE)
            ways = (self._way(reader, far_writer, opened), self._way(far_reader, writer, opened))
            await asyncio.gather(*ways, return_exceptions=True)
            far_writer.close()
        writer.close()

    async def _way(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, opened: float) -> None:
        """One direction, to its end."""
        free = opened  # when the line has sent all that was put on it
        under_way = 0
        room = asyncio.Event()
        last: asyncio.TimerHandle | None = None

        def arrive(data: bytes) -> None:
            nonlocal under_way
            under_way -= len(data)
            room.set()
            if not writer.is_closing():
                writer.write(data)

        while data := await reader.read(_PIECE):
            free = max(free, self._loop.time()) + (len(data) * 8 / self._bandwidth if self._bandwidth else 0)
            under_way += len(data)
            last = self._loop.call_at(free + self._round_trip / 2, arrive, data)
            while under_way > _WINDOW:
                room.clear()
                await room.wait()
        await self._wait_until(max(free, self._loop.time()) + self._round_trip / 2 + (0.001 if last else 0))
        with contextlib.suppress(OSError):
            if writer.can_write_eof():
                writer.write_eof()

    async def _wait_until(self, moment: float) -> None:
        await asyncio.sleep(max(0, moment - self._loop.time()))
