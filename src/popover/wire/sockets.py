"""What is asked of the kernel for every socket."""

from __future__ import annotations

import socket

SocketAddress = tuple[str, int]


def keep_alive(sock: socket.socket) -> None:
    """Notice a peer that vanished without a word, and keep a NAT's memory awake.

    First probe after 120 s of silence, then every 30 s, dead after 4: home routers forget an idle connection
    after 5 minutes and more (RFC 5382 asks for 124), Linux's own default is two hours.
    """
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 120)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 30)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)
