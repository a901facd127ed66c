"""Addresses and ports on loopback."""

import random
import socket
import time
from collections.abc import Callable
from pathlib import Path

LOOPBACK = "127.0.0.1"

_LISTEN = "0A"  # TCP_LISTEN in the `st` column of /proc/net/tcp

# A host and a port, as `socket` and everything built on it takes them.
Address = tuple[str, int]


def free_port(host: str = LOOPBACK) -> int:
    """A TCP port nobody listens on, for programs that cannot take port 0 and tell which one they got.

    It lies below 32768, where Linux begins to hand out ports for outgoing connections: a port from there
    might be taken by any client between this look and the program's bind.
    """
    while True:
        port = random.randint(10_000, 32_767)
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
        return port


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
