"""A network of its own: addresses, routes, hosts and name servers as the test wants them, and nobody else's.

    with World(directory, hosts="192.0.2.1 mail.fake.test") as world:
        world.blackhole("192.0.2.0/24")
        listener = world.listen("192.0.2.1")
        popover = Popover(...)   # its command prefixed by world.prefix

Linux namespaces for network and mounts (unshare(1), network_namespaces(7)); as an ordinary user, one for
users as well. Nothing in it reaches any other network.
"""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fakes import holder
from fakes.wire import PATIENCE, Wire
from parts.net import Address
from parts.places import is_root

# One try of one second each for A and AAAA, so that a name server that says nothing is given up soon.
RESOLV_CONF = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"
NSSWITCH_CONF = "hosts: files dns\n"


class World:
    """Exists from `__init__` to the end of the `with` block. Loopback is up, and there is nothing else."""

    def __init__(self, directory: Path, hosts: str = "") -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._line, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._line.settimeout(PATIENCE)
        user = () if is_root() else ("--user", "--map-root-user")
        with other:
            hold = (sys.executable, holder.__file__, str(other.fileno()))
            self._holder = subprocess.Popen(
                ["unshare", *user, "--net", "--mount", "--propagation=private", *hold],
                pass_fds=[other.fileno()],
                stdin=subprocess.DEVNULL,
            )
        self.run("ip", "link", "set", "lo", "up")
        self.resolv_conf = directory / "resolv.conf"
        self._put(self.resolv_conf, "/etc/resolv.conf", RESOLV_CONF)
        self._put(directory / "hosts", "/etc/hosts", f"127.0.0.1 localhost\n{hosts}\n")
        self._put(directory / "nsswitch.conf", "/etc/nsswitch.conf", NSSWITCH_CONF)

    @property
    def prefix(self) -> tuple[str, ...]:
        """What to put before a command, so that it runs in this world."""
        user = () if is_root() else ("--user", "--preserve-credentials")
        return ("nsenter", f"--target={self._holder.pid}", *user, "--net", "--mount")

    def run(self, *command: str) -> str:
        """Run a command in this world; what it wrote."""
        (code, output), _ = self._ask("run", *command)
        assert code == 0, f"{' '.join(command)}: {output}"
        return str(output)

    def new_socket(self, family: int, kind: int) -> socket.socket:
        """A socket in this world, for the test to use."""
        return socket.socket(fileno=self._ask("socket", int(family), int(kind))[1])

    def listen(self, host: str, port: int = 0) -> socket.socket:
        """A listening TCP socket."""
        sock = self.new_socket(_family(host), socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(512)
        return sock

    def connect(self, address: Address) -> Wire:
        """A connection to an address of this world."""
        sock = self.new_socket(_family(address[0]), socket.SOCK_STREAM)
        sock.settimeout(PATIENCE)
        sock.connect(address)
        return Wire(sock)

    def tun(self, name: str, *addresses: str, mtu: int = 1500) -> int:
        """A network interface with these addresses ("192.0.2.1/24"), and the descriptor of its other end."""
        descriptor = self._ask("tun", name)[1]
        for address in addresses:
            # An IPv6 address is not usable before duplicates have been looked for; nodad: don't.
            self.run("ip", "address", "add", address, "dev", name, *(["nodad"] if ":" in address else []))
        self.run("ip", "link", "set", name, "mtu", str(mtu), "up")
        return descriptor

    def blackhole(self, *addresses: str) -> None:
        """An interface whose network swallows every packet; `addresses` are this world's own ones there."""
        self._blackhole = self.tun("hole", *addresses)

    def _put(self, file: Path, place: str, text: str) -> None:
        file.write_text(text)
        file.chmod(0o644)
        self.run("mount", "--bind", str(file), place)

    def _ask(self, *question: object) -> tuple[Any, int]:
        self._line.send(json.dumps(question).encode())
        words, descriptors, _, _ = socket.recv_fds(self._line, 1 << 16, 1)
        assert words, "the holder of the world has ended"
        return json.loads(words), descriptors[0] if descriptors else -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.close()
        self._holder.wait(PATIENCE)
        if (hole := getattr(self, "_blackhole", None)) is not None:
            os.close(hole)


def _family(host: str) -> int:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
