"""What did not fit into one go is done in turns, and sockets are looked at in between."""

import asyncio
from itertools import pairwise

from popover.session.turns import AT_ONCE, Turns


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
        for _ in range(6):
            await asyncio.sleep(0)
            done.append("socket")
        return done

    done = asyncio.run(act())
    assert [name for name in done if name != "socket"] == ["a", "b"] * 3
    assert all("socket" in pair for pair in pairwise(done))
