"""Connections of one table that wait for their next look-up. Threads take them and bring them back."""

from __future__ import annotations

from threading import Lock
from typing import Generic, TypeVar

from popover.routing.threads import THREADS

T = TypeVar("T")


class Idle(Generic[T]):
    """One for each thread at most, the one used last at the front."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: list[T] = []
        self._is_closed = False

    def take(self) -> T | None:
        """Have one for oneself; None: there is none."""
        with self._lock:
            return self._waiting.pop() if self._waiting else None

    def keep(self, connection: T) -> bool:
        """Bring one back; False: it is not wanted any more, and is to be closed."""
        with self._lock:
            if self._is_closed or len(self._waiting) >= THREADS:
                return False
            self._waiting.append(connection)
            return True

    def close(self) -> list[T]:
        """Take no more; give those that are to be closed."""
        with self._lock:
            self._is_closed = True
            waiting, self._waiting = self._waiting, []
            return waiting
