"""Pages are written a little at a time, once for all who ask."""

import asyncio
from collections.abc import Iterator

from popover.process.status.figures import Picture
from popover.process.status.writing import FRESH, TURN, Writing


class Clock(asyncio.SelectorEventLoop):
    """A loop whose time is the test's."""

    now = 100.0

    def time(self) -> float:
        return self.now


def play(lines: int, askers: int) -> tuple[list[bytes], int, int]:
    """What askers at one time get, how often it was written, and how often others had their turn meanwhile."""
    taken = turns = 0

    def take() -> Picture:
        nonlocal taken
        taken += 1
        return Picture("1", 100.0, 0.0, ready=True, sessions=taken, ceiling=10, services=())

    def write(picture: Picture) -> Iterator[str]:
        yield from (f"{picture.sessions}" for _ in range(lines))

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def act() -> list[bytes]:
        beside = asyncio.create_task(others())
        writing = Writing(asyncio.get_running_loop(), take)
        got = list(await asyncio.gather(*(writing.of(write) for _ in range(askers))))
        Clock.now += FRESH / 2
        got.append(await writing.of(write))
        Clock.now += FRESH / 2
        got.append(await writing.of(write))
        beside.cancel()
        return got

    with asyncio.Runner(loop_factory=Clock) as runner:
        return runner.run(act()), taken, turns


def test_many_who_look_cost_no_more_than_one() -> None:
    got, taken, _ = play(3, 100)
    assert got == [b"1\n1\n1\n"] * 101 + [b"2\n2\n2\n"]
    assert taken == 2


def test_sessions_have_their_turn_while_a_long_page_is_written() -> None:
    assert play(1000 * TURN, 1)[2] > 2000
    assert play(TURN - 1, 1)[2] < 20


def test_who_goes_away_takes_the_page_from_nobody() -> None:
    def write(_: Picture) -> Iterator[str]:
        yield from ("x" for _ in range(10 * TURN))

    async def act() -> bytes:
        loop = asyncio.get_running_loop()
        writing = Writing(loop, lambda: Picture("1", 0, 0, ready=True, sessions=0, ceiling=1, services=()))
        first, second = (loop.create_task(writing.of(write)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    with asyncio.Runner(loop_factory=Clock) as runner:
        assert len(runner.run(act())) == 20 * TURN
