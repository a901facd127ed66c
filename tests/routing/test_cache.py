"""What is remembered of a table, by a clock that the test sets."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from popover.config.routes import Keeping
from popover.routing import cache as room
from popover.routing.answers import Answer, Entry, Failed, Missing
from popover.routing.cache import PATIENCE, PAUSE, Cache

HERE = Entry(("here",))
THERE = Entry(("there",))
GONE = Missing("users")
DOWN = Failed("down")

KEEPING = Keeping(cache_ttl=60, negative_ttl=5, stale_for=100)


class Stage:
    """A cache, its clock, and a table that counts who asks it."""

    def __init__(self, keeping: Keeping = KEEPING) -> None:
        self.now = 1000.0
        self.asked = 0
        self.answer: Answer = HERE
        self.silent = asyncio.Event()
        self.silent.set()
        self.cache = Cache(keeping, lambda: self.now)

    async def _look(self) -> Answer:
        self.asked += 1
        answer = self.answer
        await self.silent.wait()
        return answer

    async def get(self, key: str = "alice") -> Answer:
        return await self.cache.get(key, self._look)


def play(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    def run() -> None:
        asyncio.run(test())

    run.__name__ = test.__name__
    return run


@play
async def test_an_answer_is_believed_for_its_time() -> None:
    stage = Stage()
    assert await stage.get() == HERE
    stage.answer = THERE
    stage.now += 59
    assert (await stage.get(), stage.asked) == (HERE, 1)
    stage.now += 1
    assert (await stage.get(), stage.asked) == (THERE, 2)


@play
async def test_an_unknown_name_is_believed_for_a_shorter_time() -> None:
    stage = Stage()
    stage.answer = GONE
    assert await stage.get() == GONE
    stage.answer = HERE
    stage.now += 4
    assert (await stage.get(), stage.asked) == (GONE, 1)
    stage.now += 1
    assert (await stage.get(), stage.asked) == (HERE, 2)


@play
async def test_one_look_up_is_in_flight_per_key_whoever_waits() -> None:
    stage = Stage()
    stage.silent.clear()
    waiting = [asyncio.ensure_future(stage.get()) for _ in range(100)] + [asyncio.ensure_future(stage.get("bob"))]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert stage.asked == 2
    waiting[0].cancel()  # who has asked first leaves; the others get their answer all the same
    stage.silent.set()
    assert await asyncio.gather(*waiting[1:]) == [HERE] * 100
    assert stage.asked == 2


@play
async def test_a_failure_is_told_and_not_kept() -> None:
    stage = Stage()
    stage.answer = DOWN
    assert await stage.get() == DOWN
    stage.answer = HERE
    assert (await stage.get(), stage.asked) == (HERE, 2)


@play
async def test_a_table_that_is_down_costs_nobody_in_the_cache_a_login() -> None:
    stage = Stage()
    await stage.get()
    stage.answer = DOWN
    stage.now += 61
    assert (await stage.get(), stage.asked) == (HERE, 2)
    stage.now += PAUSE - 1
    assert (await stage.get(), stage.asked) == (HERE, 2)  # and it is left in peace meanwhile
    assert await stage.get("bob") == DOWN  # but for who is in no cache
    stage.now += PAUSE
    assert (await stage.get(), stage.asked) == (HERE, 4)
    stage.now = 1000 + 60 + 100
    assert await stage.get() == DOWN  # what was true a day ago may be true no more


@play
async def test_an_unknown_name_is_not_wrong_while_nobody_can_say() -> None:
    stage = Stage()
    stage.answer = GONE
    await stage.get()
    stage.answer = DOWN
    stage.now += 6
    assert await stage.get() == DOWN


def test_a_table_that_is_slow_costs_who_is_known_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float | None] = []
    real = asyncio.wait

    async def wait(tasks: Any, **most: float | None) -> Any:
        waited.append(most["timeout"])
        return await real(tasks, timeout=0 if most["timeout"] else None)

    monkeypatch.setattr(asyncio, "wait", wait)

    async def run() -> None:
        stage = Stage()
        await stage.get()
        stage.now += 61
        stage.silent.clear()
        stage.answer = THERE
        assert await stage.get() == HERE
        stage.silent.set()
        for _ in range(5):
            await asyncio.sleep(0)
        assert (await stage.get(), stage.asked) == (THERE, 2)  # the slow answer is there for the next one

    asyncio.run(run())
    assert waited == [None, PATIENCE]


@play
async def test_after_a_reload_nothing_is_believed_unasked_and_all_serves_if_the_table_is_down() -> None:
    stage = Stage()
    await stage.get()
    stage.cache.expire()
    stage.answer = DOWN
    assert (await stage.get(), stage.asked) == (HERE, 2)
    stage.answer = THERE
    stage.now += PAUSE
    assert await stage.get() == THERE


@play
async def test_a_bug_of_a_table_is_its_failure() -> None:
    stage = Stage()

    async def broken() -> Answer:
        raise ZeroDivisionError

    answer = await stage.cache.get("alice", broken)
    assert answer == Failed("ZeroDivisionError in popover itself; please report it")
    assert await stage.get() == HERE


def test_what_is_kept_is_bounded_and_made_up_names_drive_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "ENTRIES_LIMIT", 10)
    monkeypatch.setattr(room, "MISSING_LIMIT", 5)

    async def run() -> None:
        stage = Stage()
        for number in range(20):
            await stage.get(f"user {number}")
        stage.answer = GONE
        for number in range(20):
            await stage.get(f"nobody {number}")
        assert len(stage.cache) == 15
        asked = stage.asked
        assert await stage.get("user 19") == HERE
        assert stage.asked == asked

    asyncio.run(run())


@play
async def test_nothing_is_kept_where_nothing_is_to_be_kept() -> None:
    stage = Stage(Keeping(cache_ttl=0, negative_ttl=0, stale_for=0))
    await stage.get()
    await stage.get()
    stage.answer = GONE
    await stage.get()
    assert (stage.asked, len(stage.cache)) == (3, 0)


@play
async def test_what_is_in_flight_ends_with_the_gateway() -> None:
    stage = Stage()
    stage.silent.clear()
    waiting = asyncio.ensure_future(stage.get())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await stage.cache.close()
    assert await waiting == Failed("it is not asked any more")


@play
async def test_who_leaves_while_a_table_is_asked_takes_nobody_with_him() -> None:
    stage = Stage()
    stage.silent.clear()
    first, second = asyncio.ensure_future(stage.get()), asyncio.ensure_future(stage.get())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    stage.silent.set()
    assert await second == HERE
    assert first.cancelled()
