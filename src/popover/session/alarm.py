"""One timer for all that a talk waits for."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable


class Alarm:
    """It is not moved when bytes flow: who is called by it looks anew. `at`: when it goes off (loop time)."""

    __slots__ = ("_loop", "_timer", "at")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.at = math.inf
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None

    def set(self, when: float, call: Callable[[], None]) -> None:
        """See to it that this is called at `when`, or before. It is forgotten then: else the two would know each other,
        and only the garbage collector could free them.
        """
        if when < self.at:
            if self._timer is not None:
                self._timer.cancel()
            self.at = when
            self._timer = self._loop.call_at(when, self._ring, call)

    def cancel(self) -> None:
        """Call nobody."""
        if self._timer is not None:
            self._timer.cancel()

    def _ring(self, call: Callable[[], None]) -> None:
        self._timer, self.at = None, math.inf
        call()
