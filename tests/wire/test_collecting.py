"""Who listens to a stream when nobody else does."""

import asyncio
import gc
import socket
from collections.abc import Callable, Coroutine

import pytest

from popover.talk import End
from popover.wire.collecting import Collecting
from popover.wire.engine import Ending
from popover.wire.scratch import CHUNK, Scratch
from popover.wire.stream import Stream

Act = Callable[[Collecting, End, list[str]], Coroutine[None, None, None]]


def play(act: Act) -> None:
    """`stops`: how often the stream was to read no more."""

    async def main() -> None:
        end, stops = End("server"), list[str]()
        collecting = Collecting(asyncio.get_running_loop(), end, lambda: stops.append("stop"))
        async with asyncio.timeout(30):
            await act(collecting, end, stops)

    asyncio.run(main())


@pytest.mark.parametrize("what", ["octets", "end", "closed"])
def test_who_waits_is_woken(what: str) -> None:
    async def act(collecting: Collecting, end: End, _stops: list[str]) -> None:
        waits = asyncio.create_task(collecting.more())
        await asyncio.sleep(0)
        assert not waits.done()
        if what == "octets":
            collecting.hear(memoryview(b"+OK"))
            collecting.hear(memoryview(b" ready\r\n"))  # before he was awake
        elif what == "end":
            collecting.hear_end(Ending("closed"))
        else:
            collecting.let_go()
        await waits
        assert bytes(end.inbox) == (b"+OK ready\r\n" if what == "octets" else b"")
        assert end.ended == (what == "end")

    play(act)


def test_what_comes_while_nobody_waits_is_there() -> None:
    async def act(collecting: Collecting, end: End, stops: list[str]) -> None:
        collecting.hear(memoryview(b"+OK"))
        collecting.hear_end(Ending("closed"))
        assert (bytes(end.inbox), end.ended, stops) == (b"+OK", True, [])

    play(act)


def test_a_stream_is_stopped_once_as_much_is_there_as_one_read_brings() -> None:
    async def act(collecting: Collecting, end: End, stops: list[str]) -> None:
        collecting.hear(memoryview(bytes(CHUNK - 1)))
        assert not stops
        collecting.hear(memoryview(b"x"))
        assert stops == ["stop"]
        collecting.let_go()
        collecting.hear(memoryview(b"x"))  # it is known no more
        assert (len(end.inbox), stops) == (CHUNK + 1, ["stop"])

    play(act)


def test_who_is_cancelled_while_he_waits_leaves_nobody_to_be_woken() -> None:
    async def act(collecting: Collecting, end: End, _stops: list[str]) -> None:
        waits = asyncio.create_task(collecting.more())
        await asyncio.sleep(0)
        waits.cancel()
        await asyncio.gather(waits, return_exceptions=True)
        collecting.hear(memoryview(b"+OK"))
        assert bytes(end.inbox) == b"+OK"

    play(act)


def test_a_stream_that_was_closed_is_freed_without_the_garbage_collector() -> None:
    async def main() -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            stream = Stream(asyncio.get_running_loop(), ours, Scratch(), "server")
            gc.collect()
            stream.close()
            del stream
            assert gc.collect() == 0

    asyncio.run(main())
