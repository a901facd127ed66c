"""The way to a server: its name, and a connection to each of its addresses by itself."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import time
from typing import NamedTuple

from aiohappyeyeballs import AddrInfoType

from popover.check.report import Fact, Report, Status
from popover.config import Service, doubt, host_port
from popover.errors import ConnectFailure, Failure
from popover.outside.dial import Dialler
from popover.outside.reasons import Step, no_connection
from popover.outside.sockets import server_socket

_SLOW_NAME = 2.0
"""Seconds for a look-up beyond which it is worth a word: resolvers ask again after 1 to 5."""

_UNREACHABLE = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL)


class Tried(NamedTuple):
    """One address and what connecting to it came to: after how many seconds, and the fault if it was one."""

    info: AddrInfoType
    seconds: float
    fault: OSError | None

    @property
    def address(self) -> str:
        """The IP address."""
        return str(self.info[4][0])

    @property
    def kind(self) -> str:
        """Name the outcome in one word, stable for --json."""
        if self.fault is None:
            return "connected"
        if isinstance(self.fault, TimeoutError):
            return "filtered"
        if self.fault.errno == errno.ECONNREFUSED:
            return "refused"
        return "unreachable" if self.fault.errno in _UNREACHABLE else "failed"


def milliseconds(seconds: float) -> str:
    """Write a duration for people."""
    return f"{seconds * 1000:.0f} ms" if seconds < 10 else f"{seconds:.0f} s"  # noqa: PLR2004 - readable so far


async def check_name(report: Report, dialler: Dialler, service: Service) -> list[AddrInfoType]:
    """Look the server's name up, and whether it and the port are those of its dialect. Raises Failure."""
    oddity, advice = doubt(service.server)
    if oddity:
        report.add("name", "warn", oddity, advice, outcome="another dialect")
    server, since = service.server, time.monotonic()
    try:
        async with report.waiting(f"looking up {server.host}"), asyncio.timeout(service.target.connect_timeout):
            found = await dialler.look_up(server)
    except TimeoutError:
        raise Step().too_slow(server, service.target.connect_timeout) from None
    seconds = time.monotonic() - since
    addresses = [str(info[4][0]) for info in found]
    facts: dict[str, Fact] = {"host": server.host, "addresses": addresses, "seconds": round(seconds, 3)}
    if _is_address(server.host):
        report.add("name", "ok", f"{server.host} is an address: nothing to look up", "", **facts)
        return found
    text = f"{server.host} is {' and '.join(addresses)} ({milliseconds(seconds)})"
    if seconds > _SLOW_NAME:
        remedy = "a name server in /etc/resolv.conf may not answer: sessions wait that long for their first connection"
        report.add("name", "warn", f"{text}: slow", remedy, **facts)
    else:
        report.add("name", "ok", text, "", **facts)
    return found


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def check_connect(report: Report, service: Service, addresses: list[AddrInfoType]) -> list[AddrInfoType]:
    """Connect to each address by itself, all at the same time; those that can be reached. Raises Failure if none."""
    server = service.server
    async with report.waiting(f"connecting to {host_port(server.host, server.port)}"):
        tried = await asyncio.gather(*(_try(service, info) for info in addresses))
    reached = [one.info for one in tried if one.fault is None]
    for one in tried:
        status: Status = "ok" if one.fault is None else "warn" if reached else "fail"
        text, remedy = _words(one, service)
        report.add(
            "connect",
            status,
            text,
            remedy if reached else "",
            address=one.address,
            outcome=one.kind,
            seconds=round(one.seconds, 3),
        )
    if not reached:
        raise _none(service, list(tried))
    return reached


async def _try(service: Service, info: AddrInfoType) -> Tried:
    since = time.monotonic()
    fault: OSError | None = None
    sock: socket.socket | None = None
    try:
        sock = server_socket(info)
        if service.target.source_address:
            sock.bind((service.target.source_address, 0))
        async with asyncio.timeout(service.target.connect_timeout):
            await asyncio.get_running_loop().sock_connect(sock, info[4])
    except OSError as what:  # TimeoutError is one
        fault = what
    finally:
        if sock is not None:
            sock.close()
    return Tried(info, time.monotonic() - since, fault)


def _words(tried: Tried, service: Service) -> tuple[str, str]:
    """Say what one address came to, and what it means when others can be reached."""
    place = host_port(tried.address, service.server.port)
    six = ":" in tried.address
    if tried.kind == "connected":
        return f"{place} accepts connections ({milliseconds(tried.seconds)})", ""
    if tried.kind == "refused":
        return f"{place} refuses connections: nothing listens there", "the others are used"
    if tried.kind == "filtered":
        return (
            f"{place} does not answer within {service.target.connect_timeout:g} seconds: filtered, or gone",
            "the others are used; each first connection may wait 250 ms for it",
        )
    if tried.kind == "unreachable":
        what = "this machine has no IPv6 connection" if six else "no route"
        return f"{place} cannot be reached from here ({what})", "the others are used, this costs nothing"
    return f"{place}: {tried.fault}", "the others are used"


def _none(service: Service, tried: list[Tried]) -> Failure:
    """Say why no address can be reached, by the one that tells most."""
    server = service.server
    kinds = {one.kind for one in tried}
    if kinds == {"unreachable"} and all(":" in one.address for one in tried):
        return ConnectFailure(
            f"{server.host} has only IPv6 addresses, and this machine has no IPv6 connection",
            "get IPv6 here, or ask the provider for a server that has an IPv4 address, too",
        )
    if "refused" not in kinds and "filtered" in kinds:
        step = Step()
        step.name = "connect"
        return step.too_slow(server, service.target.connect_timeout)
    telling = next((one for one in tried if one.kind == "refused"), tried[0])
    fault = telling.fault or OSError("no address")
    return no_connection(server, fault, [one.info for one in tried], service.target.source_address)
