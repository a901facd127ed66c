"""When the event loop calls a stream."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Protocol

from popover.wire.turns import Turns


class Watched(Protocol):
    """Who is called."""

    def on_readable(self) -> None:
        """The socket has something."""

    def on_turn(self) -> None:
        """The loop has come round: what has come already, and was too much for one go, may go on."""


class Watch:
    """The loop's side of one stream. `reads`: the loop tells when the socket has something; `turn`: it comes back by
    itself.
    """

    __slots__ = ("_fd", "_loop", "reads", "turn")

    def __init__(self, loop: asyncio.AbstractEventLoop, fd: int) -> None:
        self.reads = self.turn = False
        self._loop = loop
        self._fd = fd

    def change(self, watched: Watched, *, reads: bool, turn: bool) -> None:
        """Have it called when there is something to read; at the loop's next turn; or not."""
        if reads != self.reads:
            self.reads = reads
            if reads:
                self._loop.add_reader(self._fd, watched.on_readable)
            else:
                self._loop.remove_reader(self._fd)
        if turn != self.turn:
            self.turn = turn
            if turn:
                Turns.of(self._loop).add(partial(self._call, watched))

    def _call(self, watched: Watched) -> None:
        if self.turn:  # else it is not wanted any more
            self.turn = False
            watched.on_turn()
