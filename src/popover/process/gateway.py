"""The gateway: listeners in, sessions out; loading, reloading, draining. It owns all that they need."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from popover import __version__
from popover.config import Config
from popover.errors import StartError
from popover.inside.doors import Doors
from popover.inside.listen import OwnAddresses
from popover.log import Log
from popover.outside.dial import Dialler
from popover.outside.warm import Warm
from popover.process.clients import Clients
from popover.process.finders import Finders
from popover.process.first_look import LookUp
from popover.process.identities import Identities
from popover.process.ledger import Ledger
from popover.process.queue.opened import PostOffice
from popover.process.state import load as load_state
from popover.process.state import save as save_state
from popover.process.state import state_file
from popover.process.status.figures import Picture
from popover.process.trust_stores import verifiers_of
from popover.session.memories import Memories
from popover.session.session import Session
from popover.wire.sockets import SocketAddress
from popover.wire.stream import Scratch


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
        loop = asyncio.get_running_loop()
        self._log = log
        self._ceiling = ceiling
        self._ledger = Ledger()
        self.scratch = Scratch()
        self._clients = Clients(loop, log, self._ledger, self.scratch, ceiling, self._serve)
        self._doors = Doors(loop, inherited or {}, self._clients.arrive, self._clients.exhausted)
        self._own = OwnAddresses([])
        self._dialler = Dialler(loop, self.scratch, self._leads_here)
        self._warm = Warm(loop, self._dialler, self._has_room)
        self._state = state
        self._identities = Identities(log, None if state is None else state.parent)
        self._memories = Memories(self._keep_harm)
        self._finders = Finders(log, (state or state_file()).parent)
        if state is not None:
            self._memories.recall(load_state(state, time.time()))
        self._post = PostOffice(self._dialler, log, None if state is None else state.parent, self._memories.of)
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
                    f"what servers have failed in is not kept over a restart: {self._state} cannot be written "
                    f"({fault.strerror}); give popover a StateDirectory=, or set STATE_DIRECTORY",
                )

    def _has_room(self) -> bool:
        """Whether a spare connection would take no client's place."""
        return self._clients.sessions + self._warm.count < self._ceiling // 2

    def _leads_here(self, address: SocketAddress) -> bool:
        return self._own.lead_here(address)

    # -- serving ---------------------------------------------------------------------------------

    async def _serve(self, session: Session) -> None:
        """Let a session run, with what holds for its service."""
        service = session.case.service
        known, identity = self._memories.of(service), self._identities.of(service)
        session.case.keeper = self._post.keeper(service)
        await session.run(self._dialler, known, self._warm, identity)

    def sockets(self) -> Iterator[tuple[str, list[socket.socket]]]:
        """Give all listening sockets by name, to hand them over."""
        return self._doors.by_name()

    @property
    def look_up(self) -> LookUp:
        """How the sessions look a server's name up."""
        return self._dialler.look_up

    # -- the end ---------------------------------------------------------------------------------

    def stop_accepting(self) -> None:
        """Close all listeners; sessions go on."""
        self._doors.close()
        self._warm.stop()
        self._post.stop()

    async def drained(self) -> None:
        """Wait until the last session is over."""
        await self._clients.gone()
        await self._warm.stopped()
        await self._post.stopped()

    async def cut(self) -> None:
        """End all sessions now, with a reset."""
        self._clients.cut()
        self._post.cut()
        await self.drained()
        await self._finders.close()

    # -- telling ---------------------------------------------------------------------------------

    def doubts(self, config: Config) -> list[str]:
        """Say what is not as it is meant with those who know where logins lead, a line each."""
        return self._finders.doubts(config.services)

    @property
    def sessions(self) -> int:
        """How many sessions there are."""
        return self._clients.sessions

    @property
    def is_ready(self) -> bool:
        """Whether new clients are taken."""
        return any(True for _ in self._doors)

    def picture(self) -> Picture:
        """Give all that the status page tells."""
        now, up = time.time(), time.monotonic() - self._began
        services = self._ledger.figures()
        return Picture(
            __version__, now, now - up, self.is_ready, self.sessions, self._ceiling, services, self._post.mails()
        )

    def log_status(self) -> None:
        """Log how the gateway is: sessions in all and by service, tasks, and the seconds since it began."""
        inside = {door.service.name: door.guard.inside for door in self._doors}
        self._log.event(
            "notice",
            "status",
            f"{self.sessions} sessions of at most {self._ceiling}; "
            + ", ".join(f"{name}: {number}" for name, number in inside.items()),
            sessions=self.sessions,
            ceiling=self._ceiling,
            tasks=self._clients.tasks,
            uptime=round(time.monotonic() - self._began, 1),
        )
