"""How a session comes to a server: by a connection that stands ready, or by a new one."""

from __future__ import annotations

from functools import partial

from popover.config import Service, Target, host_port
from popover.errors import Failure, ServerFailure
from popover.inside.proxied import ends_of
from popover.outside.dial import Dialler
from popover.outside.opening import open_up
from popover.outside.spare import Opened
from popover.outside.warm import Warm
from popover.protocols import DIALECTS, Memory
from popover.session.case import Case


class Dismissed(ServerFailure):
    """The server greeted with a refusal: `words`, in the client's dialect."""

    end = "server refused"

    def __init__(self, cause: str, words: bytes) -> None:
        super().__init__(cause)
        self.words = words


class Reach:
    """One session's."""

    __slots__ = ("_case", "_dialler", "warm")

    def __init__(self, case: Case, dialler: Dialler, warm: Warm) -> None:
        self.warm = warm
        self._case = case
        self._dialler = dialler

    async def take(self, target: Target) -> Opened:
        """Have a connection that stands ready, or else a new one. Raises Failure."""
        opened = self.warm.take(target)
        return await self.open(target) if opened is None else self._taken(opened)

    async def open(self, target: Target) -> Opened:
        """Dial and read the greeting, and what came with it. Raises Failure; Dismissed if that is a refusal: then it is
        let go, for a session may try another server.
        """
        case = self._case
        client = ends_of(case.client.sock, case.header) if target.proxy_to_server else None
        case.dialled, case.is_warm = await self._dialler.dial(target, client=client), False
        stream = case.dialled.stream
        try:
            greeting = await open_up(target, case.dialled)
            if not greeting.welcome:
                raise Dismissed(f"{target.server.host} refused: {greeting.words.decode().strip()}", greeting.words)
        except Failure:
            case.let_go()
            raise
        words = greeting.words + bytes(stream.end.inbox)
        stream.end.inbox.clear()
        return self._taken(Opened(case.dialled, words))

    def _taken(self, opened: Opened) -> Opened:
        case = self._case
        case.dialled, case.is_warm, case.making = opened.dialled, opened.ready is not None, opened.took
        if case.spy is not None:
            case.note(_connected(opened, case.loop.time() - case.since))
        return opened

    def visited(self, service: Service, memory: Memory) -> None:
        """A client was here and logged in: it may come again, and find a connection that stands ready."""
        target, ahead, dialect = service.target, service.ahead, DIALECTS[service.dialect]
        # With a header that names the client, nobody knows yet for whom the next connection will be.
        most = ahead.warm if dialect.CAN_WAIT and not target.proxy_to_server else 0
        is_curious = dialect.CAN_WAIT and memory.is_curious and ahead.wants_to_know
        get_ready = partial(dialect.get_ready, memory=memory)
        self.warm.visited(target, self._case.since, most, get_ready, is_curious=is_curious)


def _connected(opened: Opened, seconds: float) -> str:
    """Say how the server was reached, for the trace."""
    dialled = opened.dialled
    how = "a connection that was ready" if opened.ready is not None else "a new connection"
    return f"{host_port(*dialled.address)} has greeted after {seconds * 1000:.0f} ms: {how}, {dialled.tls.version}"
