"""Which mail is due, and what becomes of it.

Each account's mails go in their order, one at a time, one attempt in flight (lock.py). A mail that the server takes not
now waits by itself, and those behind it go on: one full mailbox holds nobody up. A server that can't be reached, or
lets us not in, is given a rest for all mails of the account, for as long as the mail waits that has found it so; a
session that reaches it ends the rest (`wake`).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import traceback
from collections.abc import Awaitable, Callable
from functools import partial

from popover.errors import Failure, OurFailure
from popover.log import Log
from popover.process.queue import lock
from popover.process.queue.kept import FIRST_WAIT, Kept
from popover.process.queue.store import Store
from popover.protocols.device import Delivery
from popover.session.arrival import meaning

POLL = 5.0
"""Seconds between two looks at the directory: `popover queue retry` is another process."""

Send = Callable[[Kept], Awaitable[Delivery]]
"""Makes one attempt. Raises Failure where there is no server to be had."""


class Rounds:
    """The one background task of the queue."""

    def __init__(self, store: Store, send: Send, log: Log, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._send = send
        self._log = log
        self._clock = clock
        self._bell = asyncio.Event()
        self._rests: dict[str, float] = {}  # account -> until when its server is left alone
        self._woken: set[str] = set()
        self._settled: dict[str, Kept] = {}  # what could not be written down
        self._busy: dict[str, asyncio.Task[None]] = {}

    def wake(self, account: str) -> None:
        """Its server is there: try what waits for it now."""
        if self._rests.pop(account, None) is not None:
            self._woken.add(account)
            self._bell.set()

    def ring(self) -> None:
        """There is something new."""
        self._bell.set()

    async def run(self) -> None:
        """Go round until cancelled."""
        try:
            await asyncio.to_thread(self._store.prepare)
            await asyncio.to_thread(self._store.sweep)
        except OSError as fault:
            self._log.event(
                "warning",
                "queue",
                f"no mail can be kept: {self._store.folder}: {fault.strerror}; "
                "give popover a StateDirectory=, or set STATE_DIRECTORY",
            )
        while True:
            self._bell.clear()
            await self.round()
            try:
                async with asyncio.timeout(POLL):
                    await self._bell.wait()
            except TimeoutError:
                pass

    async def round(self) -> None:
        """Look what is due, and begin with it."""
        try:
            waiting, strays = await asyncio.to_thread(self._look)
        except OSError:
            return  # a disk that can't be read has nothing for us now
        for stray in strays:
            with contextlib.suppress(OSError), lock.held(self._store.folder, stray.account) as is_ours:
                if is_ours and stray in self._store.strays():
                    self._store.arrive(stray)
        for account in {kept.account for kept in waiting} - self._busy.keys():
            if self._is_due(account, waiting):
                task = asyncio.create_task(self._serve(account))
                self._busy[account] = task
                task.add_done_callback(partial(self._served, account))

    def _served(self, account: str, task: asyncio.Task[None]) -> None:
        del self._busy[account]
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._rests[account] = self._clock() + FIRST_WAIT
            self._log.event("warning", "queue", f"the mails of {account} can not be looked at now: {fault}")

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        while self._busy:
            await asyncio.wait(self._busy.values())

    def cut(self) -> None:
        """Give up what is under way."""
        for task in self._busy.values():
            task.cancel()

    def _look(self) -> tuple[list[Kept], list[Kept]]:
        return self._store.waiting(), self._store.strays()

    def _is_due(self, account: str, waiting: list[Kept]) -> bool:
        if account in self._woken:
            return True
        now = self._clock()
        return any(kept.account == account and self._may_go(kept, now) for kept in waiting)

    def _may_go(self, kept: Kept, now: float) -> bool:
        known = self._settled.get(kept.name, kept)
        return known.account in self._woken or (known.due <= now and self._rests.get(known.account, 0.0) <= now)

    # -- one account -----------------------------------------------------------------------------

    async def _serve(self, account: str) -> None:
        """Try all that are due, in their order."""
        with lock.held(self._store.folder, account) as is_ours:
            if not is_ours:
                return
            for seen in [kept for kept in await asyncio.to_thread(self._store.waiting) if kept.account == account]:
                kept = self._settled.get(seen.name, seen)
                if not kept.envelope.recipients:
                    await self._settle(kept)  # the disk has room again
                elif self._may_go(kept, self._clock()) and not await self._try(kept):
                    break
        self._woken.discard(account)

    async def _try(self, kept: Kept) -> bool:
        """Make one attempt; whether the server was there."""
        try:
            delivery = await self._send(kept)
        except Failure as failure:
            await self._rest(kept, failure)
            return False
        except Exception as bug:  # noqa: BLE001 - whatever it is, the mail stays, and is not sent again at once
            where = "".join(traceback.format_tb(bug.__traceback__)[-3:])  # no locals: they may hold secrets
            words = f"this is a bug of popover, please report it: {type(bug).__name__} at {where}"
            await self._rest(kept, OurFailure("the gateway failed on this mail", words))
            return False
        after = kept.tried(delivery, self._clock())
        await self._settle(after)
        self._tell(after, delivery)
        return True

    async def _rest(self, kept: Kept, failure: Failure) -> None:
        """The server is not to be had."""
        now = self._clock()
        delivery = Delivery(later=kept.envelope.recipients, words=failure.cause)
        after = kept.tried(delivery, now)
        self._woken.discard(kept.account)
        self._rests[kept.account] = after.due
        await self._settle(after)
        self._tell(after, delivery, failure.remedy)

    async def _settle(self, kept: Kept) -> None:
        """Write down what has come of it. What can't be written (a full disk) is remembered: nobody gets it twice."""
        self._settled[kept.name] = kept
        store = self._store
        do = store.put_off if kept.envelope.recipients else store.fail if kept.refused else store.remove
        try:
            await asyncio.to_thread(do, kept)
        except OSError as fault:
            self._log.event("warning", "queue", f"the queue can not be written: {self._store.folder}: {fault.strerror}")
        else:
            del self._settled[kept.name]

    def _tell(self, kept: Kept, delivery: Delivery, remedy: str = "") -> None:
        """One line of log for each attempt, and no address of anybody."""
        name, account = kept.name, kept.account
        said = f"{kept.words}; {remedy}" if remedy else kept.words
        fields: dict[str, str | int] = {
            "service": kept.envelope.service,
            "mail": name,
            "user": account,
            "tries": kept.tries,
        }
        if kept.refused and not kept.envelope.recipients:
            why = "; ".join(dict.fromkeys(kept.refused.values()))
            means = meaning(why)
            text = f"a mail of {account} has failed for {len(kept.refused)} recipients: {why}; popover queue list"
            text += f"; {means}" if means else ""
            self._log.event("warning", "failed", text, **fields)
        elif kept.envelope.recipients:
            minutes = round((kept.due - self._clock()) / 60)
            text = f"a mail of {account} could not be sent and is tried again in {minutes} minutes: {said}"
            self._log.event("notice", "deferred", text, **fields)
        else:
            text = f"a mail of {account} that was kept has been sent: {delivery.words}"
            self._log.event("info", "sent", text, **fields)
