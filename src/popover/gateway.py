"""The gateway: listeners in, sessions out; loading, reloading, draining. It owns all sessions."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from datetime import time as clock
from itertools import count

from popover.config import Address, Config, Listen, Service
from popover.dial import Dialler, SocketAddress
from popover.errors import Refused
from popover.guard import Guard, plain_address
from popover.listen import OwnAddresses, open_listener, shown
from popover.log import Log
from popover.protocols import DIALECTS
from popover.relay import LINGER
from popover.session import Session
from popover.stream import Scratch, Stream
from popover.tls import Verifiers

ACCEPTS = 32
"""Clients accepted before others get their turn: a burst must not hold up running sessions."""

QUIET_PERIOD = 60.0
"""Seconds between two log lines of the same trouble with the machine."""

PAUSE = 0.5
"""Seconds without accepting when not even the spare descriptor helped. asyncio waits 1 s."""

_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_Key = Listen | tuple[str, Listen]


@dataclass(slots=True)
class _Door:
    """One listening address: its sockets, and the service they lead to at present."""

    service: Service
    guard: Guard
    sockets: list[socket.socket]
    silent: int = field(default=0)  # clients refused without a word since the last line about it


class Gateway:
    """Serves a `Config` until `drain` is over. Everything happens on one event loop."""

    def __init__(self, log: Log, ceiling: int, inherited: dict[str, list[socket.socket]] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._log = log
        self._ceiling = ceiling
        self._inherited = inherited or {}
        self._scratch = Scratch()
        self._doors: dict[_Key, _Door] = {}
        self._own = OwnAddresses([])
        self._dialler = Dialler(self._loop, self._scratch, self._leads_here)
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = count(1)
        self._sessions = 0
        self._spare: int | None = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self._complained = -QUIET_PERIOD

    # -- loading ---------------------------------------------------------------------------------

    def load(self, config: Config) -> list[str]:
        """Make `config` what is served; give a line for each address that is new.

        Raises ConfigError or StartError and leaves all as it was. Running sessions are not touched: they
        keep the service they began with.
        """
        verifiers = Verifiers()
        for service in config.services:
            verifiers.of(service)
        wanted = {_key(service, listen): (service, listen) for service in config.services for listen in service.listen}
        opened: dict[_Key, list[socket.socket]] = {}
        try:
            for key, (_, listen) in wanted.items():
                if key not in self._doors:
                    opened[key] = open_listener(listen, self._inherited)
        except BaseException:
            for sockets in opened.values():
                self._close_listeners(sockets)
            raise
        self._dialler.verifiers = verifiers
        for key in self._doors.keys() - wanted.keys():
            self._close_listeners(self._doors.pop(key).sockets)
        self._open_doors({key: service for key, (service, _) in wanted.items()}, opened)
        self._own = OwnAddresses([sock for door in self._doors.values() for sock in door.sockets])
        return [f"{shown(s)} -> {wanted[key][0].server}" for key, sockets in opened.items() for s in sockets]

    def _open_doors(self, wanted: dict[_Key, Service], opened: dict[_Key, list[socket.socket]]) -> None:
        guards = {door.service.name: door.guard for door in self._doors.values()}
        for key, service in wanted.items():
            guard = guards.setdefault(service.name, Guard(service))
            guard.becomes(service)
            if key in self._doors:
                self._doors[key].service, self._doors[key].guard = service, guard
                continue
            door = self._doors[key] = _Door(service, guard, opened[key])
            for sock in door.sockets:
                self._loop.add_reader(sock.fileno(), self._accept, door, sock)

    def _close_listeners(self, sockets: list[socket.socket]) -> None:
        inherited = {id(sock) for kept in self._inherited.values() for sock in kept}
        for sock in sockets:
            self._loop.remove_reader(sock.fileno())
            if id(sock) not in inherited:  # systemd's may be wanted again after the next reload
                sock.close()

    def _leads_here(self, peer: SocketAddress, own: SocketAddress) -> bool:
        return self._own.lead_here(peer, own)

    # -- clients ---------------------------------------------------------------------------------

    def _accept(self, door: _Door, listener: socket.socket) -> None:
        for _ in range(ACCEPTS):
            try:
                sock, name = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as fault:
                if fault.errno in _EXHAUSTED:
                    self._exhausted(door, listener, fault)
                return
            self._welcome(door, sock, plain_address(name[0]) if isinstance(name, tuple) and name else "127.0.0.1")

    def _welcome(self, door: _Door, sock: socket.socket, address: str) -> None:
        client = Stream(self._loop, sock, self._scratch, address)
        now = self._loop.time()
        refused: Refused | None
        if self._sessions >= self._ceiling:
            refused = Refused(
                "too many connections to this gateway, please try again in a minute",
                f"the limit of open files allows {self._ceiling} sessions: raise LimitNOFILE (ulimit -n)",
            )
        else:
            refused = door.guard.admit(address, now, _local_time)
        if refused is not None:
            self._refuse(door, client, address, refused, now)
            return
        session = Session(self._loop, self._log, door.service, client, address, next(self._numbers))
        self._sessions += 1
        self._spawn(self._serve(session, door.guard))

    async def _serve(self, session: Session, guard: Guard) -> None:
        try:
            await session.run(self._dialler)
        finally:
            self._sessions -= 1
            guard.leave(session.address)

    def _refuse(self, door: _Door, client: Stream, address: str, refused: Refused, now: float) -> None:
        if not door.guard.is_polite(now):
            door.silent += 1
            client.close()
            return
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
        client.write(DIALECTS[door.service.server.dialect].farewell(refused.cause))
        self._spawn(client.finish(LINGER))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _exhausted(self, door: _Door, listener: socket.socket, fault: OSError) -> None:
        """No descriptor for a client that waits: give the spare one up for it, tell it, and take the spare back."""
        if self._loop.time() - self._complained >= QUIET_PERIOD:
            self._complained = self._loop.time()
            self._log.event(
                "warning",
                "exhausted",
                f"no more open files for new clients ({fault.strerror}): raise LimitNOFILE, or lower max_sessions",
                sessions=self._sessions,
            )
        try:
            if self._spare is not None:
                os.close(self._spare)
                self._spare = None
            sock, _ = listener.accept()
            with sock:
                sock.setblocking(False)
                sock.send(DIALECTS[door.service.server.dialect].farewell("too many connections, please try again"))
            self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._loop.remove_reader(listener.fileno())
            self._loop.call_later(PAUSE, self._accept_again, door, listener)

    def _accept_again(self, door: _Door, listener: socket.socket) -> None:
        if self._spare is None:
            try:
                self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                pass
        if listener.fileno() >= 0 and door in self._doors.values():
            self._loop.add_reader(listener.fileno(), self._accept, door, listener)

    # -- the end ---------------------------------------------------------------------------------

    def stop_accepting(self) -> None:
        """Close all listeners; sessions go on."""
        for door in self._doors.values():
            self._close_listeners(door.sockets)
        self._doors.clear()

    async def drained(self) -> None:
        """Wait until the last session is over."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def cut(self) -> None:
        """End all sessions now, with a reset."""
        for task in self._tasks:
            task.cancel()
        await self.drained()

    @property
    def sessions(self) -> int:
        """How many sessions there are."""
        return self._sessions

    def log_status(self) -> None:
        """Log how the gateway is: sessions in all and by service, tasks, memory."""
        inside = {door.service.name: door.guard.inside for door in self._doors.values()}
        self._log.event(
            "notice",
            "status",
            f"{self._sessions} sessions of at most {self._ceiling}; "
            + ", ".join(f"{name}: {number}" for name, number in inside.items()),
            sessions=self._sessions,
            ceiling=self._ceiling,
            tasks=len(self._tasks),
            uptime=round(time.monotonic(), 1),
        )


def _local_time() -> clock:
    return datetime.now().time()  # noqa: DTZ005 - `hours` are meant as the clock on the wall shows them


def _key(service: Service, listen: Listen) -> _Key:
    """What tells whether a listener after a reload is the one from before. Port 0 is another port each time."""
    if isinstance(listen, Address) and listen.port == 0:
        return service.name, listen
    return listen
