"""Connections that threads share."""

from concurrent.futures import ThreadPoolExecutor

from popover.routing.idle import Idle
from popover.routing.threads import THREADS


def test_who_comes_first_has_it_and_the_next_has_none() -> None:
    idle: Idle[str] = Idle()
    assert idle.take() is None
    assert idle.keep("one")
    assert idle.take() == "one"
    assert idle.take() is None


def test_no_more_are_kept_than_there_are_threads_and_none_behind_the_end() -> None:
    idle: Idle[int] = Idle()
    assert [idle.keep(number) for number in range(THREADS + 1)] == [True] * THREADS + [False]
    assert idle.close() == list(range(THREADS))
    assert idle.take() is None
    assert not idle.keep(9)


def test_no_two_threads_ever_have_the_same() -> None:
    idle: Idle[list[int]] = Idle()
    for _ in range(THREADS):
        idle.keep([0])

    def use(_: int) -> bool:
        mine = idle.take()
        if mine is None:
            return True
        mine[0] += 1
        was_alone = mine[0] == 1
        mine[0] -= 1
        return idle.keep(mine) and was_alone

    with ThreadPoolExecutor(4 * THREADS) as threads:
        assert all(threads.map(use, range(20_000)))
    assert len(idle.close()) == THREADS
