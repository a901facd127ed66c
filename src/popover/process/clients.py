"""Clients: taken off the doors as who they are, or as whom their balancer says; served, or told why not."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from datetime import time as clock
from functools import partial
from itertools import count

from popover.errors import Refused
from popover.inside.doors import Door
from popover.inside.guard import Guard
from popover.inside.proxied import brings_clients, read_header
from popover.log import Log
from popover.process.ledger import Ledger
from popover.protocols import DIALECTS
from popover.protocols.proxy_header import Reader
from popover.session.session import Session
from popover.session.waiting import LINGER
from popover.wire.finish import finish
from popover.wire.stream import Scratch, Stream

QUIET_PERIOD = 60.0
"""Seconds between two log lines of the same trouble with the machine."""


class Clients:
    """All clients of a gateway, and their sessions. `serve`: lets one session run; `ceiling`: sessions at most.

    `sessions`: how many there are now.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        log: Log,
        ledger: Ledger,
        scratch: Scratch,
        ceiling: int,
        serve: Callable[[Session], Awaitable[None]],
    ) -> None:
        self.sessions = 0
        self._loop = loop
        self._log = log
        self._ledger = ledger
        self._scratch = scratch
        self._ceiling = ceiling
        self._serve = serve
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = count(1)
        self._unknown = 0  # clients of whom their balancer has not said yet who they are
        self._complained = -QUIET_PERIOD

    @property
    def tasks(self) -> int:
        """How many of them are served, told why not, or asked who they are."""
        return len(self._tasks)

    def arrive(self, door: Door, sock: socket.socket, address: str) -> None:
        """Take a client as who it is, or as whom its balancer says it is."""
        if not brings_clients(address, door.service.admission.proxy_from):
            self._welcome(door, sock, address)
        elif self.sessions + self._unknown < self._ceiling:
            self._unknown += 1
            self._spawn(self._hear_who(door, sock, address))
        else:
            door.silent += 1
            self._ledger.of(door.service).refused()
            sock.close()

    async def _hear_who(self, door: Door, sock: socket.socket, balancer: str) -> None:
        try:
            header = await read_header(self._loop, sock, balancer)
        except Refused as refused:
            self._refuse(door, Stream(self._loop, sock, self._scratch, balancer), balancer, refused, self._loop.time())
            return
        except BaseException:
            sock.close()
            raise
        finally:
            self._unknown -= 1
        if header is None:
            sock.close()
        else:
            address = header.carried.source[0] if header.carried else balancer
            self._welcome(door, sock, address, header)

    def _welcome(self, door: Door, sock: socket.socket, address: str, header: Reader | None = None) -> None:
        client = Stream(self._loop, sock, self._scratch, address)
        now = self._loop.time()
        refused: Refused | None
        if self.sessions >= self._ceiling:
            refused = Refused(
                "too many connections to this gateway, please try again in a minute",
                f"the limit of open files allows {self._ceiling} sessions: raise LimitNOFILE (ulimit -n)",
            )
        else:
            refused = door.guard.admit(address, now, local_time)
        if refused is not None:
            self._refuse(door, client, address, refused, now)
            return
        session = Session(self._loop, self._log, door.service, client, address, next(self._numbers))
        session.case.header = header
        session.case.on_left = partial(door.guard.leave_alone, address)
        self.sessions += 1
        self._ledger.of(door.service).came(session)
        self._spawn(self._run(session, door.guard))

    async def _run(self, session: Session, guard: Guard) -> None:
        service, address = session.case.service, session.case.address
        try:
            await self._serve(session)
        finally:
            self.sessions -= 1
            guard.leave(address)
            self._ledger.of(service).left(session)

    def _refuse(self, door: Door, client: Stream, address: str, refused: Refused, now: float) -> None:
        if not door.guard.is_polite(now):
            door.silent += 1
            self._ledger.of(door.service).refused()
            client.close()
            return
        self._ledger.of(door.service).refused(refused)
        self._log.event(
            "notice",
            "refused",
            f"{address} refused: {refused.cause}; {refused.remedy}",
            service=door.service.name,
            client=address,
            cause=refused.cause,
            remedy=refused.remedy,
            silent_before=door.silent,
        )
        door.silent = 0
        if door.service.inside.tls != "implicit":  # plain text there would only be taken for broken TLS
            client.write(DIALECTS[door.service.dialect].farewell(refused.cause))
        self._spawn(finish(client, LINGER))

    def exhausted(self, fault: OSError) -> None:
        """There is no descriptor for a client: say so, but not for each."""
        if self._loop.time() - self._complained >= QUIET_PERIOD:
            self._complained = self._loop.time()
            self._log.event(
                "warning",
                "exhausted",
                f"no more open files for new clients ({fault.strerror}): raise LimitNOFILE, or lower max_sessions",
                sessions=self.sessions,
            )

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- the end ---------------------------------------------------------------------------------

    async def gone(self) -> None:
        """Wait until the last of them has been served."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def cut(self) -> None:
        """End all sessions now, with a reset."""
        for task in self._tasks:
            task.cancel()


def local_time() -> clock:
    """What the clock on the wall shows."""
    return datetime.now().time()  # noqa: DTZ005 - `hours` are meant as the clock on the wall shows them
