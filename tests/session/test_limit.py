"""The time for a login at the desk, and the alarm that the talk behind it goes on with."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from popover.session.alarm import Alarm
from popover.session.limit import Limit

SOON, NEVER = 0.01, 1e6


def run(play: Callable[[asyncio.AbstractEventLoop, Alarm], Awaitable[None]]) -> None:
    """Let a play be played, with an alarm."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        await play(loop, Alarm(loop))

    asyncio.run(main())


def test_a_block_that_takes_too_long_is_cancelled_and_raises_timeout_error() -> None:
    async def play(loop: asyncio.AbstractEventLoop, alarm: Alarm) -> None:
        with pytest.raises(TimeoutError), Limit(alarm, loop.time() + SOON):
            await asyncio.sleep(NEVER)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    run(play)


def test_who_is_through_in_time_is_not_cancelled_later() -> None:
    async def play(loop: asyncio.AbstractEventLoop, alarm: Alarm) -> None:
        with Limit(alarm, loop.time() + SOON):
            await asyncio.sleep(0)
        await asyncio.sleep(3 * SOON)

    run(play)


def test_a_task_that_is_cancelled_by_somebody_else_stays_cancelled() -> None:
    async def play(loop: asyncio.AbstractEventLoop, alarm: Alarm) -> None:
        async def block() -> None:
            with Limit(alarm, loop.time() + SOON):
                try:
                    await asyncio.sleep(NEVER)
                finally:
                    task.cancel()

        task = asyncio.create_task(block())
        with pytest.raises(asyncio.CancelledError):
            await task

    run(play)


def test_what_is_raised_in_time_is_raised() -> None:
    async def play(loop: asyncio.AbstractEventLoop, alarm: Alarm) -> None:
        with pytest.raises(KeyError), Limit(alarm, loop.time() + SOON):
            raise KeyError

    run(play)


def test_while_it_is_held_nothing_happens_and_behind_that_it_is_up_at_once() -> None:
    async def play(loop: asyncio.AbstractEventLoop, alarm: Alarm) -> None:
        passed: list[str] = []

        async def block() -> None:
            with Limit(alarm, loop.time() + SOON) as limit:
                limit.hold()
                await asyncio.sleep(3 * SOON)
                passed.append("held")
                limit.go_on()
                await asyncio.sleep(NEVER)

        with pytest.raises(TimeoutError):
            await block()
        assert passed == ["held"]

    run(play)


def test_the_alarm_goes_on_and_calls_who_set_it_last() -> None:
    async def play(loop: asyncio.AbstractEventLoop, alarm: Alarm) -> None:
        due, called = loop.time() + SOON, loop.create_future()
        with Limit(alarm, due):
            pass
        assert alarm.at == due
        alarm.set(due + NEVER, lambda: called.set_result(alarm.at))
        assert alarm.at == due  # no second timer
        assert await called > due  # who is called looks anew, and may set it again

    run(play)


def test_what_goes_off_before_is_no_limit_and_a_limit_stays_whatever_is_cancelled() -> None:
    async def play(loop: asyncio.AbstractEventLoop, alarm: Alarm) -> None:
        called: list[str] = []
        began = loop.time()

        async def block() -> None:
            with Limit(alarm, began + 4 * SOON):
                alarm.set(began + SOON, lambda: called.append("before"))
                await asyncio.sleep(2 * SOON)
                alarm.set(began + 3 * SOON, lambda: called.append("cancelled"))
                alarm.cancel()
                await asyncio.sleep(NEVER)

        with pytest.raises(TimeoutError):
            await block()
        assert called == ["before"]
        assert loop.time() >= began + 4 * SOON

    run(play)


def test_behind_cancel_nobody_is_called_and_it_can_be_set_again() -> None:
    async def play(loop: asyncio.AbstractEventLoop, alarm: Alarm) -> None:
        called: list[int] = []
        alarm.set(loop.time() + SOON, lambda: called.append(1))
        alarm.cancel()
        await asyncio.sleep(3 * SOON)
        assert called == []
        alarm.set(loop.time() + SOON, lambda: called.append(2))
        await asyncio.sleep(3 * SOON)
        assert called == [2]

    run(play)
