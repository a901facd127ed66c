"""How long words are kept that a client says before its server has asked for them."""

from __future__ import annotations

import math


class Hurry:
    """That of one session: so many seconds each time, or `in_all` of the session's times together."""

    __slots__ = ("_in_all", "_left", "_since")

    def __init__(self, seconds: float, *, in_all: bool = False) -> None:
        self._left = seconds
        self._in_all = in_all
        self._since = math.inf

    def see(self, now: float, *, hurries: bool) -> None:
        """See whether such words wait now."""
        if hurries:
            if self._since == math.inf:
                self._since = now
        elif self._since < math.inf:
            if self._in_all:
                self._left -= now - self._since
            self._since = math.inf

    @property
    def due(self) -> float:
        """When they are kept no longer; infinity: there are none."""
        return self._since + self._left
