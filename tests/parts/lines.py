"""A connection to a mail server that is read by lines, in plain text, in TLS, or in the one after the other."""

import socket
import ssl

from parts.account import TIMEOUT
from parts.net import Address


class Lines:
    """With a `context` it begins with TLS, for the name localhost."""

    def __init__(self, place: Address, context: ssl.SSLContext | None = None) -> None:
        self._sock: socket.socket = socket.create_connection(place, TIMEOUT)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is not None:
            self._sock = context.wrap_socket(self._sock, server_hostname="localhost")
        self._file = self._sock.makefile("rb")

    def begin_tls(self, context: ssl.SSLContext) -> None:
        """Go on in TLS; what was read ahead in plain text is lost."""
        self._file.close()
        self._sock = context.wrap_socket(self._sock, server_hostname="localhost")
        self._file = self._sock.makefile("rb")

    def send(self, octets: bytes) -> None:
        """Say all of it."""
        self._sock.sendall(octets)

    def line(self) -> bytes:
        """A line with its end; nothing at the end of all."""
        return self._file.readline()

    def exactly(self, size: int) -> bytes:
        """So many octets."""
        octets = self._file.read(size)
        assert len(octets) == size
        return octets

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._sock.close()
