"""How long a response is kept that a client says before its server has asked for it."""

from __future__ import annotations

import math

HURRY = 0.6
"""Seconds in all that responses of one session are kept which a client says before the server has asked for them. A
server that never asks is rare, but over a wire it works; the first rule allows for a second."""


class Hurry:
    """That of one session."""

    def __init__(self) -> None:
        self._since = math.inf
        self._left = HURRY  # seconds of it

    def see(self, now: float, *, hurries: bool) -> None:
        """See whether a response waits now."""
        since = self._since
        if hurries:
            self._since = min(since, now)
        elif since < math.inf:
            self._left, self._since = self._left - (now - since), math.inf

    @property
    def due(self) -> float:
        """When it is kept no longer; infinity: there is none."""
        return self._since + self._left
