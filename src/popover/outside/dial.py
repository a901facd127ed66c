"""From a target to a verified TLS stream: look up, connect, shake hands; failures in plain words."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

import aiohappyeyeballs
from aiohappyeyeballs import AddrInfoType

from popover.config import Server, Target
from popover.errors import ConfigError, ConnectFailure, NameFailure, ServerFailure, TLSFailure
from popover.outside.certificate import Certificate, read_certificate
from popover.outside.chain import Seen, Shown, way_up
from popover.outside.converse import converse
from popover.outside.look import look_at_chain
from popover.outside.reasons import (
    ALPN_REFUSED,
    NOT_CONNECTED,
    Step,
    explain_ending,
    explain_tls,
    leads_back,
    no_address,
    no_connection,
)
from popover.outside.resolve import NoThread, Resolver
from popover.outside.sockets import bound_later, peer_of, server_socket, source_info, start_connecting
from popover.outside.trust import Verifier, Verifiers, store_is_empty
from popover.protocols.proxy_header import Carried, preface
from popover.protocols.starttls import STARTTLS
from popover.wire.engine import Engine, TLSError, UntrustedError
from popover.wire.sockets import SocketAddress
from popover.wire.stream import Scratch, Secured, Stream

EYEBALLS_DELAY = 0.25
"""Seconds before the next address is tried beside one that has not answered (RFC 8305 section 5: 250 ms)."""

LOOK_TIMEOUT = 3.0
"""Seconds for a second look at a certificate that was refused: only so that the words can name its date or
its names, so not long; the client has been waiting already."""


class Dialled(NamedTuple):
    """A verified connection to a server, and what carries a login: a Stream without TLS is of no type for it.
    `address`: where the server is. `since`: when connecting to it began (loop time).
    """

    stream: Secured
    address: SocketAddress
    tls: Engine
    verifier: Verifier
    since: float


class Dialler:
    """Makes connections to servers for all sessions of one gateway."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        scratch: Scratch,
        is_own: Callable[[SocketAddress], bool],
    ) -> None:
        self._loop = loop
        self._scratch = scratch
        self._is_own = is_own
        self._resolver = Resolver(loop)
        self.verifiers = Verifiers()

    async def dial(
        self, target: Target, only: list[AddrInfoType] | None = None, client: Carried | None = None
    ) -> Dialled:
        """Connect within `connect_timeout` seconds, all in all; what a server says before STARTTLS has
        `greeting_timeout` for itself. `only`: to these addresses; `client`: for whom, if the server wants to know.
        Raises Failure.
        """
        server = target.server
        step = Step(asyncio.timeout(target.connect_timeout))
        step.preface = preface(target.proxy_to_server, client)
        try:
            async with step.clock:
                found = only or await self.look_up(server)
                step.name = "connect"
                return await self._reach(target, found, step)
        except TimeoutError:
            seconds = target.greeting_timeout if step.name == "starttls" else target.connect_timeout
            failure = step.too_slow(server, seconds)
            step.drop()
            self._resolver.forget(server.host, server.port)
            raise failure from None
        except UntrustedError as fault:  # the verdict stands, however long a second look takes
            step.drop()  # some servers take one connection at a time
            raise await self._explain(fault, target, step) from None
        except TLSError as fault:
            step.drop()
            raise explain_tls(fault, server) from None
        except BaseException:
            step.drop()
            raise

    async def _reach(self, target: Target, found: list[AddrInfoType], step: Step) -> Dialled:
        """Connect and shake hands; where the server refuses because our dialect is not on its ALPN list (rustls does),
        once more without: its name, its chain and its greeting still tell who it is. Raises Failure, or TLSError.
        """
        verifier = self._verifier(target)
        try:
            return await self._secure(target, verifier, found, step)
        except TLSError as fault:
            if fault.reason != ALPN_REFUSED or verifier.policy.alpn is None:
                raise
        step.drop()
        dialled = await self._secure(target, self._verifier(target, asks=False), found, step)
        self.verifiers.ask_no_more(target)
        return dialled

    async def _explain(self, fault: UntrustedError, target: Target, step: Step) -> TLSFailure:
        patience = min(LOOK_TIMEOUT, step.left(self._loop.time()))
        shown = await look_at_chain(self._loop, self._scratch, step.address, target, patience)
        trusted = self._verifier(target).authorities() if shown.sent else []
        way = way_up(shown.sent, trusted, datetime.fromtimestamp(time.time(), UTC))
        knows_nobody = target.trust.ca_file is None and store_is_empty()
        return explain_tls(fault, target.server, Seen(way, shown.is_all, knows_nobody))

    async def look_up(self, server: Server) -> list[AddrInfoType]:
        """Give all addresses of a server, in the order in which they are tried. Raises NameFailure."""
        try:
            return await self._resolver.addresses(server.host, server.port)
        except NoThread:
            raise NameFailure(
                "the gateway is busy, please try again in a minute",
                f"this machine gives no thread to look {server.host} up: raise TasksMax or LimitNPROC",
            ) from None
        except OSError as fault:
            raise no_address(server, fault) from None

    async def _connect(self, target: Target, found: list[AddrInfoType]) -> tuple[socket.socket, SocketAddress]:
        """Connect to the first address that answers. Where there is only one, the socket is given back while it
        is connecting: the first flight of TLS waits for that as well as we could, and saves waking up in between.
        Before STARTTLS it is the server that speaks first.
        """
        source, addresses = target.source_address, self._others(found)
        if not addresses:
            raise leads_back(target.server)
        try:
            # Else something is said before TLS.
            if len(addresses) == 1 and target.server.security == "tls" and target.proxy_to_server is None:
                return start_connecting(addresses[0], source), addresses[0][4][:2]
            sock = await aiohappyeyeballs.start_connection(
                addresses,
                local_addr_infos=[source_info(source)] if source else None,
                happy_eyeballs_delay=EYEBALLS_DELAY,
                loop=self._loop,
                socket_factory=bound_later if source else server_socket,
            )
            return sock, peer_of(sock)
        except (OSError, RuntimeError) as fault:
            raise self._unreached(target, fault, found) from None

    def _others(self, found: list[AddrInfoType]) -> list[AddrInfoType]:
        """Leave out the addresses at which this gateway itself listens."""
        return [info for info in found if not self._is_own(info[4][:2])]

    def _unreached(self, target: Target, fault: OSError | RuntimeError, found: list[AddrInfoType]) -> ConnectFailure:
        """Say why there is no connection: not that ::1 refused it, where 127.0.0.1 is this gateway itself."""
        server, others = target.server, self._others(found)
        self._resolver.forget(server.host, server.port)
        if len(others) < len(found) and isinstance(fault, OSError) and fault.errno in NOT_CONNECTED:
            return leads_back(server)
        return no_connection(server, fault, others, target.source_address)

    async def _secure(self, target: Target, verifier: Verifier, found: list[AddrInfoType], step: Step) -> Dialled:
        """Connect to one of these, and shake hands. Raises Failure, or TLSError."""
        server, since = target.server, self._loop.time()
        sock, step.address = await self._connect(target, found)
        stream = step.stream = Stream(self._loop, sock, self._scratch, server.host)
        stream.write(step.preface)
        if server.security == "starttls":
            await self._start_tls(target, stream, step)
        tls = verifier.engine(server.host, server.port)
        try:
            secured = await stream.secure(tls)
        except OSError as fault:  # TLSError is one
            if fault.errno in NOT_CONNECTED:
                raise self._unreached(target, fault, found) from None
            verifier.drop(server.host, server.port)
            if isinstance(fault, TLSError):
                raise
            raise explain_tls(fault, server) from None
        if not tls.resumed:
            verifier.drop(server.host, server.port)
        verifier.check_pin(server.host, tls)
        return Dialled(secured, step.address, tls, verifier, since)

    async def _start_tls(self, target: Target, stream: Stream, step: Step) -> None:
        """Talk to the server in plain text until it has agreed to TLS. Raises Failure."""
        left = step.left(self._loop.time())
        step.name = "starttls"
        step.clock.reschedule(self._loop.time() + target.greeting_timeout)
        try:
            await converse(STARTTLS[target.server.dialect].start_tls(stream.end), {stream.end: stream})
        except (ServerFailure, TLSFailure):
            if stream.ending is not None and stream.ending.kind != "closed":
                raise explain_ending(stream.ending, target.server.host) from None
            raise
        step.name = "connect"
        step.clock.reschedule(self._loop.time() + left)

    def _verifier(self, target: Target, *, asks: bool = True) -> Verifier:
        """Find the verifier. Its `ca_file` was read when the gateway started or reloaded, and is read again for a
        session that was let in before the reload.
        """
        try:
            return self.verifiers.of(target, asks=asks)
        except ConfigError as fault:
            store = target.trust.ca_file or "the system's trust store"
            raise TLSFailure(
                f"the gateway cannot verify {target.server.host} at present, for want of {store}",
                f"{fault}; mend the file: the next session reads it again, without a restart",
            ) from None

    async def look_at_certificate(
        self, address: SocketAddress, target: Target, patience: float = LOOK_TIMEOUT
    ) -> Certificate | None:
        """Fetch a certificate that was refused, to tell what it says. None if it does not come within `patience`
        seconds, or is not to be had at all.
        """
        sent = (await self.look_at_chain(address, target, patience)).sent
        with contextlib.suppress(ValueError):
            return read_certificate(sent[0]) if sent else None
        return None

    async def look_at_chain(self, address: SocketAddress, target: Target, patience: float = LOOK_TIMEOUT) -> Shown:
        """Fetch all certificates that a server shows, whether they are good or not. None of them if they do not come
        within `patience` seconds, or are not to be had at all.
        """
        return await look_at_chain(self._loop, self._scratch, address, target, patience)
