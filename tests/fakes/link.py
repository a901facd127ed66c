"""A slow and lossy cable between two worlds: the frames of two cables' ends, carried by hand."""

import os
import queue
import random
import select
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from fakes.wire import PATIENCE


class Link:
    """Carries frames between two ends of `World.cable`, each after `delay` seconds; loses this share of them."""

    def __init__(self, one: int, other: int, *, loss: float, delay: float, seed: int = 1) -> None:
        self.carried = 0
        self.lost = 0
        self._loss = loss
        self._delay = delay
        self._chance = random.Random(seed)
        self._over = threading.Event()
        self._ends = (one, other)
        self._threads = [thread for pair in ((one, other), (other, one)) for thread in self._way(*pair)]

    def _way(self, source: int, target: int) -> list[threading.Thread]:
        """Start what carries the packets of one direction, in their order."""
        flying: queue.Queue[tuple[float, bytes] | None] = queue.Queue()
        threads = [
            threading.Thread(target=self._take_off, args=(source, flying), daemon=True),
            threading.Thread(target=self._land, args=(target, flying), daemon=True),
        ]
        for thread in threads:
            thread.start()
        return threads

    def _take_off(self, source: int, flying: "queue.Queue[tuple[float, bytes] | None]") -> None:
        ready = select.poll()
        ready.register(source, select.POLLIN)
        while not self._over.is_set():
            if not ready.poll(100):
                continue
            packet = os.read(source, 1 << 16)
            if self._chance.random() < self._loss:
                self.lost += 1
            else:
                self.carried += 1
                flying.put((time.monotonic() + self._delay, packet))
        flying.put(None)

    def _land(self, target: int, flying: "queue.Queue[tuple[float, bytes] | None]") -> None:
        while item := flying.get():
            due, packet = item
            time.sleep(max(0.0, due - time.monotonic()))
            with suppress(OSError):  # the interface is gone with its world
                os.write(target, packet)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE)
        for end in self._ends:
            os.close(end)
