"""Writes pages a few lines at a time: with a thousand services one takes 50 ms, and no session shall wait for it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator

from popover.process.status.figures import Picture
from popover.process.status.request import Write

FRESH = 1.0
"""Seconds for which a page is good for whoever asks next: so many who look cost no more than one."""

TURN = 64
"""Lines that are written before sessions get their turn: some 0.2 ms."""


class Writing:
    """Gives each page as it is, or was a moment ago. `take` gives the picture that is written about."""

    def __init__(self, loop: asyncio.AbstractEventLoop, take: Callable[[], Picture]) -> None:
        self._loop = loop
        self._take = take
        self._begun: dict[Write, tuple[float, asyncio.Task[bytes]]] = {}

    async def of(self, write: Write) -> bytes:
        """Give what `write` writes: all who ask in the meantime wait for the same."""
        now = self._loop.time()
        since, work = self._begun.get(write, (-math.inf, None))
        if work is None or (work.done() and now - since >= FRESH):
            work = self._loop.create_task(_in_turns(write(self._take())))
            self._begun[write] = now, work
        return await asyncio.shield(work)


async def _in_turns(lines: Iterator[str]) -> bytes:
    text = []
    for number, line in enumerate(lines, 1):
        text.append(line)
        if number % TURN == 0:
            await asyncio.sleep(0)
    return "\n".join([*text, ""]).encode()
