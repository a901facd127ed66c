"""Addresses and ports on loopback."""

import itertools
import random
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

LOOPBACK = "127.0.0.1"

_LISTEN = "0A"  # TCP_LISTEN in the `st` column of /proc/net/tcp

# A host and a port, as `socket` and everything built on it takes them.
Address = tuple[str, int]


def free_port() -> int:
    """A TCP port nobody listens on, for programs that cannot take port 0 and tell which one they got.

    Between this look and the program's bind, nobody else may come to have it:

    - no client, whose port the kernel chooses: Linux hands those out from 32768 on, and this is below;
    - no other test: each process of tests has a hundred ports of its own, and goes round them, so that a port
      comes a second time only after ninety-nine others.

    It is free at every address, IPv4 and IPv6: 127.0.0.1, 0.0.0.0 and [::] may be used likewise.
    """
    return next(filter(_is_free, _OWN_PORTS))


def _own_ports() -> Iterator[int]:
    """A hundred ports that no other process of tests has, for ever round.

    What makes them ours is a Unix socket with an abstract name (unix(7)). The kernel lets one process bind it,
    takes it back when that ends in whatever way, and keeps those names as it keeps ports: by network namespace.
    So this holds between the workers of one pytest, whose numbers would do, and between two pytests as well.
    """
    for first in range(10_000, 32_700, 100):
        with socket.socket(socket.AF_UNIX) as claim:
            try:
                claim.bind(f"\0popover's tests: ports from {first}")
            except OSError:
                continue
            yield from itertools.cycle(range(first, first + 100))
    raise RuntimeError("each hundred of ports from 10,000 to 32,699 belongs to some process of tests: end some")


_OWN_PORTS = _own_ports()


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET6) as probe:
        probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        try:
            probe.bind(("::", port))
        except OSError:
            return False
    return True


def own_address() -> str:
    """An address of this machine (all of 127.0.0.0/8 is) that hardly another test has, for ports that are given."""
    return f"127.{random.randrange(1, 255)}.{random.randrange(256)}.{random.randrange(1, 255)}"


def wait_until(true: Callable[[], object], what: str, timeout: float = 30) -> None:
    """Look every 10 ms until `true` is; TimeoutError naming `what` when that takes over `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout} s")
        time.sleep(0.01)


def is_listening(port: int) -> bool:
    """Whether someone listens on this TCP port of any address, found without connecting.

    A connection would do more than ask: to a supervisor it is the client that starts the program.
    """
    tables = [path for path in map(Path, ("/proc/net/tcp", "/proc/net/tcp6")) if path.exists()]
    lines = [line.split() for path in tables for line in path.read_text().splitlines()[1:]]
    return any(int(line[1].rpartition(":")[2], 16) == port and line[3] == _LISTEN for line in lines)
