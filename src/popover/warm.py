"""What a gateway remembers of a service between sessions: its habits, and a spare connection that is ready.

A spare is verified, has greeted, and has told its capabilities, so a session that takes it begins at once. It
costs the server a connection, so it is only kept for a service that is in use:

- A session that logged in has a spare opened for the next one: at once, if the next is likely to come soon, or
  shortly before it is due, where clients come at intervals. A visit pays for two spares at most.
- A spare is given up before the server's login timeout, and when the server says or ends anything.
- Reload and stop drop all of them. None takes a client's place: see `has_room`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from popover.config import Service
from popover.dial import Dialled, Dialler
from popover.errors import Failure
from popover.opening import converse, open_up
from popover.protocols import pop3
from popover.pump import Ending

LIFETIME = 150.0
"""Seconds for which a spare is kept. Dovecot's login timeout is 180 s, RFC 1939 wants 600; a server that drops it
earlier teaches us its own."""

SHARE = 0.8
"""Of the age at which a server dropped a spare: how long the next one is kept."""

LEAD = 15.0
"""Seconds before the next visit is due at which a spare is opened: polling clients are that punctual."""

PER_VISIT = 2
"""Spares that a visit pays for: one at once, one when the next visit is due."""

REMEMBERED = 4
"""Intervals between visits that are remembered: several accounts are checked one after the other."""

CAPA_WAIT = 10.0
"""Seconds for the answer to CAPA."""


class Opened(NamedTuple):
    """A connection to a server that has greeted. `capa`: its answer to CAPA, empty if it was not asked."""

    dialled: Dialled
    greeting: bytes
    capa: bytes = b""


class Warm:
    """Habits and spares of all services. `has_room`: whether one more connection takes no client's place."""

    def __init__(self, loop: asyncio.AbstractEventLoop, dialler: Dialler, has_room: Callable[[], bool]) -> None:
        self._loop = loop
        self._dialler = dialler
        self._has_room = has_room
        # By the whole service, not by its name: after a reload the name may stand for another server.
        self._known: dict[Service, _Known] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopped = False

    @property
    def count(self) -> int:
        """How many spares there are, or are on their way."""
        return sum(len(known.spares) for known in self._known.values()) + len(self._tasks)

    def habits(self, service: Service) -> pop3.Habits:
        """What this service's clients do."""
        return self._of(service).habits

    def take(self, service: Service) -> Opened | None:
        """Give a spare that is alive, if there is one."""
        known = self._known.get(service)
        while known is not None and known.spares:
            spare = known.spares.popleft()
            if (opened := spare.release()) is not None:
                return opened
        return None

    def visited(self, service: Service, since: float) -> None:
        """A client was here, from `since` on (loop time), and logged in: make ready for the next one."""
        if not service.warm or self._is_stopped:
            return
        known = self._of(service)
        known.visit(since)
        known.credit = PER_VISIT
        now = self._loop.time()
        known.cancel()
        next_visit = known.next_visit(now)
        if next_visit is None or next_visit - now < known.lifetime:
            self._fill(service)
        else:
            self._fill_later(service, next_visit)

    def _of(self, service: Service) -> _Known:
        return self._known.setdefault(service, _Known())

    def _fill(self, service: Service) -> None:
        known = self._of(service)
        while len(known.spares) + known.on_their_way < service.warm and known.credit and self._has_room():
            known.credit -= 1
            known.on_their_way += 1
            task = self._loop.create_task(self._open(service, known))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _fill_later(self, service: Service, next_visit: float) -> None:
        known = self._of(service)
        known.cancel()
        known.timer = self._loop.call_at(max(next_visit - LEAD, self._loop.time()), self._fill, service)

    async def _open(self, service: Service, known: _Known) -> None:
        dialled: Dialled | None = None
        try:
            dialled = await self._dialler.dial(service)
            greeting = await open_up(service, dialled)
            stream = dialled.stream
            if not greeting.welcome or stream.end.inbox:
                return
            async with asyncio.timeout(CAPA_WAIT):
                capa = await converse(pop3.ask_capabilities(stream.end), {stream.end: stream})
            if capa and not stream.end.inbox and self._known.get(service) is known:
                known.spares.append(_Spare(self, service, known, Opened(dialled, greeting.words, capa)))
                dialled = None
        except (Failure, OSError):  # TimeoutError is an OSError
            pass  # no spare, then: the next session dials, and says what is wrong
        finally:
            known.on_their_way -= 1
            if dialled is not None:
                dialled.stream.leave()

    def ended(self, spare: _Spare, *, by_server: bool) -> None:
        """A spare is no more: learn from it, and have another when the next visit is due."""
        known = spare.known
        with contextlib.suppress(ValueError):
            known.spares.remove(spare)
        now = self._loop.time()
        if by_server:
            known.lifetime = max(min(known.lifetime, (now - spare.since) * SHARE), 1.0)
        if self._known.get(spare.service) is known and not self._is_stopped:
            next_visit = known.next_visit(now)
            if next_visit is not None and known.credit:
                self._fill_later(spare.service, next_visit)

    def drop(self) -> None:
        """Forget everything: habits, intervals, spares."""
        for task in self._tasks:
            task.cancel()
        for known in self._known.values():
            known.cancel()
            for spare in list(known.spares):
                spare.close()
        self._known.clear()

    def stop(self) -> None:
        """Open no more spares, and drop those there are."""
        self._is_stopped = True
        self.drop()

    async def stopped(self) -> None:
        """Wait until nothing is under way any more."""
        while self._tasks:
            await asyncio.wait(self._tasks)


