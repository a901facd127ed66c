"""A network of its own: addresses, routes, hosts and name servers as the test wants them, and nobody else's.

    with World(directory, hosts="192.0.2.1 mail.fake.test") as world:
        world.blackhole("192.0.2.0/24")
        listener = world.listen("192.0.2.1")
        popover = Popover(...)   # its command prefixed by world.prefix

Linux namespaces for network and mounts (unshare(1), network_namespaces(7)); as an ordinary user, one for
users as well. Nothing in it reaches any other network.

`python -m fakes.world` says whether this user can have one here, and what to do if not.
"""

import ctypes
import fcntl
import functools
import json
import socket
import struct
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

_REFUSED = """\
The tests make networks of their own, and this machine does not let {user} do so:
{why}
{way_out}"""
_ROOTS_WAY_OUT = """\
Root needs the capabilities CAP_SYS_ADMIN and CAP_NET_ADMIN: run the tests outside this container, or give it those."""
_USERS_WAY_OUT = """\
Run them as root: sudo make test. Or allow it until the next start; on Ubuntu 24.04 that is
sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0"""

_HARDWARE = "02:00:00:00:00:01"

# linux/if_ether.h, linux/sockios.h and linux/ethtool.h
_ETH_P_ALL = 0x0003
_SIOCETHTOOL, _ETHTOOL_STXCSUM = 0x8946, 0x17


def _unshare() -> list[str]:
    """The command to put before one that is to run in a new world."""
    user = [] if is_root() else ["--user", "--map-root-user"]
    return ["unshare", *user, "--net", "--mount", "--propagation=private"]


@functools.cache
def refusal() -> str:
    """Why no world can be made here, and what to do; empty where it can."""
    tried = subprocess.run([*_unshare(), "true"], capture_output=True, text=True, check=False)
    if not tried.returncode:
        return ""
    user, way_out = ("root", _ROOTS_WAY_OUT) if is_root() else ("an ordinary user", _USERS_WAY_OUT)
    return _REFUSED.format(user=user, why=tried.stderr.strip(), way_out=way_out)


class World:
    """Exists from `__init__` to the end of the `with` block. Loopback is up, and there is nothing else."""

    def __init__(self, directory: Path, hosts: str = "") -> None:
        if why := refusal():
            raise PermissionError(why)
        directory.mkdir(parents=True, exist_ok=True)
        self._line, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._line.settimeout(PATIENCE)
        with other:
            hold = [sys.executable, holder.__file__, str(other.fileno())]
            self._holder = subprocess.Popen([*_unshare(), *hold], pass_fds=[other.fileno()], stdin=subprocess.DEVNULL)
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

    def cable(self, name: str, *addresses: str, mtu: int = 1500) -> int:
        """A network interface with these addresses ("192.0.2.1/24"), and the descriptor of its other end.

        There its frames are read and written raw (packet(7)). A tun interface would be the simpler way, but
        /dev/net/tun is not there for every user on every machine.
        """
        self._plug(name, *addresses, mtu=mtu)
        end = self.new_socket(socket.AF_PACKET, socket.SOCK_RAW)
        _write_checksums(end, name)
        end.bind((f"{name}-end", _ETH_P_ALL))
        return end.detach()

    def blackhole(self, *addresses: str) -> None:
        """An interface whose network swallows every packet; `addresses` are this world's own ones there."""
        self._plug("hole", *addresses)

    def _plug(self, name: str, *addresses: str, mtu: int = 1500) -> None:
        """An interface whose cable ends in another one (veth(4)), NAME-end, which takes packets and answers none.

        Nobody asks who is there (ARP): a packet leaves for the hardware address of its own interface, and
        that is the same in every world.
        """
        end = f"{name}-end"
        self.run("ip", "link", "add", name, "address", _HARDWARE, "arp", "off", "type", "veth", "peer", "name", end)
        for address in addresses:
            # An IPv6 address is not usable before duplicates have been looked for; nodad: don't.
            self.run("ip", "address", "add", address, "dev", name, *(["nodad"] if ":" in address else []))
        self.run("ip", "link", "set", end, "up")
        self.run("ip", "link", "set", name, "mtu", str(mtu), "up")

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


def _family(host: str) -> int:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _write_checksums(sock: socket.socket, interface: str) -> None:
    """Let every packet leave as it would on a real cable: whole and of its own, segments within the MTU.

    On a virtual cable Linux leaves the checksum and the cutting to the other end.
    """
    value = (ctypes.c_uint32 * 2)(_ETHTOOL_STXCSUM, 0)
    fcntl.ioctl(sock, _SIOCETHTOOL, struct.pack("16sP16x", interface.encode(), ctypes.addressof(value)))


if __name__ == "__main__":
    sys.exit(refusal() or 0)
