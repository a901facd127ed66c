"""A time for a block of work: it is cancelled when that is up. As `asyncio.timeout_at`, but that costs three times as
much, and a timer of its own, which the talk behind a login would only cancel to set another.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from popover.session.alarm import Alarm


class Limit:
    """Raises TimeoutError for a block that was not through at `due` (loop time). Its alarm stays set: who comes next
    goes on with it.
    """

    __slots__ = ("_alarm", "_due", "_is_up", "_task")

    def __init__(self, alarm: Alarm, due: float) -> None:
        self._alarm = alarm
        self._due = due
        self._is_up = False
        self._task: asyncio.Task[object] | None = None

    def __enter__(self) -> Self:
        self._task = asyncio.current_task()
        self._alarm.limit(self._due, self._ring)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._alarm.free()
        task, self._task = self._task, None
        if task is None or not self._is_up:
            return
        is_ours = task.uncancel() == 0  # else the session is to end, too
        if is_ours and isinstance(error, asyncio.CancelledError):
            raise TimeoutError from None

    def hold(self) -> None:
        """Let it pass without a word, for somebody else keeps the time."""
        self._alarm.free()

    def go_on(self) -> None:
        """Keep it again; at once, if it has passed."""
        self._alarm.limit(self._due, self._ring)

    def _ring(self) -> None:
        if self._task is not None:
            self._is_up = True
            self._task.cancel()
