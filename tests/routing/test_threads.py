"""Threads for what blocks."""

import asyncio
import gc
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable

import pytest

from parts.net import wait_until
from popover.routing.threads import THREADS, Threads


def here(name: str) -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == f"popover-{name}"]


def test_what_is_done_there_is_answered_and_what_it_raises_is_raised() -> None:
    async def run() -> None:
        threads = Threads("answers")
        assert await threads.call(lambda: 6 * 7) == 42
        with pytest.raises(ZeroDivisionError):
            await threads.call(lambda: 1 // 0)
        threads.close()
        with pytest.raises(RuntimeError):
            await threads.call(lambda: 0)

    asyncio.run(run())
    wait_until(lambda: not here("answers"), "its threads have ended")


def test_there_are_no_more_than_there_may_be_and_no_more_than_are_needed() -> None:
    async def run() -> None:
        threads = Threads("few")
        for _ in range(20):
            await threads.call(lambda: None)
            await asyncio.sleep(0.001)  # it says that it is idle a moment later
        assert len(here("few")) <= 2
        go_on = threading.Event()
        waiting = [asyncio.ensure_future(threads.call(lambda: go_on.wait(30))) for _ in range(3 * THREADS)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(here("few")) == THREADS
        go_on.set()
        assert await asyncio.gather(*waiting) == [True] * 3 * THREADS
        threads.close()

    asyncio.run(run())


def test_who_leaves_is_not_waited_for_and_what_has_not_begun_is_not_done() -> None:
    done: list[int] = []

    async def run() -> None:
        threads = Threads("leavers")
        go_on = threading.Event()

        def work(number: int) -> Callable[[], None]:
            def wait() -> None:
                go_on.wait(30)
                done.append(number)

            return wait

        waiting = [asyncio.ensure_future(threads.call(work(number))) for number in range(THREADS + 5)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for one in waiting[5:]:
            one.cancel()
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(*waiting[:5])
        wait_until(lambda: len(done) == THREADS, "all that had begun is done")
        threads.close()

    asyncio.run(run())
    assert sorted(done) == list(range(THREADS))


def test_at_the_end_those_who_wait_are_cancelled_and_nobody_waits_for_a_thread_that_hangs() -> None:
    go_on = threading.Event()

    async def run() -> None:
        threads = Threads("end")
        waiting = [asyncio.ensure_future(threads.call(lambda: go_on.wait(30))) for _ in range(THREADS + 1)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        threads.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting[-1]

    asyncio.run(run())
    assert all(one.daemon for one in here("end"))
    go_on.set()
    wait_until(lambda: not here("end"), "its threads have ended")


def test_a_pool_that_is_forgotten_leaves_no_threads() -> None:
    async def run() -> None:
        threads = Threads("forgotten")
        await threads.call(lambda: None)

    asyncio.run(run())
    gc.collect()
    wait_until(lambda: not here("forgotten"), "its threads have ended")


HELD = """
    import asyncio, threading
    from popover.routing.threads import Threads

    begun = threading.Event()

    def hang():
        begun.set()
        threading.Event().wait()

    async def main():
        mine = Threads("test")
        login = asyncio.create_task(mine.call(hang))
        await asyncio.to_thread(begun.wait)
        login.cancel()
        mine.close()

    asyncio.run(main())
"""


def test_a_table_that_hangs_does_not_hold_the_end_of_the_process() -> None:
    words = [sys.executable, "-c", textwrap.dedent(HELD)]
    env = {"PYTHONPATH": ":".join(filter(None, sys.path))}
    ended = subprocess.run(words, env=env, capture_output=True, check=False, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, b"")
