"""What a service's sessions remember: whether the server tells with its greeting what it can; how many sessions each
client has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from popover.protocols.visitors import Visitors

FEW = 2
"""Sessions that a client has at most, those counted that have left before their server knows, for a LOGOUT to be
answered here. Its next login may be there before the LOGOUT is: it must not be one too many for a server that counts
(Courier lets in 4 from one address by default, Dovecot 10 of one user)."""


class Memory:
    """One service's, for IMAP. See `dialect.Memory`."""

    is_curious = False

    def __init__(self) -> None:
        self.on_harm: Callable[[], None] = lambda: None
        self.greeting_tells = False
        self._sessions = Visitors()

    def harm(self) -> dict[str, float]:
        """There is none."""
        return {}

    def recall(self, harm: Mapping[str, float], now: float) -> None:
        """Pass it over."""

    def comes(self, visitor: str) -> None:
        """A session of this client begins."""
        self._sessions.comes(visitor)

    def goes(self, visitor: str) -> None:
        """It is over, for the server, too."""
        self._sessions.goes(visitor)

    def may_leave(self, visitor: str) -> bool:
        """Whether a session of this client may leave before its server knows."""
        return self._sessions.count(visitor) <= FEW
