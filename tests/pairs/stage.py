"""Where plays take place: odd servers behind TLS, a tunnel, and one popover with a service for each of them."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Coroutine, Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Generic, NamedTuple, Protocol, Self, TypeVar

from pairs.features import is_sealed, toml
from pairs.talk import Meter
from pairs.tunnel import Tunnel
from pairs.wire import Line, Plain, Tls
from parts.certificates import Authority
from parts.net import LOOPBACK
from parts.popover import Popover


class Server(Protocol):
    """What can be served here. `scheme`: how popover is told to come."""

    scheme: ClassVar[str]

    async def handle(self, line: Line) -> None:
        """Serve one connection to its end."""


S = TypeVar("S", bound=Server)


class Way(NamedTuple, Generic[S]):
    """A server, and the port where a client without TLS comes to it."""

    server: S
    port: int


class Stage:
    """All servers of some plays, for as long as its block lasts."""

    def __init__(self, authority: Authority, directory: Path) -> None:
        self._directory = directory
        certificate = authority.issue(LOOPBACK, "localhost")
        self._of_server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._of_server.load_cert_chain(certificate.cert_file, certificate.key_file)
        self._of_client = ssl.create_default_context(cafile=str(authority.ca_file))
        # Debian 12's Python takes a cut for an end otherwise (CPython's issue 95494).
        for context in (self._of_server, self._of_client):
            context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
        self._ca_file = authority.ca_file
        self._certificate = certificate
        self.meter = Meter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listeners: list[socket.socket] = []
        self._tunnels: list[Tunnel] = []
        self._popovers: list[Popover] = []

    async def __aenter__(self) -> Self:
        self._keep(self.meter.run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for popover in self._popovers:
            await asyncio.to_thread(popover.__exit__, kind, error, trace)
        for tunnel in self._tunnels:
            await tunnel.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for listener in self._listeners:
            listener.close()

    def serve(self, server: Server) -> int:
        """Have a server listen; its port, where TLS is spoken."""
        listener = socket.create_server((LOOPBACK, 0))
        listener.setblocking(False)
        self._listeners.append(listener)
        self._keep(self._accept(listener, server))
        port: int = listener.getsockname()[1]
        return port

    def through_tunnel(self, server: S) -> Way[S]:
        """A server, and the way to it that all others are measured by."""
        tunnel = Tunnel(self.serve(server), self._of_client)
        self._tunnels.append(tunnel)
        return Way(server, tunnel.port)

    async def through_popover(self, servers: Sequence[tuple[S, str]]) -> list[Way[S]]:
        """Servers, each with its set of features, and the ways to them through one popover."""
        ports = [self.serve(server) for server, _ in servers]
        file = self._directory / f"{len(self._popovers)}.toml"
        file.write_text(
            "".join(
                f'[[service]]\nname = "{type(server).__name__[:40]} {port}"\nlisten = "0"\n'
                f'server = "{server.scheme}://{LOOPBACK}:{port}"\nca_file = "{self._ca_file}"\n{toml(features)}\n'
                + (self._shown if is_sealed(features) else "")
                for (server, features), port in zip(servers, ports, strict=True)
            )
        )
        state = {"STATE_DIRECTORY": str(file.with_suffix(""))}  # a port that is free again is another server
        popover = await asyncio.to_thread(Popover, "-c", file, env=state)
        self._popovers.append(popover)
        return [
            Way(server, self._sealed(port) if is_sealed(features) else port)
            for (server, features), port in zip(servers, popover.ports, strict=True)
        ]

    @property
    def _shown(self) -> str:
        """The certificate that a popover shows its clients."""
        return f'tls_cert = "{self._certificate.cert_file}"\ntls_key = "{self._certificate.key_file}"\n'

    def _sealed(self, port: int) -> int:
        """Where a client without TLS comes to this port, which has it."""
        self._tunnels.append(Tunnel(port, self._of_client))
        return self._tunnels[-1].port

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listener: socket.socket, server: Server) -> None:
        while True:
            sock, _ = await asyncio.get_running_loop().sock_accept(listener)
            self._keep(self._serve(Plain(sock), server))

    async def _serve(self, under: Plain, server: Server) -> None:
        line = Tls(under, self._of_server, server=True)
        with contextlib.suppress(OSError):
            try:
                await line.handshake()
                await server.handle(line)
            finally:
                under.close()
