"""What did not fit into one go, and waits until the others had theirs."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from weakref import WeakKeyDictionary

AT_ONCE = 0.00025
"""Seconds for the rest of all sessions' bursts, before sockets are looked at again: one of these goes is as long, but
fifty of them one after the other would keep a fifty-first waiting for 12 ms."""

AT_MOST = 0.02
"""Seconds of a go where those who have little to do have taken as long since the last one: with all processors at work
the two halves get the same, and a large mail is not for ever behind a thousand greetings. 20 ms is what one session may
cost another."""


class Turns:
    """Those of all sessions on one loop, in the order in which they came.

    Between two goes the loop has looked at the sockets and all that came has been heard: what is small does not wait
    behind the next go, only until the one that is under way is over. asyncio alone would call who asks for its next
    turn before the sockets that it has just looked at.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[Callable[[], None]] = deque()
        self._is_going = False
        self._ended = 0.0  # the last go

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> Turns:
        """Give those of this loop."""
        if (found := _TURNS.get(loop)) is None:
            found = _TURNS[loop] = cls(loop)
        return found

    def add(self, call: Callable[[], None]) -> None:
        """Call it when its turn has come."""
        self._waiting.append(call)
        if not self._is_going:
            self._is_going = True
            self._ended = self._loop.time()
            self._loop.call_soon(self._let_others)

    def _let_others(self) -> None:
        self._loop.call_soon(self._go)

    def _go(self) -> None:
        now = self._loop.time()
        until = now + max(AT_ONCE, min(now - self._ended, AT_MOST))
        waiting = self._waiting
        try:
            while waiting and self._loop.time() < until:
                waiting.popleft()()
        finally:  # a bug of one is told by the loop, and costs no other its turn
            self._is_going = bool(waiting)
            if waiting:
                self._ended = self._loop.time()
                self._loop.call_soon(self._let_others)


_TURNS: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()
