"""Libraries that block, in threads of their own: one table that hangs costs no other table a thread.

Nor does it keep the gateway from ending: the threads are daemons (threading), while those of concurrent.futures are
waited for at the end, and a database whose machine has stopped may never answer.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Semaphore, Thread
from typing import Any, NamedTuple, TypeAlias, TypeVar

T = TypeVar("T")

THREADS = 8
"""Look-ups of one table at a time: with 2 ms each, 4,000 a second; and as many connections as a database of a small
house lets one client have without asking (MariaDB: max_connections 151, PostgreSQL: 100)."""


class _Job(NamedTuple):
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Any]
    work: Callable[[], Any]


_Jobs: TypeAlias = "SimpleQueue[_Job | None]"


class Threads:
    """A pool, which grows as it is needed. Whoever waits may leave; what has begun goes on to the library's own
    time-out.
    """

    def __init__(self, name: str) -> None:
        self._name = f"popover-{name}"
        self._jobs: _Jobs = SimpleQueue()
        self._idle = Semaphore(0)
        self._started = 0
        self._is_closed = False
        weakref.finalize(self, self._jobs.put, None)  # a reload leaves those that it has replaced behind

    async def call(self, work: Callable[[], T]) -> T:
        """Do it there. Raises what it raises."""
        if self._is_closed:
            raise RuntimeError("these threads have been let go")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._jobs.put(_Job(loop, answer, work))
        if not self._idle.acquire(blocking=False) and self._started < THREADS:
            self._started += 1
            Thread(target=_serve, args=(self._jobs, self._idle), name=self._name, daemon=True).start()
        return await answer

    def close(self) -> None:
        """Begin nothing any more."""
        self._is_closed = True
        while True:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                break
            if job is not None:
                job.answer.cancel()
        self._jobs.put(None)


def _serve(jobs: _Jobs, idle: Semaphore) -> None:
    """Do one after the other. Knows nothing of the pool, which may be forgotten."""
    while (job := jobs.get()) is not None:
        if not job.answer.cancelled():
            _do(job)
        del job  # it holds a password, perhaps, and the next one may be long in coming
        idle.release()
    jobs.put(None)  # for the others


def _do(job: _Job) -> None:
    result, fault = None, None
    try:
        result = job.work()
    except BaseException as raised:  # noqa: BLE001 - it is raised where it is waited for
        fault = raised
    try:
        job.loop.call_soon_threadsafe(_tell, job.answer, result, fault)
    except RuntimeError:  # the loop is closed: nobody waits any more
        pass


def _tell(answer: asyncio.Future[Any], result: object, fault: BaseException | None) -> None:
    if answer.done():  # whoever waited has left
        return
    if fault is None:
        answer.set_result(result)
    else:
        answer.set_exception(fault)
