"""Tokens are renewed before anybody asks: so no login waits for a provider, and no sign-in runs out while popover runs.

Microsoft's sign-ins end after 90 days unused, Google's after 6 months. Once a day is far from both, and finds a sign-in
that was revoked on the day itself.
"""

from __future__ import annotations

import asyncio

from popover.accounts.oauth2.kept import Kept
from popover.accounts.oauth2.tokens import Tokens
from popover.config import Account
from popover.errors import Failure

WAKE = 60.0
"""Seconds between two looks at the wall's clock: a timer of a day would sleep through a suspend (pizauth 1.0.7 had that
very fault). A token is not fresh for its last 90 seconds, so each is found in time."""

DAY = 86400.0

IN_USE = 3600.0  # seconds since a login has asked, in which a token is renewed ahead of the next

RETRY = 600.0  # seconds until an account that could not be renewed is tried again


class Renewal:
    """The gateway's task: `run` never ends by itself."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._later: dict[str, float] = {}  # account -> when to try again, by the wall's clock

    async def run(self) -> None:
        """Look, and look again."""
        while True:
            await self.look()
            await asyncio.sleep(WAKE)

    async def look(self) -> None:
        """Renew what is due, one after the other. What goes wrong is logged by Tokens."""
        now = self._tokens.now()
        for account, kept, asked in list(self._tokens.known()):
            if kept is None or not self._is_due(account, kept, asked, now):
                continue
            try:
                await self._tokens.renew(account, now - DAY)
            except Failure:
                self._later[account.name] = now + RETRY
            else:
                self._later.pop(account.name, None)

    def _is_due(self, account: Account, kept: Kept, asked: float, now: float) -> bool:
        if kept.trouble is not None or 0 < self._later.get(account.name, now) - now <= RETRY:
            return False
        ahead = 0 <= now - asked < IN_USE and not kept.is_fresh(now)
        return ahead or (kept.refresh is not None and not 0 <= now - kept.obtained < DAY)
