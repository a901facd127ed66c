"""Spare connections: those that stand ready for the next session.

A spare is verified, has greeted, and has told its dialect what is good to know, so a session that takes it begins at
once. It costs the server a connection, so it is only kept for a target that is in use:

- A session that logged in has a spare opened for the next one: at once, if the next is likely to come soon, or
  shortly before it is due, where clients come at intervals. A visit pays for two spares at most.
- A spare is given up before the server's login timeout, and when the server says or ends anything.
- A spare may die without a word: a firewall forgot it, the server lost its power, this machine slept. The kernel asks
  for a sign of life while it waits (`spare.PROBES`), and waits less long for the first word (`spare.FIRST_WORD`); a
  client that was let down all the same teaches: see `failed`.
- Reload and stop drop all of them, and only configured targets get new ones, or those to which a route has led since:
  some, those visited last. None takes a client's place: see `has_room`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable, Iterable

from popover.config import Target
from popover.errors import Failure
from popover.outside.converse import converse
from popover.outside.dial import Dialled, Dialler
from popover.outside.opening import open_up
from popover.outside.spare import GetReady, Known, Opened, Spare, be_patient

LEAD = 15.0
"""Seconds before the next visit is due at which a spare is opened: polling clients are that punctual. Where a spare
lives less than 30 s, half its lifetime."""

PER_VISIT = 2
"""Spares that a visit pays for: one at once, one when the next visit is due."""

READY_WAIT = 10.0
"""Seconds for what a dialect asks on a spare: no answer to it needs a mailbox."""

TRIES = 2
"""Connections that are made for one spare: the first may have been used up by what it taught."""


ROUTED_LIMIT = 256
"""Targets of routes that are known, those visited last: as many as a desk remembers servers (session/ways.py). One
costs some 2 KiB, and a spare while it is in use."""


class Warm:
    """The spares of the targets in `load`. `has_room`: whether one more connection takes no client's place."""

    def __init__(self, loop: asyncio.AbstractEventLoop, dialler: Dialler, has_room: Callable[[], bool]) -> None:
        self._loop = loop
        self._dialler = dialler
        self._has_room = has_room
        self._known: dict[Target, Known] = {}
        self._is_stopped = False
        self._routed: OrderedDict[Target, None] = OrderedDict()  # of `_known`, those that no configuration names
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def count(self) -> int:
        """How many spares there are, or are on their way."""
        return sum(len(known.spares) for known in self._known.values()) + len(self._tasks)

    # -- which targets ---------------------------------------------------------------------------

    def load(self, targets: Iterable[Target]) -> None:
        """Know these targets, and forget everything: intervals, spares. For others nothing is kept."""
        for task in self._tasks:
            task.cancel()
        for known in self._known.values():
            known.cancel()
            known.drop()
        self._known = {target: Known() for target in targets}
        self._routed.clear()

    def lead(self, target: Target) -> None:
        """A route leads to this target: know it from now on."""
        if target in self._routed:
            self._routed.move_to_end(target)
            return
        if self._is_stopped or target in self._known:
            return
        self._known[target] = Known()
        self._routed[target] = None
        if len(self._routed) > ROUTED_LIMIT:
            oldest, _ = self._routed.popitem(last=False)
            forgotten = self._known.pop(oldest)
            forgotten.cancel()
            forgotten.drop()

    def stop(self) -> None:
        """Open no more spares, and drop those there are."""
        self.load(())
        self._is_stopped = True

    async def stopped(self) -> None:
        """Wait until nothing is under way any more."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    # -- what sessions want and tell -------------------------------------------------------------

    def take(self, target: Target) -> Opened | None:
        """Give a spare that is alive as far as one can tell, if there is one."""
        known = self._known.get(target)
        while known is not None and known.spares:
            if (opened := known.spares.popleft().release()) is not None:
                return opened
        return None

    def served(self, target: Target, opened: Opened, *, was_alive: bool) -> None:
        """The server has said its first words on what was a spare. `was_alive`: an answer shows that it was, at that
        age; what else it says may have been its farewell.
        """
        be_patient(opened.dialled.stream.sock)
        if (known := self._known.get(target)) is not None and was_alive:
            known.lived(opened.age)

    def failed(self, target: Target, opened: Opened) -> None:
        """A client asked on what was a spare, and the server never said a word: it was dead at that age. So may the
        others be, and no client shall be let down by them; the next one dials.
        """
        if (known := self._known.get(target)) is not None:
            known.died(opened.age)
            known.drop()

    def visited(self, target: Target, since: float, most: int, get_ready: GetReady, *, is_curious: bool) -> None:
        """A client was here, from `since` on (loop time), and logged in: make `most` spares ready for the next one.

        `is_curious`: where none is to stand ready, make one connection all the same, for what it teaches.
        """
        known = self._known.get(target)
        if known is None or not (most or is_curious):
            return
        known.most, known.get_ready = most, get_ready
        if not most:
            if not known.on_their_way and self._has_room():
                known.credit = 0
                self._begin(target, known)
            return
        known.visit(since)
        known.credit = PER_VISIT
        now = self._loop.time()
        known.cancel()
        next_visit = known.next_visit(now)
        if next_visit is None or next_visit - now < known.lifetime:
            self._fill(target, known)
        else:
            self._fill_later(target, known, next_visit)

    # -- spares ----------------------------------------------------------------------------------

    def _fill(self, target: Target, known: Known) -> None:
        while len(known.spares) + known.on_their_way < known.most and known.credit and self._has_room():
            known.credit -= 1
            self._begin(target, known)

    def _begin(self, target: Target, known: Known) -> None:
        known.on_their_way += 1
        task = self._loop.create_task(self._open(target, known))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _fill_later(self, target: Target, known: Known, next_visit: float) -> None:
        known.cancel()
        when = max(next_visit - min(LEAD, known.lifetime / 2), self._loop.time())
        known.timer = self._loop.call_at(when, self._fill, target, known)

    async def _open(self, target: Target, known: Known) -> None:
        try:
            for _ in range(TRIES if known.most else 1):
                if await self._opened(target, known):
                    break
        except (Failure, OSError):  # TimeoutError is an OSError
            pass  # no spare, then: the next session dials, and says what is wrong
        finally:
            known.on_their_way -= 1

    async def _opened(self, target: Target, known: Known) -> bool:
        """Open one spare; False if another try is worth while."""
        dialled: Dialled | None = None
        try:
            dialled = await self._dialler.dial(target)
            greeting = await open_up(target, dialled)
            took = self._loop.time() - dialled.since
            stream = dialled.stream
            if not greeting.welcome or stream.end.inbox or known.get_ready is None:
                return True
            async with asyncio.timeout(READY_WAIT):
                ready = await converse(known.get_ready(stream.end), {stream.end: stream})
            if ready is None:
                return False
            if known.most and not stream.end.inbox and self._known.get(target) is known:
                opened = Opened(dialled, greeting.words, ready, took=took)
                known.spares.append(Spare(self._loop, self._ended, target, known, opened))
                dialled = None
        finally:
            if dialled is not None:
                dialled.stream.leave()
        return True

    def _ended(self, spare: Spare) -> None:
        """A spare is no more: have another when the next visit is due."""
        known = spare.known
        with contextlib.suppress(ValueError):
            known.spares.remove(spare)
        if self._known.get(spare.target) is known and known.credit:
            next_visit = known.next_visit(self._loop.time())
            if next_visit is not None:
                self._fill_later(spare.target, known, next_visit)
