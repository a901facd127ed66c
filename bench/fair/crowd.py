"""The crowd: a thread for each of its clients, all in one process that does nothing else."""

import contextlib
import time
from threading import Event, Thread

from bench.fair.loads import Caller, Load

# Seconds in which all must be in full swing; deleting 60,000 messages takes two.
_READY = 60


class Crowd:
    """One load at a time, from `begin` to `end`."""

    def __init__(self) -> None:
        self._stop = Event()
        self._threads: list[Thread] = []
        self._callers: list[Caller] = []
        self._faults: list[str] = []
        self._since = 0.0

    def begin(self, load: Load, port: int) -> None:
        """Let all clients of this load come, and return when each is in full swing."""
        self._stop = Event()
        self._faults = []
        signs = [Event() for _ in range(load.sessions)]
        self._threads = [Thread(target=self._live, args=(load, port, sign, self._stop), daemon=True) for sign in signs]
        for thread in self._threads:
            thread.start()
        deadline = time.monotonic() + _READY
        if not all(sign.wait(max(0, deadline - time.monotonic())) for sign in signs):
            raise TimeoutError(f"{load.title}: not all are at work after {_READY} s; {self._faults[:1]}")
        for caller in self._callers:
            caller.taken = 0
        self._since = time.perf_counter()

    def end(self) -> tuple[float, list[str]]:
        """Octets a second that they got all together, and what went wrong for some; then all have left."""
        rate = sum(caller.taken for caller in self._callers) / (time.perf_counter() - self._since)
        self._stop.set()
        for caller in self._callers:
            caller.close()
        for thread in self._threads:
            thread.join(_READY)
        self._callers, self._threads = [], []
        return rate, self._faults

    def _live(self, load: Load, port: int, ready: Event, stop: Event) -> None:
        try:
            caller = Caller(port, load.user)
            self._callers.append(caller)
            with contextlib.closing(caller):
                load.act(caller, ready, stop)
        except (OSError, ValueError) as fault:
            if not stop.is_set():
                self._faults.append(f"{load.title}: {fault}")
