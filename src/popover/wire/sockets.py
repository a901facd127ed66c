"""What is asked of the kernel for every socket."""

from __future__ import annotations

import contextlib
import socket
import struct

SocketAddress = tuple[str, int]

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, 0 seconds


def keep_alive(sock: socket.socket) -> None:
    """Notice a peer that vanished without a word, and keep a NAT's memory awake.

    First probe after 120 s of silence, then every 30 s, dead after 4: home routers forget an idle connection
    after 5 minutes and more (RFC 5382 asks for 124), Linux's own default is two hours.
    """
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 120)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 30)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)


def reset_at_close(sock: socket.socket) -> None:
    """Have close() send a RST, if there is anybody left to get one."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def is_connected(sock: socket.socket) -> bool:
    """Whether the peer has accepted the connection: one that is being made has no peer yet."""
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


def has_news(sock: socket.socket) -> bool:
    """Whether something has come that was not read yet: octets, or the end. The loop may not have told of it."""
    try:
        sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True
