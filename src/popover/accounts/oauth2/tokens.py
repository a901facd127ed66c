"""The access tokens of all accounts: what the register asks for at each login."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from popover.accounts.oauth2.ask import Ask, ReadSecret
from popover.accounts.oauth2.held import Held
from popover.accounts.oauth2.kept import Kept, belongs
from popover.accounts.oauth2.keys import Keys
from popover.accounts.oauth2.refresh import closed, renew
from popover.accounts.oauth2.store import TokenFile
from popover.config import Account
from popover.errors import Failure, OurFailure, ProviderFailure
from popover.log import Log

PATIENCE = 25.0
"""Seconds that a login waits for a provider. The question goes on without it, and the next login has the answer."""

LAST_PATIENCE = 5.0
"""Seconds that a provider has for its answer once the gateway is stopped. They need one; systemd kills after 90."""

_THREADS = 16  # a waiting thread costs little; with 200 accounts after a night without network this is the queue


class Tokens:
    """Gives them. `directory`: where they are kept, StateDirectory/tokens; `clock`: the wall's."""

    def __init__(
        self, directory: Path, read_secret: ReadSecret, log: Log, clock: Callable[[], float] = time.time
    ) -> None:
        self._directory = directory
        self._ask = Ask(read_secret, clock)
        self._log = log
        self._clock = clock
        self._held: dict[str, Held] = {}
        self._accounts: tuple[Account, ...] = ()
        self._threads = ThreadPoolExecutor(_THREADS, "oauth2")
        self._keys = Keys(self._threads, lambda: self._ask.is_stopped)

    def load(self, accounts: Iterable[Account]) -> None:
        """Take these for those there are. What is read only once (trust stores, descriptions) is read anew."""
        self._accounts = tuple(account for account in accounts if account.oauth2 is not None)
        self._ask.forget()
        names = {account.name for account in self._accounts}
        for name, held in list(self._held.items()):
            held.trouble = None
            if name not in names and held.under_way is None:
                del self._held[name]

    async def access_token(
        self, account: Account, *, refused: bytes | None = None, password: bytes | None = None
    ) -> bytes | None:
        """Give one that is good. `refused`: what the mail server has just refused; None comes back if there is no other
        to be had. `password`: the account's local one, as it was said, where its tokens are sealed by it. Raises
        SignInNeeded, ProviderFailure.
        """
        held, fault = self._of(account), None
        if password is not None or (held.file.key is not None and not account.encrypts):
            fault = await self._unlock(account, held, password)
        held.asked = now = self._clock()
        kept = held.current()
        if kept is not None and not belongs(kept, account):
            kept = None
        if kept is not None and kept.is_closed:
            raise fault or closed(account, was_said=password is not None)
        if kept is not None and kept.is_fresh(now) and kept.access != refused:
            return kept.access
        is_refused = refused is not None and kept is not None and kept.access == refused
        if is_refused and kept is not None and kept.is_fresh(now) and held.was_just_forced:
            return None  # it is not its age: another would be refused likewise
        try:
            kept = await self._renewed(account, held, refused)
        except Failure:
            if refused is None and kept is not None and kept.is_usable(self._clock()):
                return kept.access  # it is not over yet
            raise
        return None if kept.access == refused else kept.access

    async def renew(self, account: Account, before: float) -> None:
        """Renew what was obtained before then, or is not fresh. Raises Failure."""
        held = self._of(account)
        await self._joined(account, held, lambda kept: kept.obtained >= before and kept.is_fresh(self._clock()))

    def known(self) -> Iterable[tuple[Account, Kept | None, float]]:
        """Give each account, what is kept of it, and when a login asked for it last (seconds since 1970)."""
        for account in self._accounts:
            held = self._of(account)
            try:
                yield account, held.current(), held.asked
            except ProviderFailure:
                yield account, None, held.asked

    def now(self) -> float:
        """Say what the wall's clock shows."""
        return self._clock()

    def report(self, bug: Exception) -> None:
        """Log a bug of ours."""
        self._log.event("warning", "internal", _our_failure(bug).remedy)

    async def close(self) -> None:
        """Wait a little for what is under way: a token that has come is to be kept. What has not been asked is not."""
        self._keys.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._ask.stop(LAST_PATIENCE)
        tasks = [held.under_way for held in self._held.values() if held.under_way is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=LAST_PATIENCE + 1)  # else a name server hangs, and nothing was asked

    # -- one account ---------------------------------------------------------------------------------

    def _of(self, account: Account) -> Held:
        if account.name not in self._held:
            self._held[account.name] = Held(TokenFile(self._directory, account.name))
        return self._held[account.name]

    async def _unlock(self, account: Account, held: Held, password: bytes | None) -> Failure | None:
        """Open it, or let it be in clear; what went wrong with that, other than that it is another password's."""
        before = held.file.key
        try:
            await self._keys.unlock(account.name, held.file, password)
        except Failure as fault:  # what can be read is read all the same
            self._tell(account, held, fault)
            return fault
        if held.file.key is not before:
            held.stamp = None
        return None

    async def _renewed(self, account: Account, held: Held, refused: bytes | None) -> Kept:
        held.rest()
        if refused is not None:
            held.force()

        def is_good(kept: Kept) -> bool:
            return kept.access != refused and kept.is_fresh(self._clock())

        joined = held.under_way is not None
        kept = await self._joined(account, held, is_good)
        if joined and kept.access == refused:  # the one under way was content with what is refused
            kept = await self._joined(account, held, is_good)
        return kept

    async def _joined(self, account: Account, held: Held, is_good: Callable[[Kept], bool]) -> Kept:
        """Wait for the refresh that is under way, or begin one. Who leaves does not end it for the others."""
        if held.under_way is None:
            held.under_way = asyncio.create_task(self._run(account, held, is_good))
            held.under_way.add_done_callback(_seen)
        try:
            return await asyncio.wait_for(asyncio.shield(held.under_way), PATIENCE)
        except TimeoutError:
            raise ProviderFailure("the provider takes long to give a new token, please try again") from None

    async def _run(self, account: Account, held: Held, is_good: Callable[[Kept], bool]) -> Kept:
        loop = asyncio.get_running_loop()
        before = held.kept
        try:
            kept = await loop.run_in_executor(self._threads, renew, account, self._ask, held.file, is_good, self._clock)
        except ProviderFailure as fault:
            held.fails(fault)
            self._tell(account, held, fault)
            raise
        except Failure as fault:
            self._tell(account, held, fault)
            raise
        except Exception as bug:  # noqa: BLE001 - whatever it is, it is this account's alone
            ours = _our_failure(bug)
            self._tell(account, held, ours)
            raise ours from None
        finally:
            held.under_way = None
        held.trouble, held.told = None, ""
        held.stamp = None  # it is read once more: another process may have been faster than this line
        if before is None or before.access != kept.access:
            self._log.event(
                "info",
                "token",
                f"{account.name}: a new token, good for {kept.expires - kept.obtained:.0f} seconds",
                account=account.name,
            )
        return kept

    def _tell(self, account: Account, held: Held, fault: Failure) -> None:
        """Log each trouble once, not at each poll of each client."""
        if held.told == fault.cause:
            return
        held.told = fault.cause
        self._log.event(
            "warning",
            "token",
            f"{account.name}: {fault.cause}" + (f"; {fault.remedy}" if fault.remedy else ""),
            account=account.name,
            cause=fault.cause,
            remedy=fault.remedy,
        )


def _our_failure(bug: Exception) -> OurFailure:
    where = "".join(traceback.format_tb(bug.__traceback__)[-3:])  # no locals: they may hold secrets
    return OurFailure(
        "the gateway failed to get a token, please try again",
        f"this is a bug of popover, please report it: {type(bug).__name__} at {where}",
    )


def _seen(task: asyncio.Task[Kept]) -> None:
    """Take note of how it ended: all who waited may have left, and it was logged."""
    if not task.cancelled():
        task.exception()
