"""Whose turn it is: those with the same key go one after the other, those with different ones side by side."""

from __future__ import annotations

import asyncio
from types import TracebackType


class Turns:
    """Those of all keys; there are only those that somebody has or waits for."""

    def __init__(self) -> None:
        self._known: dict[str, _Turn] = {}

    def of(self, key: str) -> _Turn:
        """Have the turn of `key` for the length of the block that this is entered for at once (`async with`)."""
        turn = self._known.get(key)
        if turn is None:
            turn = self._known[key] = _Turn(self._known, key)
        return turn


class _Turn:
    """One key's, for all who want it. By hand: each login takes one, and contextlib costs it three times as much."""

    __slots__ = ("_key", "_known", "_lock", "_wanted")

    def __init__(self, known: dict[str, _Turn], key: str) -> None:
        self._known = known
        self._key = key
        self._lock = asyncio.Lock()
        self._wanted = 0

    async def __aenter__(self) -> None:
        self._wanted += 1
        try:
            await self._lock.acquire()
        except BaseException:
            self._left()
            raise

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._lock.release()
        self._left()

    def _left(self) -> None:
        self._wanted -= 1
        if not self._wanted:
            del self._known[self._key]
