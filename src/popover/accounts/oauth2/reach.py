"""A connection to a provider, and what cuts it: neither a dead name server, nor one that takes no connection, nor an
answer that drips may hold anybody, and least of all the end of the process.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Sequence
from functools import partial
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self, TypeAlias

CONNECT = 6.0  # seconds for each address of the provider, so that a dead one leaves time for another

_Place: TypeAlias = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]


class Fuse:
    """Cuts what is waited for when its time is up: a socket's own limit begins anew with each octet that drips in.
    Nothing is asked once it is blown: who hears so late that a token is wanted may not be waited for, and it would be
    lost.
    """

    def __init__(self, seconds: float) -> None:
        self._cut: Callable[[], None] = lambda: None
        self._has_asked = False
        self._lock = threading.Lock()
        self._timers = [self._timer(seconds)]
        self.is_blown = False

    def guard(self, cut: Callable[[], None]) -> None:
        """Take what cuts that which is waited for next. Raises TimeoutError, as `asks` does."""
        self._cut = cut
        if self.is_blown:  # just now: nobody will cut it any more
            raise TimeoutError

    def asks(self) -> None:
        """From here on the provider may have heard the question."""
        with self._lock:
            if self.is_blown:
                raise TimeoutError
            self._has_asked = True

    def hasten(self, seconds: float) -> None:
        """Blow in so many seconds, or at once if nothing has been asked."""
        with self._lock:
            self.is_blown = self.is_blown or not self._has_asked
        sooner = self._timer(0 if self.is_blown else seconds)
        self._timers.append(sooner)
        sooner.start()

    def _timer(self, seconds: float) -> threading.Timer:
        timer = threading.Timer(seconds, self._blow)
        timer.daemon = True
        return timer

    def _blow(self) -> None:
        self.is_blown = True
        self._cut()

    def __enter__(self) -> Self:
        self._timers[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        for timer in self._timers:
            timer.cancel()


def reached(host: str, port: int, fuse: Fuse) -> socket.socket:
    """Connect to the first of its addresses that lets us. Raises OSError, the first that there was."""
    faults: list[OSError] = []
    for family, kind, protocol, _, place in _addresses(host, port, fuse):
        sock = socket.socket(family, kind, protocol)
        try:
            fuse.guard(partial(cut, sock))
            sock.settimeout(CONNECT)
            sock.connect(place)
            fuse.guard(lambda: None)  # until it has come to TLS, which does not know what to do with one that was cut
        except OSError as fault:
            sock.close()
            faults.append(fault)
        else:
            return sock
        if fuse.is_blown:
            break
    raise faults[0] if faults else socket.gaierror(socket.EAI_NONAME, "no address")


def _addresses(host: str, port: int, fuse: Fuse) -> Sequence[_Place]:
    """Look the name up. Nobody can cut getaddrinfo, which a dead name server holds for half a minute: so it is asked in
    a thread that neither we nor the end of the process have to wait for.
    """
    answers: SimpleQueue[Sequence[_Place] | OSError | ValueError] = SimpleQueue()

    def ask() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, ValueError) as fault:  # ValueError: it is no name
            answers.put(fault)

    fuse.guard(lambda: answers.put(TimeoutError()))
    threading.Thread(target=ask, name=f"look up {host}", daemon=True).start()
    answer = answers.get()
    if isinstance(answer, Exception):
        raise answer
    return answer


def cut(sock: socket.socket) -> None:
    """End it for whoever waits for it in another thread."""
    with contextlib.suppress(OSError):
        # Not SSLSocket's own, which first forgets that there is TLS: what is sent just then would go in clear.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
