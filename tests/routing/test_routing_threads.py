"""Threads for libraries that block: few, used again, and not waited for by who has left, nor at the process's end."""

import asyncio
import subprocess
import sys
import textwrap
import threading

import pytest

from popover.routing.threads import THREADS, Threads


def test_few_are_used_again_and_more_work_waits_for_its_turn() -> None:
    may_end, full, names, at_once, most = threading.Event(), threading.Event(), set(), [0], [0]
    lock = threading.Lock()

    def work() -> None:
        with lock:
            names.add(threading.current_thread().name)
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
            if at_once[0] == THREADS:
                full.set()
        assert may_end.wait(60)
        with lock:
            at_once[0] -= 1

    async def run() -> None:
        mine = Threads("test")
        tasks = [asyncio.create_task(mine.call(work)) for _ in range(3 * THREADS)]
        assert await asyncio.to_thread(full.wait, 60)
        may_end.set()
        await asyncio.gather(*tasks)
        mine.close()

    asyncio.run(run())
    assert most == [THREADS]
    assert names == {f"popover-test-{number}" for number in range(THREADS)}


def test_one_after_the_other_is_one_thread() -> None:
    async def run() -> set[str]:
        mine = Threads("test")
        return {await mine.call(lambda: threading.current_thread().name) for _ in range(50)}

    assert len(asyncio.run(run())) <= 2  # it may still be on its way back when the next one is wanted


def test_what_goes_wrong_there_is_raised_here() -> None:
    def work() -> None:
        raise ZeroDivisionError("there")

    async def run() -> str:
        mine = Threads("test")
        with pytest.raises(ZeroDivisionError, match="there"):
            await mine.call(work)
        return await mine.call(lambda: "and it goes on")

    assert asyncio.run(run()) == "and it goes on"


def test_once_closed_nothing_is_begun_and_what_has_begun_goes_on() -> None:
    may_end, begun = threading.Event(), threading.Semaphore(0)

    def work() -> bool:
        begun.release()
        return may_end.wait(60)

    async def run() -> None:
        mine = Threads("test")
        tasks = [asyncio.create_task(mine.call(work)) for _ in range(THREADS + 3)]
        for _ in range(THREADS):
            assert await asyncio.to_thread(begun.acquire, timeout=60)
        mine.close()
        may_end.set()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert ended[:THREADS] == [True] * THREADS
        assert [type(one) for one in ended[THREADS:]] == [asyncio.CancelledError] * 3
        with pytest.raises(RuntimeError):
            await mine.call(work)

    asyncio.run(run())


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