class _Known:
    """One service: its habits, when clients came, and the spares that are ready."""

    def __init__(self) -> None:
        self.habits = pop3.Habits()
        self.spares: deque[_Spare] = deque()
        self.on_their_way = 0
        self.credit = 0
        self.lifetime = LIFETIME
        self.timer: asyncio.TimerHandle | None = None
        self._last: float | None = None
        self._gaps: deque[float] = deque(maxlen=REMEMBERED)

    def visit(self, at: float) -> None:
        if self._last is not None and at > self._last:
            self._gaps.append(at - self._last)
        self._last = max(at, self._last or at)

    def next_visit(self, now: float) -> float | None:
        """Tell when the next client is due, by the shortest interval that has not passed yet; None: no idea."""
        if self._last is None:
            return None
        return min((due for gap in self._gaps if (due := self._last + gap) > now), default=None)

    def cancel(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class _Spare:
    """One connection that waits. Whatever the server says or does now ends it."""

    def __init__(self, pool: Warm, service: Service, known: _Known, opened: Opened) -> None:
        self.service = service
        self.known = known
        self.since = pool._loop.time()  # noqa: SLF001 - they are one thing in two classes
        self._pool = pool
        self._opened = opened
        self._timer = pool._loop.call_later(known.lifetime, self._expired)  # noqa: SLF001
        stream = opened.dialled.stream
        stream.on_data, stream.on_end = self._heard, self._ended
        stream.resume()

    def release(self) -> Opened | None:
        """Hand the connection over, if it is alive: the loop may not have told yet that it is not."""
        self._timer.cancel()
        stream = self._opened.dialled.stream
        try:
            stream.sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            stream.pause()
            return self._opened
        except OSError:
            pass
        self.close()
        return None

    def close(self) -> None:
        """Leave, without a QUIT: there was no session."""
        self._timer.cancel()
        self._opened.dialled.stream.leave()

    def _expired(self) -> None:
        self.close()
        self._pool.ended(self, by_server=False)

    def _heard(self, _data: memoryview) -> None:
        """Most likely "-ERR, you were idle", and the end."""
        self.close()
        self._pool.ended(self, by_server=True)

    def _ended(self, _ending: Ending) -> None:
        self._heard(memoryview(b""))
