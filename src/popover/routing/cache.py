"""What a table has answered: believed for a while, asked once at a time, and served on while the table is down.

    fresh    younger than its ttl                    -> at once
    stale    older, by up to stale_for               -> asked anew; if that fails or takes over PATIENCE, the old answer
    unknown  never asked, or too old                 -> asked, and whatever comes

One look-up in flight per key, whoever waits for it; it goes on when they have left. An answer `Failed` is never kept,
but for PAUSE after one the table is not asked again for what a stale answer can serve.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass

from popover.config.routes import Keeping
from popover.routing.answers import Answer, Entry, Failed, Missing

ENTRIES_LIMIT = 200_000
"""Names found, per table: some 100 MB at most. Dovecot's auth_cache_size is used with 1 to 100 MB. The oldest go
first."""

MISSING_LIMIT = 10_000
"""Names not found, kept apart: whoever makes names up does not drive out those of users."""

PATIENCE = 1.0
"""Seconds that a user whose route is known waits for a newer one: a table that is slow costs no more (the first
rule)."""

PAUSE = 5.0
"""Seconds after a failure in which a table is left in peace by those who have a stale answer."""

LookUp = Callable[[], Awaitable[Answer]]


@dataclass(slots=True)
class _Kept:
    answer: Entry | Missing
    since: float
    load: int  # how many loads there had been


class Cache:
    """The answers of one table. `clock`: monotonic seconds."""

    def __init__(self, keeping: Keeping, clock: Callable[[], float]) -> None:
        self._keeping = keeping
        self._clock = clock
        self._found: dict[Hashable, _Kept] = {}
        self._missing: dict[Hashable, _Kept] = {}
        self._asked: dict[Hashable, asyncio.Task[Answer]] = {}
        self._failed = -PAUSE
        self._loads = 0

    def __len__(self) -> int:
        """How many answers are kept."""
        return len(self._found) + len(self._missing)

    def expire(self) -> None:
        """Believe nothing any more without asking (a reload); while the table is down, all of it still serves."""
        self._loads += 1
        self._missing.clear()

    async def get(self, key: Hashable, look_up: LookUp) -> Answer:
        """Answer from what is known, or look it up."""
        now = self._clock()
        kept = self._found.get(key) or self._missing.get(key)
        if kept is not None and self._is_fresh(kept, now):
            return kept.answer
        stale = kept.answer if kept is not None and self._may_serve(kept, now) else None
        if stale is not None and key not in self._asked and now - self._failed < PAUSE:
            return stale
        asked = self._asked.get(key) or self._ask(key, look_up)
        done, _ = await asyncio.wait({asked}, timeout=None if stale is None else PATIENCE)
        answer = _result(asked) if done else None
        if stale is not None and (answer is None or isinstance(answer, Failed)):
            return stale
        assert answer is not None  # noqa: S101 - without a stale one, it was waited for
        return answer

    def _is_fresh(self, kept: _Kept, now: float) -> bool:
        ttl = self._keeping.cache_ttl if isinstance(kept.answer, Entry) else self._keeping.negative_ttl
        return kept.load == self._loads and now - kept.since < ttl

    def _may_serve(self, kept: _Kept, now: float) -> bool:
        """Only what was found: while nobody can say, an unknown name is no wrong one."""
        most = self._keeping.cache_ttl + self._keeping.stale_for
        return isinstance(kept.answer, Entry) and self._keeping.stale_for > 0 and now - kept.since < most

    def _ask(self, key: Hashable, look_up: LookUp) -> asyncio.Task[Answer]:
        task = asyncio.ensure_future(self._look(key, look_up))
        self._asked[key] = task
        return task

    async def _look(self, key: Hashable, look_up: LookUp) -> Answer:
        try:
            answer = await look_up()
        except Exception as bug:  # noqa: BLE001 - a table's own bug is told as its failure, and waits for nobody
            answer = Failed(f"{type(bug).__name__} in popover itself; please report it")
        finally:
            del self._asked[key]
        if isinstance(answer, Failed):
            self._failed = self._clock()
        else:
            self._failed = -PAUSE
            self._keep(key, answer)
        return answer

    def _keep(self, key: Hashable, answer: Entry | Missing) -> None:
        self._found.pop(key, None)
        self._missing.pop(key, None)
        if isinstance(answer, Entry):
            shelf, limit, ttl = self._found, ENTRIES_LIMIT, self._keeping.cache_ttl + self._keeping.stale_for
        else:
            shelf, limit, ttl = self._missing, MISSING_LIMIT, self._keeping.negative_ttl
        if ttl > 0:
            shelf[key] = _Kept(answer, self._clock(), self._loads)
            if len(shelf) > limit:
                del shelf[next(iter(shelf))]

    async def close(self) -> None:
        """End what is in flight: who waits for it is told that it failed."""
        tasks = list(self._asked.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _result(asked: asyncio.Task[Answer]) -> Answer:
    """What came of it. That it was cancelled is not that whoever waits is."""
    return Failed("it is not asked any more") if asked.cancelled() else asked.result()
