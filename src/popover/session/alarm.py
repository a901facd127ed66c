"""One timer for all that a talk waits for, and before it a login."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from popover.wire.outgoing import nothing


class Alarm:
    """It is not moved when bytes flow: who is called by it looks anew. `at`: when it goes off (loop time); where it is
    given, somebody else sees to what is due then.

    Who comes later goes on with it as it is: the last who has set it is called, and none of them behind `cancel`.
    """

    __slots__ = ("_call", "_loop", "_timer", "at")

    def __init__(self, loop: asyncio.AbstractEventLoop, at: float = math.inf) -> None:
        self.at = at
        self._loop = loop
        self._call: Callable[[], None] = nothing
        self._timer: asyncio.TimerHandle | None = None

    def set(self, when: float, call: Callable[[], None]) -> None:
        """See to it that this is called at `when`, or before."""
        self._call = call
        if when < self.at:
            if self._timer is not None:
                self._timer.cancel()
            self.at = when
            self._timer = self._loop.call_at(when, self._ring)

    def forget(self) -> None:
        """Call nobody, until it is set again. It knows nobody then: who knows it would else be freed by the garbage
        collector alone.
        """
        self._call = nothing

    def cancel(self) -> None:
        """Call nobody any more."""
        self._call = nothing
        if self._timer is not None:
            self._timer.cancel()
            self._timer, self.at = None, math.inf

    def _ring(self) -> None:
        self._timer, self.at = None, math.inf
        self._call()
