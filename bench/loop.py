"""Many connections in one thread, each a generator that yields what it waits for.

asyncio would do, but it takes four times the processor time and, with TLS, ten times the memory: the clients
and the server must not be what is measured.
"""

import contextlib
import select
import socket
import ssl
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

T = TypeVar("T")

READABLE = select.EPOLLIN
WRITABLE = select.EPOLLOUT

# A conversation on a socket that does not block: yields READABLE or WRITABLE, returns a T.
Work = Generator[int, None, T]


class Loop:
    """Drives conversations; what one of them raises comes out of `turn`."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._works: dict[int, Work[None]] = {}
        self._wants: dict[int, int] = {}

    def start(self, sock: socket.socket, work: Work[None]) -> None:
        """Let a conversation run up to where it first waits. It closes its socket itself."""
        fd = sock.fileno()
        self._works[fd] = work
        self._step(fd)

    def turn(self, seconds: float = 60) -> None:
        """Wait for sockets and let their conversations go on; TimeoutError when nothing moves for so long."""
        ready = self._epoll.poll(seconds)
        if not ready:
            raise TimeoutError(f"{len(self._works)} conversations, and nothing moved for {seconds} s")
        for fd, _ in ready:
            self._step(fd)

    def run(self, works: Iterable[tuple[socket.socket, Work[None]]], width: int) -> None:
        """Let all these conversations run to their end, at most `width` of them at a time."""
        for sock, work in works:
            self.start(sock, work)
            while len(self._works) >= width:
                self.turn()
        while self._works:
            self.turn()

    def close(self) -> None:
        """Close the poll object; the sockets belong to the conversations."""
        self._epoll.close()

    def _step(self, fd: int) -> None:
        try:
            want = next(self._works[fd])
        except StopIteration:
            self._forget(fd)
            return
        except BaseException:
            self._forget(fd)
            raise
        if fd not in self._wants:
            self._epoll.register(fd, want)
        elif want != self._wants[fd]:
            self._epoll.modify(fd, want)
        self._wants[fd] = want

    def _forget(self, fd: int) -> None:
        del self._works[fd]
        if self._wants.pop(fd, None) is not None:
            # The kernel forgets a closed descriptor by itself, and says so.
            with contextlib.suppress(OSError):
                self._epoll.unregister(fd)


def patiently(act: Callable[[], T]) -> Work[T]:
    """Do something with a socket, TLS or plain, as soon as it does not block."""
    while True:
        try:
            return act()
        except ssl.SSLWantReadError:
            yield READABLE
        except ssl.SSLWantWriteError:
            yield WRITABLE
        except BlockingIOError:
            yield READABLE
