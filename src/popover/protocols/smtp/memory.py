"""What a service's sessions remember: the last client's EHLO, and whether the server bears to hear two."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from popover.protocols.visitors import LEAVING_LIMIT, Visitors

KEPT = 30 * 86400.0
"""Seconds for which it is believed that a server does not bear a second EHLO: a month, as with POP3's servers."""

TRIES = 3
"""Connections on which that is tried; a server that has not told by then does not tell."""

_TWICE = "hello twice"


class Memory:
    """One service's, for SMTP. See `dialect.Memory`.

    `hello`: the EHLO or HELO with which the last good session began, its line end left out; empty: none yet. `bears`:
    whether the server takes a second one; None: nobody knows.
    """

    is_curious = False

    def __init__(self) -> None:
        self.hello = b""
        self.bears: bool | None = None
        self.tries = 0
        self.on_harm: Callable[[], None] = lambda: None
        self._failed_at: float | None = None
        self._leaving = Visitors()

    @property
    def may_greet(self) -> bool:
        """Whether something may be said to the server ahead of a client that may say something else."""
        return bool(self.hello) and (self.bears is True or (self.bears is None and self.tries < TRIES))

    def fail(self) -> None:
        """The server has refused a second EHLO: never again is one asked ahead of a client that may say another."""
        self.bears = False
        self._failed_at = time.time()
        self.on_harm()

    def harm(self) -> dict[str, float]:
        """See `dialect.Memory`."""
        return {} if self._failed_at is None else {_TWICE: self._failed_at}

    def recall(self, harm: Mapping[str, float], now: float) -> None:
        """See `dialect.Memory`."""
        since = harm.get(_TWICE)
        if since is not None and 0 <= now - since < KEPT:
            self.bears, self._failed_at = False, since

    def may_leave(self, visitor: str) -> bool:
        """Whether one more session of this client may leave before its server knows."""
        return self._leaving.count(visitor) < LEAVING_LIMIT

    def leaves(self, visitor: str) -> None:
        """A session of this client has its answer to QUIT, and its server has not."""
        self._leaving.comes(visitor)

    def has_left(self, visitor: str) -> None:
        """The server has been told, or is gone."""
        self._leaving.goes(visitor)
