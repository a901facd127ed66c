"""What did not fit into one go is done in turns, and sockets are looked at in between."""

import asyncio
import socket
from collections.abc import Callable
from itertools import pairwise

import pytest

from popover.wire.turns import AT_MOST, Turns


def test_who_has_much_to_do_keeps_nobody_waiting_for_longer_than_one_turn() -> None:
    async def act() -> list[str]:
        done: list[str] = []
        loop = asyncio.get_running_loop()
        turns = Turns.of(loop)
        assert turns is Turns.of(loop)

        def work(name: str, times: int) -> None:
            until = loop.time() + AT_MOST
            while loop.time() < until:
                pass
            done.append(name)
            if times > 1:
                turns.add(lambda: work(name, times - 1))

        for name in "ab":
            turns.add(lambda name=name: work(name, 3))  # type: ignore[misc]
        while len(done) - done.count("socket") < 6:
            await asyncio.sleep(0)
            done.append("socket")
        return done

    done = asyncio.run(act())
    assert [name for name in done if name != "socket"] == ["a", "b"] * 3
    assert all("socket" in pair for pair in pairwise(done))


def test_what_has_come_meanwhile_is_heard_before_the_next_turn() -> None:
    async def act() -> list[str]:
        done: list[str] = []
        loop = asyncio.get_running_loop()
        turns = Turns.of(loop)
        far, near = socket.socketpair()
        near.setblocking(False)
        over = loop.create_future()

        def work(times: int) -> None:
            until = loop.time() + AT_MOST
            far.send(b"x")  # comes while we are at work
            while loop.time() < until:
                pass
            done.append("work")
            if times > 1:
                turns.add(lambda: work(times - 1))
            else:
                over.set_result(None)

        def heard() -> None:
            done.append("heard" * len(near.recv(9)))

        with far, near:
            loop.add_reader(near, heard)
            turns.add(lambda: work(4))
            await over
            await asyncio.sleep(0)
            loop.remove_reader(near)
        return done

    assert asyncio.run(act()) == ["work", "heard"] * 4


def test_a_bug_in_one_turn_costs_no_other_its_own() -> None:
    async def act() -> tuple[list[str], list[str]]:
        loop, done, told = asyncio.get_running_loop(), list[str](), list[str]()
        loop.set_exception_handler(lambda _loop, context: told.append(str(context["exception"])))
        turns = Turns.of(loop)

        def fail() -> None:
            raise ValueError("a bug")

        turns.add(fail)
        turns.add(lambda: done.append("another"))
        for _ in range(6):
            await asyncio.sleep(0)
        turns.add(lambda: done.append("a later one"))
        for _ in range(6):
            await asyncio.sleep(0)
        return done, told

    assert asyncio.run(act()) == (["another", "a later one"], ["a bug"])


class FakeLoop(asyncio.AbstractEventLoop):
    """Its time passes by what is done alone."""

    def __init__(self) -> None:
        self.now = 100.0
        self.calls = list[Callable[..., object]]()

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Callable[..., object], *_args: object, context: object = None) -> asyncio.Handle:  # noqa: ARG002
        self.calls.append(callback)
        return asyncio.Handle(callback, (), self)

    def get_debug(self) -> bool:
        return False


@pytest.mark.parametrize(("busy", "share"), [(0.0001, 0.5), (0.001, 0.45), (0.01, 0.45), (0.1, 0.07)])
def test_who_has_much_to_do_is_not_for_ever_behind_those_who_have_little(busy: float, share: float) -> None:
    """`busy`: seconds that all others take between two rounds of the loop."""
    loop, worked = FakeLoop(), 0.0  # type: ignore[abstract]  # of it all that is needed here
    turns = Turns(loop)

    def work() -> None:
        nonlocal worked
        loop.now += 0.0001
        worked += 0.0001
        turns.add(work)

    turns.add(work)
    began = loop.now
    for _ in range(1000):
        calls, loop.calls = loop.calls, []
        for call in calls:
            call()
        loop.now += busy
    assert share < worked / (loop.now - began) < share + 0.15
