"""When the event loop calls a stream."""

from __future__ import annotations

import asyncio
from typing import Protocol


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

    __slots__ = ("_fd", "_handle", "_loop", "reads", "turn")

    def __init__(self, loop: asyncio.AbstractEventLoop, fd: int) -> None:
        self.reads = self.turn = False
        self._loop = loop
        self._fd = fd
        self._handle: asyncio.Handle | None = None

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
                self._handle = self._loop.call_soon(self._call, watched)
            elif self._handle is not None:
                self._handle.cancel()
                self._handle = None

    def _call(self, watched: Watched) -> None:
        self.turn, self._handle = False, None
        watched.on_turn()
