"""One connection of a play, plain or TLS, on the event loop: pieces as they come, half-closes, resets.

asyncio's own TLS can neither close one half nor tell a cut from an end, and that is what is compared here.
"""

import asyncio
import contextlib
import fcntl
import socket
import ssl
import struct
import termios
import time
from typing import Literal, Protocol

from parts.net import LOOPBACK

PIECE = 1 << 16
DRAINING = 1.0  # seconds

# closed: FIN, inside TLS a close_notify; cut: FIN without close_notify; reset: RST.
HowItEnds = Literal["closed", "cut", "reset"]


class CutError(ConnectionError):
    """TLS that ended without close_notify."""


class Line(Protocol):
    """What a tunnel, a server and a client need of a connection."""

    async def read(self) -> bytes:
        """The next octets, b"" at the other side's end; CutError or ConnectionError for any other."""

    async def send(self, data: bytes) -> None:
        """Send all of it."""

    async def end(self) -> None:
        """Nothing more comes from here; reading goes on."""

    def reset(self) -> None:
        """RST: something is missing."""

    def close(self) -> None:
        """Let go of the socket."""


class Plain:
    """A TCP connection."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock

    async def read(self) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self.sock, PIECE)

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.sock, data)

    async def end(self) -> None:
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    async def drained(self) -> None:
        """Wait until the other side's kernel has all that was sent: a RST takes back what has not left yet."""
        deadline = time.monotonic() + DRAINING
        while _unsent(self.sock) and time.monotonic() < deadline:  # noqa: ASYNC110 - the kernel tells nobody
            await asyncio.sleep(0.001)

    def reset(self) -> None:
        with contextlib.suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        self.sock.close()


def _unsent(sock: socket.socket) -> bool:
    """Whether something waits for the other side's acknowledgement (tcp(7), SIOCOUTQ)."""
    waiting: int = struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))[0]
    return waiting > 0


class Tls:
    """TLS on a TCP connection; `server` is which side we are."""

    def __init__(self, under: Plain, context: ssl.SSLContext, *, server: bool) -> None:
        self.under = under
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        name = None if server else LOOPBACK
        self._tls = context.wrap_bio(self._in, self._out, server_side=server, server_hostname=name)
        self._held = bytearray()
        self._over: HowItEnds | None = None

    async def handshake(self) -> None:
        """Shake hands; ssl.SSLError or ConnectionError when that fails."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                if not (raw := await self.under.read()):
                    raise CutError from None
                self._in.write(raw)
            else:
                return await self._flush()

    async def read(self) -> bytes:
        while True:
            self._drain()
            if self._held:
                held = bytes(self._held)
                self._held.clear()
                return held
            if self._over == "closed":
                return b""
            if not (raw := await self.under.read()):
                raise CutError
            self._in.write(raw)

    def _drain(self) -> None:
        """Open all that has come; what is not opened before our own close_notify would be lost to it."""
        with contextlib.suppress(ssl.SSLWantReadError):
            while self._over is None:
                try:
                    data = self._tls.read(PIECE)
                except ssl.SSLZeroReturnError:
                    data = b""
                if not data:
                    self._over = "closed"
                self._held += data

    async def send(self, data: bytes) -> None:
        while data:
            data = data[self._tls.write(data) :]
        await self._flush()

    async def _flush(self) -> None:
        if self._out.pending:
            await self.under.send(self._out.read())

    async def end(self) -> None:
        with contextlib.suppress(ssl.SSLError, OSError):
            self._drain()
            self._tls.unwrap()
        with contextlib.suppress(OSError):
            await self._flush()

    def reset(self) -> None:
        self.under.reset()

    def close(self) -> None:
        self.under.close()


class Inbox:
    """What has come on a line and is not taken yet. A wait that is over loses nothing."""

    def __init__(self, line: Line) -> None:
        self.held = bytearray()
        self.how: HowItEnds | None = None
        self._line = line
        self._reading: asyncio.Task[bytes] | None = None

    async def more(self, seconds: float | None = None) -> bool:
        """Whether another piece came within `seconds`; False also at the end, whose kind `how` tells."""
        if self.how is not None:
            return False
        if self._reading is None:
            self._reading = asyncio.ensure_future(self._line.read())
        done, _ = await asyncio.wait([self._reading], timeout=seconds)
        if not done:
            return False
        reading, self._reading = self._reading, None
        try:
            piece = reading.result()
        except CutError:
            self.how = "cut"
        except (OSError, ssl.SSLError):
            self.how = "reset"
        else:
            self.held += piece
            if not piece:
                self.how = "closed"
        return self.how is None

    def take(self, size: int) -> bytes:
        """Take so many octets of what is held."""
        taken = bytes(self.held[:size])
        del self.held[:size]
        return taken

    async def stop(self) -> None:
        """Wait no longer; only then may the line be closed."""
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()
            await asyncio.wait([reading])
