"""One timer for all that a session waits for."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from popover.wire.outgoing import nothing


class Alarm:
    """It is not moved when bytes flow: who is called by it looks anew. `at`: when it goes off (loop time).

    Who comes later goes on with it as it is: the last who has set it is called, and nobody behind `cancel`.
    """

    __slots__ = ("_call", "_limit", "_loop", "_over", "_timer", "at")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.at = self._limit = math.inf
        self._loop = loop
        self._call: Callable[[], None] = nothing
        self._over: Callable[[], None] = nothing
        self._timer: asyncio.TimerHandle | None = None

    def set(self, when: float, call: Callable[[], None]) -> None:
        """See to it that this is called at `when`, or before."""
        self._call = call
        self._arm(when)

    def limit(self, when: float, over: Callable[[], None]) -> None:
        """See to it that this is called at `when`, and not before, whatever else it is set to."""
        self._limit, self._over = when, over
        self._arm(when)

    def free(self) -> None:
        """There is no limit any more."""
        self._limit, self._over = math.inf, nothing

    def cancel(self) -> None:
        """Call nobody, but for the limit. Nobody is known then: who knows the alarm could else be freed by the garbage
        collector alone.
        """
        self._call = nothing
        if self._limit == math.inf and self._timer is not None:
            self._timer.cancel()
            self._timer, self.at = None, math.inf

    def _arm(self, when: float) -> None:
        if when < self.at:
            if self._timer is not None:
                self._timer.cancel()
            self.at = when
            self._timer = self._loop.call_at(when, self._ring)

    def _ring(self) -> None:
        self._timer, self.at = None, math.inf
        if self._loop.time() >= self._limit:
            over = self._over
            self.free()
            over()
        else:
            self._arm(self._limit)
            self._call()
