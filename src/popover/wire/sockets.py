"""What is asked of the kernel for every socket."""

from __future__ import annotations

import contextlib
import socket
import struct

SocketAddress = tuple[str, int]

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, 0 seconds

_MIN_RTT = struct.Struct("=148xI")  # linux/tcp.h: where `tcpi_min_rtt` stands in `tcp_info`; microseconds
_TCP_INFO = _MIN_RTT.size  # octets of it that are asked for
_UNKNOWN = 0xFFFF_FFFF  # nothing was measured yet


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


def shortest_round_trip(sock: socket.socket) -> float:
    """Give the time in seconds of the shortest round trip that TCP has seen on a connection in the last five minutes,
    that of its handshake among them; 0 where the kernel does not tell. No answer can come in less.
    """
    with contextlib.suppress(OSError, struct.error):  # it is no TCP, or is closed; or a kernel before 4.6
        [microseconds] = _MIN_RTT.unpack_from(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO))
        return 0.0 if microseconds == _UNKNOWN else microseconds / 1_000_000
    return 0.0


def has_news(sock: socket.socket) -> bool:
    """Whether something has come that was not read yet: octets, or the end. The loop may not have told of it."""
    try:
        sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True
