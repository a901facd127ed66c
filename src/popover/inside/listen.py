"""Listening sockets: opening them, and saying in plain words why one cannot be had."""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path

from popover.config import Activated, Address, Listen, host_port
from popover.errors import StartError
from popover.protocols import printable
from popover.wire.sockets import SocketAddress, keep_alive

BACKLOG = 512
"""Connections that wait in the kernel to be accepted; Linux cuts it to net.core.somaxconn (4,096). nginx has
511: enough for what comes in while a session's handshake is being computed."""


_FREEBIND = {socket.AF_INET: (socket.IPPROTO_IP, 15), socket.AF_INET6: (socket.IPPROTO_IPV6, 78)}
"""IP_FREEBIND of linux/in.h and IPV6_FREEBIND of linux/in6.h, which Python's socket module does not have."""


class PortInUseError(StartError):
    """Somebody listens there already: another program, or a listener of our own that is to go."""


def name_of(listen: Listen) -> str:
    """Say what a listener's sockets are called where they are handed over; no name of systemd's has a colon."""
    return listen.name if isinstance(listen, Activated) else str(listen)


def open_listener(listen: Listen, inherited: dict[str, list[socket.socket]]) -> list[socket.socket]:
    """Open what `listen` names, or take it off `inherited`; systemd may give several sockets one name. Raises
    StartError.
    """
    if isinstance(listen, Activated):
        if listen.name not in inherited:
            known = ", ".join(sorted(inherited)) or "none"
            raise StartError(
                f"listen: systemd has handed over no socket with the name {listen.name!r} (it gave: {known}); "
                f"write FileDescriptorName={listen.name} into the socket unit"
            )
        sockets = inherited[listen.name]
        for sock in sockets:
            _must_listen(listen, sock)
    else:
        handed = inherited.get(name_of(listen))  # by the popover whose place we take
        sockets = [handed.pop(0) if handed else _bound(listen)]
    for sock in sockets:
        prepare(sock)
    return sockets


def _must_listen(listen: Activated, sock: socket.socket) -> None:
    """Raise StartError for a socket from which no client can be accepted: accept() would fail for ever."""
    try:
        listens = sock.type == socket.SOCK_STREAM and sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError:
        listens = False
    if not listens:
        raise StartError(
            f"listen: what systemd has handed over as {listen.name!r} does not listen for connections; write "
            "ListenStream= into the socket unit, without Accept=yes"
        )


def prepare(sock: socket.socket) -> None:
    """Set what accepted sockets inherit from their listener (tcp(7)), so that it costs nothing per client."""
    sock.setblocking(False)
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        keep_alive(sock)


def _bound(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as fault:  # no descriptor is left, or this machine has no IPv6
        raise StartError(_why_not(address, fault)) from None
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # 0.0.0.0 is a listener of its own
        _bind(sock, address)
        sock.listen(BACKLOG)
    except OSError as fault:
        sock.close()
        kind = PortInUseError if fault.errno == errno.EADDRINUSE else StartError
        raise kind(_why_not(address, fault)) from None
    return sock


def _bind(sock: socket.socket, address: Address) -> None:
    """Bind, even to an address that this machine does not have yet (ip(7), IP_FREEBIND): after a power cut, DHCP may be
    slower than we are, and later, as `user`, we could not bind a low port any more.
    """
    try:
        sock.bind((address.host, address.port))
    except OSError as fault:
        if fault.errno != errno.EADDRNOTAVAIL:
            raise
        level, option = _FREEBIND[sock.family]
        sock.setsockopt(level, option, 1)
        sock.bind((address.host, address.port))


def is_here(host: str) -> bool:
    """Whether this machine has that IP address. Nothing is sent."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((host, 0))
    except OSError as fault:
        return fault.errno != errno.EADDRNOTAVAIL
    return True


def must_be_here(address: Address) -> None:
    """For who cannot wait until this machine has that address. Raises StartError."""
    if not is_here(address.host):
        raise StartError(_why_not(address, OSError(errno.EADDRNOTAVAIL, "")))


def _why_not(address: Address, fault: OSError) -> str:
    if fault.errno == errno.EADDRINUSE:
        holder = port_holder(address)
        return f"{address} is in use already{f' by {holder}' if holder else ''}; stop that, or choose another port"
    if fault.errno == errno.EACCES:
        return (
            f"{address}: only root may use a port below 1024: start (not: reload) as root with `user` (--user), let "
            "systemd hand the socket over, lower the sysctl net.ipv4.ip_unprivileged_port_start, or choose a higher "
            "port"
        )
    if fault.errno == errno.EADDRNOTAVAIL:
        return f"{address} is not an address of this machine (`ip address` lists them)"
    return f"{address}: {fault.strerror}"


def port_holder(wanted: Address) -> str | None:
    """Find who listens where we cannot therefore, "name (pid 123)", as far as /proc lets us see."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:  # sl local_address rem_address st ... inode; proc(5); 0A is TCP_LISTEN
            field = line.split()
            host, _, port = field[1].partition(":")
            if field[3] == "0A" and int(port, 16) == wanted.port and _in_the_way(host, wanted.host):
                inodes.add(f"socket:[{field[9]}]")
    for process in Path("/proc").glob("[0-9]*") if inodes else ():
        try:
            if any(str(link.readlink()) in inodes for link in (process / "fd").iterdir()):
                return f"{printable((process / 'comm').read_bytes())} (pid {process.name})"
        except OSError:
            continue
    return None


def _in_the_way(figures: str, host: str) -> bool:
    """Whether both cannot be had: an address as the kernel shows it, words of four octets in the machine's order, and
    ours. Another program may have the same port at another address.
    """
    octets = bytes.fromhex(figures)
    if sys.byteorder == "little":
        octets = b"".join(octets[at : at + 4][::-1] for at in range(0, len(octets), 4))
    taken, ours = ip_address(octets), ip_address(host.partition("%")[0])
    taken = getattr(taken, "ipv4_mapped", None) or taken
    return taken == ours or taken.is_unspecified or ours.is_unspecified


def shown(sock: socket.socket) -> str:
    """Write where a socket listens, for people."""
    name = sock.getsockname()
    return host_port(*name[:2]) if isinstance(name, tuple) else str(name or "unix")


class OwnAddresses:
    """Where this gateway listens, to find out when a server's name leads back to it (faults.md, 114).

    Asked before connecting: the connection itself would be a new client, whose session would connect again.
    """

    def __init__(self, listening: Iterable[SocketAddress]) -> None:
        self._exact = set(listening)
        self._ports = {port for _, port in self._exact}
        self._everywhere = {port for host, port in self._exact if host in _ANY}

    @classmethod
    def of(cls, sockets: Iterable[socket.socket]) -> OwnAddresses:
        """Read them off the listening sockets."""
        return cls(s.getsockname()[:2] for s in sockets if s.family in (socket.AF_INET, socket.AF_INET6))

    def lead_here(self, address: SocketAddress) -> bool:
        """Whether a connection to `address` (an IP address and a port) would come to one of our listeners."""
        host, port = address
        if port not in self._ports:
            return False
        if address in self._exact or host in _ANY:  # connecting to 0.0.0.0 comes to this machine
            return True
        return port in self._everywhere and _is_local(host)


_ANY = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to


def _is_local(host: str) -> bool:
    """Whether an address is this machine's: its route has it as the source, too. Nothing is sent."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((host, 9))
            return str(probe.getsockname()[0]) == host or host.startswith("127.")
    except OSError:
        return False
