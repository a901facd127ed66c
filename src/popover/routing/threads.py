"""Libraries that block, in threads of their own: one table that hangs costs no other table a thread, and nobody the end
of the process. Python's own pool is waited for at the end, however long a dead name server holds a driver.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")

THREADS = 8
"""Look-ups of one table at a time: with 2 ms each, 4,000 a second; and as many connections as a database of a small
house lets one client have without asking (MariaDB: max_connections 151, PostgreSQL: 100)."""


class Threads:
    """A pool. Whoever waits may leave; what has begun goes on to the library's own time-out."""

    def __init__(self, name: str) -> None:
        self._name = f"popover-{name}"
        self._work: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)  # threads that wait for work, or more where all have been busy
        self._started = 0
        self._is_closed = False

    async def call(self, work: Callable[[], T]) -> T:
        """Do it there. Raises what it raises; RuntimeError once this is closed."""
        if self._is_closed:
            raise RuntimeError("the pool is closed")
        answer: Future[T] = Future()
        if not self._idle.acquire(blocking=False) and self._started < THREADS:
            threading.Thread(target=self._serve, name=f"{self._name}-{self._started}", daemon=True).start()
            self._started += 1
        self._work.put((answer, work))
        return await asyncio.wrap_future(answer)

    def close(self) -> None:
        """Begin nothing any more."""
        self._is_closed = True
        while True:
            try:
                job = self._work.get_nowait()
            except Empty:
                break
            if job is not None:
                job[0].cancel()
        for _ in range(self._started):
            self._work.put(None)

    def _serve(self) -> None:
        while (job := self._work.get()) is not None:
            answer, work = job
            if answer.set_running_or_notify_cancel():
                try:
                    answer.set_result(work())
                except BaseException as fault:  # noqa: BLE001 - it is the caller's
                    answer.set_exception(fault)
            del job, answer, work  # and what hangs on them, while there is nothing to do
            self._idle.release()
