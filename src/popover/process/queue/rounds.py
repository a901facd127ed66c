"""Which mail is due, and what becomes of it.

Each account's mails go in their order, one at a time, one attempt in flight (lock.py). A mail that the server takes not
now waits by itself, and those behind it go on: one full mailbox holds nobody up. A server that cannot be reached, or
lets us not in, is given a rest for all mails of the account, for as long as the mail waits that has found it so; a
session that reaches it ends the rest (`wake`), and so does who asks for a mail (`popover queue retry`).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial

from popover.errors import Failure
from popover.log import Log
from popover.process.queue import lock
from popover.process.queue.kept import AT_ONCE, FIRST_WAIT, Kept, has_come
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
        self._seen: set[str] = set()  # accounts whose server was tried, or found there, by this process
        self._settled: dict[str, Kept] = {}  # what could not be written down
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._complained: set[str] = set()
        self._is_stopping = False

    def wake(self, account: str) -> None:
        """Its server is there: try what waits for it now. A rest is not known any more after a restart, so the first
        session wakes it, too.
        """
        if self._rests.pop(account, None) is not None or account not in self._seen:
            self._seen.add(account)
            self._woken.add(account)
            self._bell.set()

    def stop(self) -> None:
        """Begin no more attempts."""
        self._is_stopping = True

    def ring(self) -> None:
        """There is something new."""
        self._bell.set()

    async def run(self) -> None:
        """Go round until cancelled."""
        try:
            await asyncio.to_thread(self._store.prepare)
            await asyncio.to_thread(self._store.sweep)
        except OSError as fault:
            self._warn(
                f"no mail can be kept: {self._store.folder}: {fault.strerror}; "
                "give popover a StateDirectory=, or set STATE_DIRECTORY"
            )
        while not self._is_stopping:
            self._bell.clear()
            try:
                await self.round()
            except Exception as bug:  # noqa: BLE001 - whatever it is: without this task no mail would ever leave
                self._complain("bug", f"the queue could not be looked at: {_bug(bug)}")
            try:
                async with asyncio.timeout(POLL):
                    await self._bell.wait()
            except TimeoutError:
                pass

    async def round(self) -> None:
        """Look what is due, and begin with it."""
        try:
            waiting, strays = await asyncio.to_thread(self._look)
        except OSError as fault:  # a disk that cannot be read has nothing for us now
            self._complain("", f"mails that wait cannot be looked at: {self._store.folder}: {fault.strerror}")
            return
        self._complained.discard("")
        for name in sorted(set(self._store.unreadable)):
            self._complain(name, f"a mail waits, and its envelope cannot be read: {self._store.folder / name}")
        for stray in strays:
            with contextlib.suppress(OSError), lock.held(self._store.folder, stray.account) as is_ours:
                if is_ours and stray in self._store.strays():
                    self._store.arrive(stray)
        accounts = {kept.account for kept in waiting}
        self._woken &= accounts
        for account in accounts - self._busy.keys():
            if self._is_due(account, waiting):
                task = asyncio.create_task(self._serve(account))
                self._busy[account] = task
                task.add_done_callback(partial(self._served, account))

    def _served(self, account: str, task: asyncio.Task[None]) -> None:
        del self._busy[account]
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._rests[account] = self._clock() + FIRST_WAIT
            self._warn(f"the mails of {account} cannot be looked at now: {fault}")

    def _complain(self, what: str, words: str) -> None:
        """Say it once."""
        if what not in self._complained:
            self._complained.add(what)
            self._warn(words)

    def _warn(self, words: str) -> None:
        self._log.event("warning", "queue", words)

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
        if known.account in self._woken or known.due == AT_ONCE:
            return True
        return has_come(known.due, now) and has_come(self._rests.get(known.account, AT_ONCE), now)

    # -- one account -----------------------------------------------------------------------------

    async def _serve(self, account: str) -> None:
        """Try all that are due, in their order."""
        with lock.held(self._store.folder, account) as is_ours:
            if not is_ours:
                return
            self._seen.add(account)
            mails = [kept for kept in await asyncio.to_thread(self._store.waiting) if kept.account == account]
            for at, seen in enumerate(mails, 1):
                kept = self._settled.get(seen.name, seen)
                if self._is_stopping:
                    break
                if not kept.envelope.recipients:
                    await self._settle(kept)  # the disk has room again
                elif self._may_go(kept, self._clock()) and not await self._try(kept):
                    await self._let_rest(mails[at:], self._rests[account])
                    break
        self._woken.discard(account)

    async def _let_rest(self, mails: Sequence[Kept], until: float) -> None:
        """Those that somebody has asked for, too: one attempt has shown it for all."""
        for kept in mails:
            if kept.due == AT_ONCE:
                await self._settle(replace(kept, due=until))

    async def _try(self, kept: Kept) -> bool:
        """Make one attempt; whether the server was there."""
        was_there, remedy = True, ""
        try:
            delivery = await self._send(kept)
        except Failure as failure:
            delivery = Delivery(later=kept.envelope.recipients, words=failure.cause)
            was_there, remedy = False, failure.remedy
        except Exception as bug:  # noqa: BLE001 - whatever it is, the mail stays, and is not sent again at once
            delivery = Delivery(later=kept.envelope.recipients, words="the gateway failed on this mail")
            remedy = _bug(bug)
        after = kept.tried(delivery, self._clock())
        if not was_there:
            self._woken.discard(kept.account)
            self._rests[kept.account] = after.due
        await self._settle(after)
        self._tell(after, delivery, remedy)
        return was_there

    async def _settle(self, kept: Kept) -> None:
        """Write down what has come of it. What cannot be written (a full disk) is remembered: nobody gets it twice."""
        self._settled[kept.name] = kept
        store = self._store
        do = store.put_off if kept.envelope.recipients else store.fail if kept.refused else store.remove
        try:
            await asyncio.to_thread(do, kept)
        except OSError as fault:
            self._warn(f"the queue cannot be written: {self._store.folder}: {fault.strerror}")
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


def _bug(bug: Exception) -> str:
    where = "".join(traceback.format_tb(bug.__traceback__)[-3:])  # no locals: they may hold secrets
    return f"this is a bug of popover, please report it: {type(bug).__name__} at {where}"
