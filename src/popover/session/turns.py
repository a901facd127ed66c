"""What of a session's work did not fit into one go, and waits until the others had theirs."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from weakref import WeakKeyDictionary

AT_ONCE = 0.001
"""Seconds for the rest of all sessions' bursts, before sockets are looked at again: a single session's goes are some
0.5 ms, but fifty of them one after the other would keep a fifty-first waiting for 25. With 5 ms a NOOP beside a client
that pipelines waited twice as long (99th percentile 4.5 ms in place of 2.5)."""


class Turns:
    """Those of all sessions on one loop, in the order in which they came."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[Callable[[], None]] = deque()
        self._is_going = False

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
            self._loop.call_soon(self._go)

    def _go(self) -> None:
        until = self._loop.time() + AT_ONCE
        turns, self._waiting = self._waiting, deque()  # who comes again meanwhile has had its turn
        while turns and self._loop.time() < until:
            turns.popleft()()
        turns.extend(self._waiting)
        self._waiting = turns
        self._is_going = bool(turns)
        if turns:
            self._loop.call_soon(self._go)


_TURNS: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()
