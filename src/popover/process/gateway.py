"""The gateway: listeners in, sessions out; loading, reloading, draining. It owns all sessions."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Coroutine, Iterator
from datetime import datetime
from datetime import time as clock
from functools import partial
from itertools import count
from pathlib import Path

from popover import __version__
from popover.config import Config
from popover.errors import Refused, StartError
from popover.inside.doors import Door, Doors
from popover.inside.guard import Guard
from popover.inside.listen import OwnAddresses
from popover.inside.proxied import brings_clients, read_header
from popover.log import Log
from popover.outside.dial import Dialler
from popover.outside.warm import Warm
from popover.process.finders import Finders
from popover.process.first_look import LookUp
from popover.process.identities import Identities
from popover.process.ledger import Ledger
from popover.process.queue.post import Post
from popover.process.state import load as load_state
from popover.process.state import save as save_state
from popover.process.state import state_file
from popover.process.status.figures import Picture
from popover.process.trust_stores import verifiers_of
from popover.protocols import DIALECTS
from popover.protocols.proxy_header import Reader
from popover.session.memories import Memories
from popover.session.session import Session
from popover.session.waiting import LINGER
from popover.wire.sockets import SocketAddress
from popover.wire.stream import Scratch, Stream

QUIET_PERIOD = 60.0
"""Seconds between two log lines of the same trouble with the machine."""


class Gateway:
    """Serves a `Config` until `drain` is over. Everything happens on one event loop.

    `state`: the file of what is kept over a restart (`state.py`); None: nothing is.
    """

    def __init__(
        self,
        log: Log,
        ceiling: int,
        inherited: dict[str, list[socket.socket]] | None = None,
        state: Path | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._log = log
        self._ceiling = ceiling
        self._ledger = Ledger()
        self.scratch = self._scratch = Scratch()
        self._doors = Doors(self._loop, inherited or {}, self._arrive, self._exhausted)
        self._own = OwnAddresses([])
        self._dialler = Dialler(self._loop, self._scratch, self._leads_here)
        self._warm = Warm(self._loop, self._dialler, self._has_room)
        self._state = state
        self._identities = Identities(log, None if state is None else state.parent)
        self._memories = Memories(self._keep_harm)
        self._finders = Finders(log, (state or state_file()).parent)
        if state is not None:
            self._memories.recall(load_state(state, time.time()))
        self._post = Post(self._dialler, log, None if state is None else state.parent, self._memories.of)
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = count(1)
        self._sessions = 0
        self._unknown = 0  # clients of whom their balancer has not said yet who they are
        self._complained = -QUIET_PERIOD
        self._said_no_state = False
        self._began = time.monotonic()

    # -- loading ---------------------------------------------------------------------------------

    def load(self, config: Config) -> list[str]:
        """Make `config` what is served; give a line for each address that is new.

        Raises ConfigError or StartError and leaves all as it was. Running sessions are not touched: they
        keep the service they began with.
        """
        verifiers = verifiers_of(config.services, config.accounts)
        identities = self._identities.read(config.services)
        self._finders.load(config)
        try:
            lines = self._doors.load(config)
        except StartError:
            self._finders.go_back()
            raise
        self._dialler.verifiers = verifiers
        self._identities.become(identities, config.services)
        self._warm.load(service.target for service in config.services if not service.desk.is_open)
        self._memories.load(config.services, self._finders.of)
        self._ledger.load(config.services, self._doors)
        self._post.load(config.services)
        self._own = OwnAddresses.of(self._doors.sockets())
        return lines

    def _keep_harm(self) -> None:
        """A server has failed in something: remember it over a restart. It is rare, and a small file."""
        if self._state is None:
            return
        try:
            save_state(self._state, self._memories.harm())
        except OSError as fault:
            if not self._said_no_state:
                self._said_no_state = True
                self._log.event(
                    "notice",
                    "state",
                    f"what servers can not is not kept over a restart: {self._state} can not be written "
                    f"({fault.strerror}); give popover a StateDirectory=, or set STATE_DIRECTORY",
                )

    def _has_room(self) -> bool:
        """Whether a spare connection would take no client's place."""
        return self._sessions + self._warm.count < self._ceiling // 2

    def _leads_here(self, address: SocketAddress) -> bool:
        return self._own.lead_here(address)

    # -- clients ---------------------------------------------------------------------------------

    def _arrive(self, door: Door, sock: socket.socket, address: str) -> None:
        """Take a client as who it is, or as whom its balancer says it is."""
        if not brings_clients(address, door.service.admission.proxy_from):
            self._welcome(door, sock, address)
        elif self._sessions + self._unknown < self._ceiling:
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
        if self._sessions >= self._ceiling:
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
        self._sessions += 1
        self._ledger.of(door.service).came(session)
        self._spawn(self._serve(session, door.guard))

    async def _serve(self, session: Session, guard: Guard) -> None:
        service, address = session.case.service, session.case.address
        session.case.on_left = partial(guard.leave_alone, address)
        try:
            known, identity = self._memories.of(service), self._identities.of(service)
            session.case.keeper = self._post.keeper(service)
            await session.run(self._dialler, known, self._warm, identity)
        finally:
            self._sessions -= 1
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
        self._spawn(client.finish(LINGER))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _exhausted(self, fault: OSError) -> None:
        if self._loop.time() - self._complained >= QUIET_PERIOD:
            self._complained = self._loop.time()
            self._log.event(
                "warning",
                "exhausted",
                f"no more open files for new clients ({fault.strerror}): raise LimitNOFILE, or lower max_sessions",
                sessions=self._sessions,
            )

    def sockets(self) -> Iterator[tuple[str, list[socket.socket]]]:
        """Give all listening sockets by name, to hand them over."""
        return self._doors.by_name()

    # -- the end ---------------------------------------------------------------------------------

    def stop_accepting(self) -> None:
        """Close all listeners; sessions go on."""
        self._doors.close()
        self._warm.stop()
        self._post.stop()

    async def drained(self) -> None:
        """Wait until the last session is over."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        await self._warm.stopped()
        await self._post.stopped()

    async def cut(self) -> None:
        """End all sessions now, with a reset."""
        for task in self._tasks:
            task.cancel()
        self._post.cut()
        await self.drained()
        await self._finders.close()

    def doubts(self, config: Config) -> list[str]:
        """Say what is not as it is meant with those who know where logins lead, a line each."""
        return self._finders.doubts(config.services)

    @property
    def look_up(self) -> LookUp:
        """How the sessions look a server's name up."""
        return self._dialler.look_up

    @property
    def sessions(self) -> int:
        """How many sessions there are."""
        return self._sessions

    @property
    def is_ready(self) -> bool:
        """Whether new clients are taken."""
        return any(True for _ in self._doors)

    def picture(self) -> Picture:
        """Give all that the status page tells."""
        now, up = time.time(), time.monotonic() - self._began
        services = self._ledger.figures()
        return Picture(
            __version__, now, now - up, self.is_ready, self._sessions, self._ceiling, services, self._post.mails()
        )

    def log_status(self) -> None:
        """Log how the gateway is: sessions in all and by service, tasks, and the seconds since it began."""
        inside = {door.service.name: door.guard.inside for door in self._doors}
        self._log.event(
            "notice",
            "status",
            f"{self._sessions} sessions of at most {self._ceiling}; "
            + ", ".join(f"{name}: {number}" for name, number in inside.items()),
            sessions=self._sessions,
            ceiling=self._ceiling,
            tasks=len(self._tasks),
            uptime=round(time.monotonic() - self._began, 1),
        )


def local_time() -> clock:
    """What the clock on the wall shows."""
    return datetime.now().time()  # noqa: DTZ005 - `hours` are meant as the clock on the wall shows them
