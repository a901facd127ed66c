"""One account's token in this process: what of it was read, and how long nobody is asked for another."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from popover.accounts.oauth2.kept import Kept
from popover.accounts.oauth2.refresh import NotNow
from popover.accounts.oauth2.store import Stamp, TokenFile
from popover.errors import ProviderFailure

PAUSE = 10.0  # seconds after a provider's trouble in which it is not asked again: logins would all wait for the same
PAUSE_LIMIT = 300.0  # seconds of Retry-After that are believed

REFUSAL_PAUSE = 300.0
"""Seconds between two new tokens for the reason alone that a mail server has refused the last one. Where POP is
switched off, each poll of each minute would ask for one."""


@dataclass(slots=True)
class Held:
    """One account, in this process. Times of `time.monotonic`, but for `asked`, which is one of the wall clock."""

    file: TokenFile
    kept: Kept | None = None
    stamp: Stamp | None = None
    under_way: asyncio.Task[Kept] | None = None
    trouble: ProviderFailure | None = None  # the last, until `quiet`
    quiet: float = 0.0
    told: str = ""  # what was logged of it
    forced: float = -REFUSAL_PAUSE  # when a refusal was the reason for a new one
    asked: float = 0.0  # when a login wanted it last

    def current(self) -> Kept | None:
        """Give what is on disk; another process, or a person's command, may have changed it. Raises ProviderFailure."""
        stamp = self.file.stamp()
        if stamp != self.stamp:
            self.kept = self.file.read()
            self.stamp = stamp
            self.trouble = None
        return self.kept

    @property
    def was_just_forced(self) -> bool:
        """A refusal was the reason for a new one a moment ago."""
        return time.monotonic() - self.forced < REFUSAL_PAUSE

    def force(self) -> None:
        """A refusal is the reason for a new one."""
        self.forced = time.monotonic()

    def rest(self) -> None:
        """Let the provider rest a while from its trouble: until then it is told again. Raises ProviderFailure."""
        if self.trouble is not None and time.monotonic() < self.quiet:
            raise ProviderFailure(self.trouble.cause, self.trouble.remedy)

    def fails(self, fault: ProviderFailure) -> None:
        """Remember trouble of a provider's, and for how long."""
        self.trouble = fault
        after = fault.after if isinstance(fault, NotNow) and fault.after is not None else PAUSE
        self.quiet = time.monotonic() + min(max(after, PAUSE), PAUSE_LIMIT)
