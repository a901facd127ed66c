"""The mail programs inside: plain POP3, as much of it as a measurement asks for.

Any answer but `+OK` raises RuntimeError: a figure about sessions that failed would be worth nothing.
"""

import contextlib
import itertools
import socket
import time
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from bench.loop import WRITABLE, Loop, Work, patiently

_HOST = "127.0.0.1"
_LOGIN = (b"USER anna\r\n", b"PASS secret\r\n")
_CHECK = (*_LOGIN, b"STAT\r\n", b"QUIT\r\n")
_END_OF_MAIL = b"\r\n.\r\n"

# Seconds that an answer may take before the run is given up; no figure comes near.
_PATIENCE = 60

# An address and a port at once, chosen when connecting: then many addresses share the ports (Linux, ip(7)).
_IP_BIND_ADDRESS_NO_PORT = 24


class Fetched(NamedTuple):
    """How much came, in bytes, and how long it took, in seconds."""

    size: int
    seconds: float


class Clients:
    """Mail programs that connect to a port of this machine; those that `hold` opened stay."""

    def __init__(self) -> None:
        self._held: list[socket.socket] = []

    def sessions(self, port: int, count: int, width: int) -> float:
        """Log in, ask for the state, leave: `count` times, `width` at a time. Returns the seconds it took."""
        start = time.perf_counter()
        _run(((sock, _session(sock, port, _CHECK)) for sock in _sockets(count)), width)
        return time.perf_counter() - start

    def greetings(self, port: int, count: int) -> list[float]:
        """Seconds from connecting to the first line, for one session after the other."""
        times = []
        for _ in range(count):
            start = time.perf_counter()
            with socket.create_connection((_HOST, port), _PATIENCE) as sock:
                _expect_ok(sock.recv(4096))
                times.append(time.perf_counter() - start)
                _ask(sock, b"QUIT\r\n")
        return times

    def noops(self, port: int, count: int, pause: float) -> list[float]:
        """Seconds from a NOOP to its answer, for so many in one session; `pause` seconds between them."""
        times = []
        with socket.create_connection((_HOST, port), _PATIENCE) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _expect_ok(sock.recv(4096))
            for line in _LOGIN:
                _ask(sock, line)
            for _ in range(count):
                time.sleep(pause)
                start = time.perf_counter()
                _ask(sock, b"NOOP\r\n")
                times.append(time.perf_counter() - start)
            _ask(sock, b"QUIT\r\n")
        return times

    def fetch(self, port: int, times: int) -> Fetched:
        """Fetch the large mail so many times in one session, and throw it away."""
        buffer = bytearray(1024 * 1024)
        size = 0
        with socket.create_connection((_HOST, port), _PATIENCE) as sock:
            _expect_ok(sock.recv(4096))
            for line in _LOGIN:
                _ask(sock, line)
            start = time.perf_counter()
            for _ in range(times):
                sock.sendall(b"RETR 1\r\n")
                size += _read_mail(sock, buffer)
            seconds = time.perf_counter() - start
            _ask(sock, b"QUIT\r\n")
        return Fetched(size, seconds)

    def hold(self, port: int, count: int, width: int = 16) -> None:
        """Open so many more sessions, log in, and leave them idle."""
        socks = list(_sockets(count))
        self._held += socks
        _run(((sock, _session(sock, port, _LOGIN, stay=True)) for sock in socks), width)

    def alive(self) -> int:
        """How many of the idle sessions answer a NOOP."""
        alive = 0
        for sock in self._held:
            sock.settimeout(_PATIENCE)
            with contextlib.suppress(OSError, RuntimeError):
                _ask(sock, b"NOOP\r\n")
                alive += 1
        return alive

    def release(self) -> None:
        """End the idle sessions as mail programs do, with QUIT."""
        for sock in self._held:
            with sock, contextlib.suppress(OSError, RuntimeError):
                sock.settimeout(_PATIENCE)
                _ask(sock, b"QUIT\r\n")
        self._held.clear()


def _sockets(count: int) -> Iterator[socket.socket]:
    """Sockets from 127.0.0.2 and its neighbours in turn: each has 28,000 ports of its own for a server."""
    for number in itertools.islice(itertools.cycle(range(2, 6)), count):
        sock = socket.socket()
        sock.settimeout(0)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        sock.bind((f"127.0.0.{number}", 0))
        yield sock


def _run(works: Iterator[tuple[socket.socket, Work[None]]], width: int) -> None:
    loop = Loop()
    try:
        loop.run(works, width)
    finally:
        loop.close()


def _session(sock: socket.socket, port: int, lines: tuple[bytes, ...], *, stay: bool = False) -> Work[None]:
    """Connect, take the greeting, say each line and take its answer, and close unless told to stay."""
    try:
        sock.connect_ex((_HOST, port))
        yield WRITABLE
        _expect_ok((yield from patiently(partial(sock.recv, 4096))))
        for line in lines:
            sock.send(line)
            _expect_ok((yield from patiently(partial(sock.recv, 4096))))
    finally:
        if not stay:
            sock.close()


def _ask(sock: socket.socket, line: bytes) -> None:
    sock.sendall(line)
    _expect_ok(sock.recv(4096))


def _expect_ok(answer: bytes) -> None:
    """The answers are so short that each comes in one piece."""
    if not (answer.startswith(b"+OK") and answer.endswith(b"\r\n")):
        raise RuntimeError(f"expected +OK, got {answer!r}")


def _read_mail(sock: socket.socket, buffer: bytearray) -> int:
    """Read to the final dot; returns how many bytes came, the `+OK` line among them."""
    size = 0
    tail = b""
    view = memoryview(buffer)
    while tail != _END_OF_MAIL:
        count = sock.recv_into(buffer)
        if not count:
            raise RuntimeError(f"the mail was cut after {size} bytes")
        size += count
        tail = (tail + bytes(view[max(0, count - 5) : count]))[-5:]
    return size
