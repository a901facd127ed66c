"""Tokens are renewed before anybody asks: so no login waits for a provider, and no sign-in runs out while popover runs.

Microsoft's sign-ins end after 90 days unused, Google's after 6 months. Once a day is far from both, and finds a sign-in
that was revoked on the day itself. What is sealed (vault.py) waits for its account's first login.
"""

from __future__ import annotations

import asyncio

from popover.accounts.oauth2.kept import Kept
from popover.accounts.oauth2.tokens import Tokens
from popover.config import Account
from popover.errors import Failure, ProviderFailure

WAKE = 60.0
"""Seconds between two looks at the wall's clock: a timer of a day would sleep through a suspend (pizauth 1.0.7 had that
very fault). A token is not fresh for its last 90 seconds, so each is found in time."""

DAY = 86400.0

IN_USE = 3600.0  # seconds since a login has asked, in which a token is renewed ahead of the next

RETRY = 600.0  # seconds until an account that could not be renewed is tried again
REFUSED_RETRY = 3600.0  # seconds, where its provider says no to what the operator can mend

AT_ONCE = 4
"""Accounts that are renewed at the same moment. A provider that hangs costs each of its accounts 20 seconds, and those
of another must not wait for all of them; a hundred at once would look like an attack, and leave logins no thread."""


class Renewal:
    """The gateway's task: `run` never ends by itself."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._later: dict[str, float] = {}  # account -> when to try again, by the wall's clock

    async def run(self) -> None:
        """Look, and look again."""
        while True:
            try:
                await self.look()
            except Exception as bug:  # noqa: BLE001 - whatever it is: without this task all sign-ins run out one day
                self._tokens.report(bug)
            await asyncio.sleep(WAKE)

    async def look(self) -> None:
        """Renew what is due, a few at a time. What goes wrong is logged by Tokens."""
        now, turns = self._tokens.now(), asyncio.Semaphore(AT_ONCE)
        due = [account for account, kept, asked in self._tokens.known() if self._is_due(account, kept, asked, now)]
        await asyncio.gather(*(self._renewed(account, now, turns) for account in due))

    async def _renewed(self, account: Account, now: float, turns: asyncio.Semaphore) -> None:
        async with turns:
            try:
                await self._tokens.renew(account, now - DAY)
            except Failure as fault:
                self._later[account.name] = now + (RETRY if isinstance(fault, ProviderFailure) else REFUSED_RETRY)
            else:
                self._later.pop(account.name, None)

    def _is_due(self, account: Account, kept: Kept | None, asked: float, now: float) -> bool:
        if kept is None or kept.is_closed or 0 < self._later.get(account.name, now) - now <= REFUSED_RETRY:
            return False
        if kept.trouble is not None and kept.trouble.who == "person":
            return False
        ahead = 0 <= now - asked < IN_USE and not kept.is_fresh(now)
        return ahead or (kept.refresh is not None and not 0 <= now - kept.obtained < DAY)
