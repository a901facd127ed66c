"""The outgoing half of a socket: what the kernel does not take at once is kept until it does."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

MORE = getattr(socket, "MSG_MORE", 0)
"""Last words travel with the FIN that follows them, in one segment (Linux, tcp(7)): a segment less for both sides
to handle is 3 % of what a session costs."""


ANSWERS = 64 * 1024
"""Octets of TLS's own answers that wait for a peer before it is listened to again: 2,400 of those that a change of its
key is owed (27 octets each). A server changes its key after gigabytes, so no honest one ever sees this limit."""


def nothing(*_: object) -> None:
    """Nobody listens."""


class Outgoing:
    """Writes to one non-blocking socket; `on_drain` tells when all that was kept is with the kernel.

    `finishing`: we have said that nothing more comes. `moved_at`: loop time at which octets began to wait, or at
    which the kernel last took some of them.
    """

    __slots__ = ("_answers", "_fd", "_loop", "_unsent", "_write_dead", "finishing", "moved_at", "on_drain", "sock")

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
        self.sock = sock
        self.finishing = False
        self.moved_at = 0.0
        self.on_drain: Callable[[], None] = nothing
        self._loop = loop
        self._fd = sock.fileno()
        self._unsent = bytearray()
        self._answers = 0
        self._write_dead = False

    def _send(self, data: bytes | bytearray | memoryview, flags: int = 0) -> None:
        """Send or keep `data`. `flags`: MORE, if a FIN follows at once."""
        if self._unsent:
            self._unsent += data
            return
        try:
            sent = self.sock.send(data, flags)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as fault:
            self._write_failed(fault)
            return
        if sent < len(data):
            self._unsent += memoryview(data)[sent:]
            self.moved_at = self._loop.time()
            self._loop.add_writer(self._fd, self._on_writable)

    def _answer(self, data: bytes) -> None:
        """Send what nobody but TLS has to say; it counts for as long as the kernel takes not all that waits."""
        self._send(data)
        if self._unsent:
            self._answers += len(data)

    def _on_writable(self) -> None:
        try:
            sent = self.sock.send(self._unsent)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as fault:
            self._write_failed(fault)
            return
        del self._unsent[:sent]
        self.moved_at = self._loop.time()
        if not self._unsent:
            self._loop.remove_writer(self._fd)
            if self.finishing:
                self._shut()
            self._emptied()
            self.on_drain()

    def _emptied(self) -> None:
        """Nothing waits any more."""
        self._answers = 0

    def _write_failed(self, fault: OSError) -> None:  # noqa: ARG002 - for those who report it
        """Write nothing any more, and forget what waited."""
        self._write_dead = True
        if self._unsent:
            self._unsent.clear()
            self._loop.remove_writer(self._fd)
            self._emptied()

    def _shut(self) -> None:
        """Send the FIN."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)
