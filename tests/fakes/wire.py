"""One TCP connection in a test's hands: what is sent byte for byte, what comes, and how it ends."""

import contextlib
import fcntl
import socket
import struct
import termios
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Literal, NamedTuple, Self

from parts.net import Address, wait_until

# Seconds after which a test that waits for bytes fails instead of hanging. Nothing is measured by it.
PATIENCE = 30.0

HowItEnds = Literal["fin", "reset"]


class Ending(NamedTuple):
    """The last bytes that came, and how it ended: FIN (all was said) or RST (something is missing)."""

    words: bytes
    how: HowItEnds


class Talker(ABC):
    """Bytes that come in pieces, read as whatever the test needs. A Wire, or TLS on a Wire."""

    def __init__(self) -> None:
        self._held = b""

    @abstractmethod
    def send(self, data: bytes) -> None:
        """Send all of it."""

    @abstractmethod
    def arrival(self) -> bytes:
        """The next bytes from the connection; empty at its end. ConnectionResetError for a RST."""

    @abstractmethod
    def close(self) -> None:
        """End as a well-behaved peer does."""

    def receive(self) -> bytes:
        """What came, at least one byte; empty at the end."""
        held, self._held = self._held, b""
        return held or self.arrival()

    def line(self) -> bytes:
        """Up to the next LF, and that too; whatever there is if the connection ends before it."""
        while b"\n" not in self._held:
            piece = self.arrival()
            if not piece:
                return self.receive_held()
            self._held += piece
        line, mark, self._held = self._held.partition(b"\n")
        return line + mark

    def exactly(self, size: int) -> bytes:
        """The next `size` bytes; EOFError if there are fewer."""
        pieces, missing = [], size
        while missing:
            piece = self.receive()
            if not piece:
                raise EOFError(f"{missing} of {size} bytes never came")
            pieces.append(piece[:missing])
            self._held = piece[missing:]
            missing -= len(pieces[-1])
        return b"".join(pieces)

    def receive_held(self) -> bytes:
        """What was received and not taken yet."""
        held, self._held = self._held, b""
        return held

    def ask(self, line: bytes) -> bytes:
        """Send a command without its CRLF, and give the line that answers it."""
        self.send(line + b"\r\n")
        return self.line()

    def ending(self) -> Ending:
        """Wait for the end: all that still comes, and how it ends."""
        words = bytearray(self.receive_held())
        try:
            while piece := self.arrival():
                words += piece
        except ConnectionResetError:
            return Ending(bytes(words), "reset")
        return Ending(bytes(words), "fin")


class Wire(Talker):
    """A connected TCP socket; the end of a `with` block closes it."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        sock.settimeout(PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock

    @classmethod
    def to(cls, address: Address, source: str | None = None) -> Self:
        """Connect; to a port of IPv4 or IPv6 loopback, from this address of ours."""
        return cls(socket.create_connection(address, PATIENCE, (source, 0) if source else None))

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self.sock.sendall(data)

    def has_arrived(self) -> None:
        """Wait until the other side's kernel has all that was sent: on a busy machine loopback takes its time, too."""
        wait_until(lambda: not self._unacknowledged(), "what was sent arrives", PATIENCE)

    def _unacknowledged(self) -> int:
        """Octets that were sent, and not acknowledged yet (tcp(7), SIOCOUTQ)."""
        return int(struct.unpack("i", fcntl.ioctl(self.sock, termios.TIOCOUTQ, bytes(4)))[0])

    def arrival(self) -> bytes:
        """The next bytes as they come from the kernel."""
        return self.sock.recv(1 << 16)

    def half_close(self) -> None:
        """FIN: nothing more will be sent; reading goes on."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        """FIN, and then nothing but waiting for the other side's end, so that no RST overtakes it."""
        self.half_close()
        with contextlib.suppress(OSError):
            self.ending()
        self.sock.close()

    def reset(self) -> None:
        """RST: SO_LINGER with zero seconds makes `close` send it (socket(7))."""
        with contextlib.suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def wake(self) -> None:
        """Make whoever waits in another thread for this connection go on, as if it had ended."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close; a FIN unless bytes were left unread."""
        self.sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
