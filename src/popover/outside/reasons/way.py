"""Why there is no connection: the words for what names, addresses and time-outs do."""

from __future__ import annotations

import asyncio
import errno
import math
import socket
from typing import Literal

from aiohappyeyeballs import AddrInfoType

from popover.config import SERVER_PORTS, Security, Server, host_port, scheme_of
from popover.errors import ConnectFailure, NameFailure, TLSFailure
from popover.wire.sockets import SocketAddress, is_connected
from popover.wire.stream import Stream

NOT_CONNECTED = (
    errno.ECONNREFUSED,
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
    errno.ETIMEDOUT,
    errno.EADDRNOTAVAIL,
    errno.ENOTCONN,
)
"""What a socket says that has never been connected; a reset in the handshake is something else."""


_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Step:
    """What is being waited for, for the words when it takes too long; `clock`: until when."""

    name: Literal["name", "connect", "starttls"] = "name"
    stream: Stream | None = None  # from the moment on that it is connecting
    address: SocketAddress = ("", 0)  # where that leads
    preface = b""  # what the server has to hear before all else

    def __init__(self, clock: asyncio.Timeout | None = None) -> None:
        self.clock = clock or asyncio.timeout(None)

    def left(self, now: float) -> float:
        """Seconds until then."""
        due = self.clock.when()
        return math.inf if due is None else due - now

    def drop(self) -> None:
        """Close what was begun."""
        if self.stream is not None:
            self.stream.close()
            self.stream = None

    def too_slow(self, server: Server, seconds: float) -> NameFailure | ConnectFailure | TLSFailure:
        """Say what had not come when all `seconds` were over."""
        if self.name == "name":
            return NameFailure(
                f"the name {server.host} could not be looked up: no answer from DNS within {seconds:g} seconds",
                "is the network up, and does /etc/resolv.conf name a server that answers?",
            )
        if self.name == "starttls":
            return TLSFailure(
                f"{server.host} accepted the connection, but did not come to STARTTLS within {seconds:g} seconds "
                "(timeout)",
                f"if it speaks TLS from the first octet on, it waits for us to speak: {instead(server)}; "
                "else it may be overloaded",
            )
        # Not: whether our first flight has left. On a busy machine the server may have accepted before we look.
        if self.stream is None or not is_connected(self.stream.sock):
            return ConnectFailure(
                f"{server.host} does not answer on port {server.port} (timeout after {seconds:g} seconds)",
                f"a firewall on the way may drop it, or the network is down{or_instead(server)}",
            )
        return TLSFailure(
            f"{server.host} accepted the connection, but TLS was not ready within {seconds:g} seconds (timeout)",
            f"is TLS what {server} speaks on that port? the server may be overloaded",
        )


def instead(server: Server) -> str:
    """Say how to write the same server with the other way to begin TLS: `write smtp+starttls://mail.example.com:587`."""
    other: Security = "starttls" if server.security == "tls" else "tls"
    usual = server.port == SERVER_PORTS[server.dialect, server.security]
    port = SERVER_PORTS[server.dialect, other] if usual else server.port
    return f"write {scheme_of(server.dialect, other)}://{host_port(server.host, port)}"


def or_instead(server: Server) -> str:
    """Say so where nothing is behind the usual port: many servers have STARTTLS only, some have only the other."""
    if server.port != SERVER_PORTS[server.dialect, server.security]:
        return ""
    what = "STARTTLS only" if server.security == "tls" else "TLS from the first octet on only"
    return f"; if the provider has {what}, {instead(server)}"


def no_address(server: Server, fault: OSError) -> NameFailure:
    """Turn what getaddrinfo raised into words."""
    if fault.errno in (socket.EAI_NONAME, socket.EAI_NODATA):
        return NameFailure(
            f"there is no server with the name {server.host}",
            "is it written as the provider has it? does this machine's DNS know it?",
        )
    if fault.errno in _EXHAUSTED:  # getaddrinfo reads files and opens sockets, too
        return NameFailure(*_no_more(fault.errno))
    reason = (fault.strerror or str(fault)).lower()
    return NameFailure(
        f"the name {server.host} could not be looked up: {reason}",
        "is the network up, and does /etc/resolv.conf name a server that answers?",
    )


def leads_back(server: Server) -> ConnectFailure:
    """Say that a server's name, or one of its addresses, is this gateway's own."""
    return ConnectFailure(
        f"{server.host} leads back to this gateway itself",
        f"the name or the port of {server} is wrong: it must be the provider's server",
    )


def _no_more(code: int) -> tuple[str, str]:
    return (
        "the gateway is busy, please try again in a minute",
        f"this machine gives no more sockets ({errno.errorcode[code]}): raise LimitNOFILE, or lower max_sessions",
    )


def no_connection(
    server: Server, fault: OSError | RuntimeError, addresses: list[AddrInfoType], source: str | None
) -> ConnectFailure:
    """Turn what connecting to all `addresses` came to into words."""
    tried = ", ".join(str(info[4][0]) for info in addresses)
    code = fault.errno if isinstance(fault, OSError) else None
    if code == errno.ECONNREFUSED:
        return ConnectFailure(
            f"{server.host} refuses connections on port {server.port}",
            f"is the port right, and does the server run? tried: {tried}{or_instead(server)}",
        )
    if code in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return ConnectFailure(
            f"{server.host} cannot be reached from here (no route)",
            f"is the network up, and is there IPv6 where the server has only that? tried: {tried}",
        )
    if code in _EXHAUSTED:
        return ConnectFailure(*_no_more(code))
    if source and (code == errno.EADDRNOTAVAIL or code is None):
        return ConnectFailure(
            f"{server.host} cannot be reached from here",
            f"source_address {source} is not an address of this machine that leads to {tried}",
        )
    return ConnectFailure(
        f"no connection to {server.host} on port {server.port}", f"tried {tried}: {str(fault).lower()}"
    )
