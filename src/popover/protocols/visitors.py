"""How many sessions each client of a service has, of one kind or another."""

from __future__ import annotations

from collections import Counter

LEAVING_LIMIT = 20
"""Sessions of one client that may have left before their server knows. They count against nobody's limit but the
service's, so there is one: as many as one client may have at once by default (`max_sessions_per_client`)."""


class Visitors:
    """Sessions by the client's address. Nothing is kept of a client that has none."""

    def __init__(self) -> None:
        self._sessions: Counter[str] = Counter()

    def comes(self, visitor: str) -> None:
        """One more."""
        self._sessions[visitor] += 1

    def goes(self, visitor: str) -> None:
        """One less."""
        self._sessions[visitor] -= 1
        if not self._sessions[visitor]:
            del self._sessions[visitor]

    def count(self, visitor: str) -> int:
        """Those of this client."""
        return self._sessions[visitor]

    def __len__(self) -> int:
        """Clients that have any."""
        return len(self._sessions)
