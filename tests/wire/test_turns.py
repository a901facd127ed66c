"""What did not fit into one go is done in turns, and sockets are looked at in between."""

import asyncio
import socket
from itertools import pairwise

from popover.wire.turns import AT_ONCE, Turns


def test_who_has_much_to_do_keeps_nobody_waiting_for_longer_than_one_turn() -> None:
    async def act() -> list[str]:
        done: list[str] = []
        loop = asyncio.get_running_loop()
        turns = Turns.of(loop)
        assert turns is Turns.of(loop)

        def work(name: str, times: int) -> None:
            until = loop.time() + AT_ONCE
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
            until = loop.time() + AT_ONCE
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
