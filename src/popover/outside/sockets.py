"""The sockets of connections to servers."""

from __future__ import annotations

import contextlib
import socket

from aiohappyeyeballs import AddrInfoType

from popover.wire.sockets import SocketAddress, keep_alive

_IP_BIND_ADDRESS_NO_PORT = 24  # linux/in.h; the port is chosen at connect(), so that 28,000 do for each server


def peer_of(sock: socket.socket) -> SocketAddress:
    """Where it leads. Raises OSError, and closes it, where that is nowhere any more."""
    try:
        host, port, *_ = sock.getpeername()
    except OSError:  # it has been reset already
        sock.close()
        raise
    return host, port


def server_socket(info: AddrInfoType) -> socket.socket:
    """Make the socket for a connection to a server, not yet connected."""
    sock = socket.socket(info[0], info[1] | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, info[2])
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    keep_alive(sock)
    return sock


def start_connecting(info: AddrInfoType, source: str | None) -> socket.socket:
    """Make a socket, and begin to connect it; that goes on while others have their turn. Raises OSError."""
    sock = bound_later(info) if source else server_socket(info)
    try:
        if source:
            sock.bind((source, 0))
        sock.connect(info[4])
    except BlockingIOError:
        pass  # it is under way
    except OSError:
        sock.close()
        raise
    return sock


def bound_later(info: AddrInfoType) -> socket.socket:
    """Make a socket that is to be bound to an address of this machine, whose port is chosen at connect()."""
    sock = server_socket(info)
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
    return sock


def source_info(address: str) -> AddrInfoType:
    """An address of this machine, as `aiohappyeyeballs` wants it."""
    if ":" in address:
        return socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, 0, 0, 0)
    return socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, 0)
