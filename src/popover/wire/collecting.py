"""Who listens to a stream when nobody else does: what comes is collected, for conversations that wait for more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from popover.talk import End
from popover.wire.engine import Ending
from popover.wire.outgoing import nothing
from popover.wire.scratch import CHUNK


class Collecting:
    """Collects in one stream's `end`. `stop`: has the stream read no more, once as much is there as one read brings."""

    __slots__ = ("_end", "_loop", "_stop", "_waiter")

    def __init__(self, loop: asyncio.AbstractEventLoop, end: End, stop: Callable[[], None]) -> None:
        self._loop = loop
        self._end = end
        self._stop = stop
        self._waiter: asyncio.Future[None] | None = None

    def hear(self, data: memoryview) -> None:
        """Something has come."""
        self._end.inbox += data
        if len(self._end.inbox) >= CHUNK:
            self._stop()
        self._wake()

    def hear_end(self, _ending: Ending) -> None:
        """It has ended."""
        self._end.ended = True
        self._wake()

    async def more(self) -> None:
        """Wait for either, or for the stream to be closed."""
        waiter = self._waiter = self._loop.create_future()
        try:
            await waiter
        finally:
            self._waiter = None

    def let_go(self) -> None:
        """The stream is closed. We know it and it knows us: only the garbage collector could free the two."""
        self._stop = nothing
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
