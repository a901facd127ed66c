"""Clients that come through a balancer, which says by a PROXY header who they are."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket

from popover.config import Network
from popover.errors import Refused
from popover.inside.guard import plain_address
from popover.protocols.proxy_header import BINARY_LIMIT, Carried, Reader, WrongHeaderError
from popover.wire.sockets import SocketAddress

HEADER_WAIT = 3.0
"""Seconds for the whole header. A balancer sends it before all else, and the standard asks for 3 s at least, in which
one lost segment is sent again (proxy-protocol.txt, section 2). Dovecot has 3 s as well."""

CHECK_WAIT = 0.3
"""Seconds in which a balancer that comes for itself may go again, before the server is asked for. HAProxy's plain check
says LOCAL and resets at once, every two seconds, and no provider likes a connection for each. A check that waits for
the greeting gets it that much later; it has two seconds by default."""


def brings_clients(address: str, networks: tuple[Network, ...]) -> bool:
    """Whether who connects from there speaks for others (`proxy_from`)."""
    return bool(networks) and any(ipaddress.ip_address(address) in network for network in networks)


async def read_header(loop: asyncio.AbstractEventLoop, sock: socket.socket, balancer: str) -> Reader | None:
    """Take the header off a connection, and nothing of what follows. None: the connection has ended before, as that of
    a health check does.

    Raises Refused for what is no header, and where none comes in time.
    """
    header, come = Reader(), asyncio.Event()
    sock.setblocking(False)
    loop.add_reader(sock.fileno(), come.set)
    try:
        async with asyncio.timeout(HEADER_WAIT):
            while not header.is_whole:
                await come.wait()
                come.clear()
                if not _take(header, sock):
                    return None
        return None if header.carried is None and await _goes(sock, come) else header
    except TimeoutError:
        raise _refused(balancer, f"sent none within {HEADER_WAIT:g} seconds") from None
    except WrongHeaderError as fault:
        raise _refused(balancer, f"{fault}") from None
    finally:
        loop.remove_reader(sock.fileno())


async def _goes(sock: socket.socket, come: asyncio.Event) -> bool:
    """Whether it was a check and no more; what may come behind the header is not touched."""
    try:
        async with asyncio.timeout(CHECK_WAIT):
            while True:
                await come.wait()
                come.clear()
                try:
                    return not sock.recv(1, socket.MSG_PEEK)
                except (BlockingIOError, InterruptedError):
                    continue
    except TimeoutError:
        return False
    except OSError:
        return True


def _take(header: Reader, sock: socket.socket) -> bool:
    """Read on; False at the end of the connection. Raises WrongHeaderError.

    First is looked, then is taken what belongs to the header: what the client says behind it stays with the kernel.
    """
    try:
        seen = sock.recv(BINARY_LIMIT, socket.MSG_PEEK)
        if seen:
            sock.recv(header.take(seen))
    except (BlockingIOError, InterruptedError):
        return True
    except OSError:
        return False
    return bool(seen)


def _refused(balancer: str, what: str) -> Refused:
    return Refused(
        "the balancer in front of this gateway does not say for whom it connects",
        f"{balancer} stands in proxy_from, and its PROXY header {what}: let it send one (HAProxy: send-proxy-v2), or "
        "take it out of proxy_from",
    )


def ends_of(sock: socket.socket, header: Reader | None) -> Carried | None:
    """Say from where a client came, and where to: by its balancer's word, or as its own connection shows it. None: it
    is no connection of the Internet's, or has ended.
    """
    if header is not None and header.carried is not None:
        return header.carried
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return None
    with contextlib.suppress(OSError):
        return Carried(_plain(sock.getpeername()), _plain(sock.getsockname()))
    return None


def _plain(name: tuple[str, int]) -> SocketAddress:
    return plain_address(name[0]), name[1]
