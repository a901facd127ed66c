"""The real HAProxy, in the foreground, with the proxies that a test gives it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from parts.net import is_listening
from parts.program import Program

_CONFIG = """
global
  stats socket {directory}/admin mode 600 level admin
defaults
  mode tcp
  timeout connect 10s
  timeout client 1m
  timeout server 1m
"""


class HAProxy(Program):
    """`admin` asks it; `status` is what it takes a server for."""

    directory: Path

    def admin(self, command: str) -> str:
        """What its administrator's socket answers."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(30)
            sock.connect(str(self.directory / "admin"))
            sock.sendall(command.encode() + b"\n")
            return b"".join(iter(lambda: sock.recv(65536), b"")).decode()

    def status(self, server: str) -> str:
        """As its statistics call it: "UP", "DOWN (agent)", "DRAIN", ... of "back/one"."""
        names, *lines = self.admin("show stat").removeprefix("# ").splitlines()
        columns = names.split(",")
        for line in filter(None, lines):
            found = dict(zip(columns, line.split(","), strict=False))
            if f"{found['pxname']}/{found['svname']}" == server:
                return found["status"]
        raise LookupError(server)


@contextmanager
def haproxy(directory: Path, proxies: str, *ports: int) -> Iterator[HAProxy]:
    """Runs it with these `listen`, `frontend` and `backend` sections, from when it listens on all of these ports."""
    config = directory / "haproxy.cfg"
    config.write_text(_CONFIG.format(directory=directory) + proxies)
    with HAProxy("haproxy", "-db", "-f", config, output=directory / "haproxy.txt") as program:
        program.directory = directory
        program.wait_until(lambda: all(map(is_listening, ports)), "HAProxy listens")
        yield program
