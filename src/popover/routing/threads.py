"""Libraries that block, in threads of their own: one table that hangs costs no other table a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

THREADS = 8
"""Look-ups of one table at a time: with 2 ms each, 4,000 a second; and as many connections as a database of a small
house lets one client have without asking (MariaDB: max_connections 151, PostgreSQL: 100)."""


class Threads:
    """A pool. Whoever waits may leave; what has begun goes on to the library's own time-out."""

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix=f"popover-{name}")

    async def call(self, work: Callable[[], T]) -> T:
        """Do it there. Raises what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def close(self) -> None:
        """Begin nothing any more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
