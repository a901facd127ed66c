"""A stream whose engine has more to do than one turn allows, or more to answer than the peer takes."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from popover.wire.engine import Ending, Sealed
from popover.wire.outgoing import ANSWERS
from popover.wire.stream import CHUNK, Scratch, Stream
from popover.wire.turns import AT_MOST

PATIENCE = 30.0
ANSWER = 4096


class FakeEngine:
    """Passes on what comes. `turns`: how often it says that it has not looked at all; `answers`: octets that it has to
    say itself at each pull.
    """

    held = 0
    version = cipher = "none"
    alpn = ticket = None
    resumed = False
    certificate = b""

    def __init__(self, answers: int = 0) -> None:
        self.waiting = False
        self.turns = 0
        self.pulls = 0
        self._answers = answers
        self._answer = b""

    def shake(self, sealed: Sealed) -> bool:  # noqa: ARG002
        return True

    def pull(self, into: memoryview, sealed: Sealed) -> tuple[int, Ending | None]:
        self.pulls += 1
        self._answer = bytes(self._answers)
        self.waiting = self.turns > 0
        if self.waiting:
            self.turns -= 1
            time.sleep(AT_MOST)
        if sealed is None:
            return 0, Ending("closed")
        into[: len(sealed)] = sealed
        return len(sealed), None

    def push(self, data: bytes | bytearray | memoryview) -> bytes:
        return bytes(data)

    def answer(self) -> bytes:
        answer, self._answer = self._answer, b""
        return answer

    def bye(self) -> bytes:
        return b""


Act = Callable[[Stream, FakeEngine, socket.socket], Coroutine[Any, Any, None]]


def play(engine: FakeEngine, act: Act) -> None:
    """With a stream that has this engine, and its peer's socket."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            peer, ours = socket.create_connection(listener.getsockname()), listener.accept()[0]
        peer.setblocking(False)
        for sock in (peer, ours):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        stream = Stream(loop, ours, Scratch(), "server")
        with contextlib.closing(stream), peer:
            async with asyncio.timeout(PATIENCE):
                await stream.secure(engine)
                await act(stream, engine, peer)

    asyncio.run(main())


async def until(true: Callable[[], object]) -> None:
    while not true():  # noqa: ASYNC110 - what the stream does by itself is waited for
        await asyncio.sleep(0)


async def flood(peer: socket.socket, stream: Stream) -> int:
    """Send until nobody takes any more; the most that waited for the peer meanwhile."""
    most = quiet = 0
    while quiet < 50:
        try:
            peer.send(bytes(CHUNK))
            quiet = 0
        except BlockingIOError:
            quiet += 1
        await asyncio.sleep(0.001)
        most = max(most, stream.backlog)
    return most


def test_peer_that_takes_no_answers_is_not_listened_to_and_memory_is_bounded() -> None:
    heard = bytearray()

    async def act(stream: Stream, engine: FakeEngine, peer: socket.socket) -> None:
        stream.on_data = heard.extend
        stream.resume()
        assert ANSWERS < await flood(peer, stream) <= ANSWERS + ANSWER
        pulls = engine.pulls
        await asyncio.sleep(0.05)
        assert engine.pulls == pulls
        moved_at = stream.moved_at
        while stream.backlog:  # it takes them after all
            with contextlib.suppress(BlockingIOError):
                peer.recv(CHUNK)
            await asyncio.sleep(0)
        assert stream.moved_at > moved_at  # so a stall is told from this
        before = len(heard)
        while len(heard) == before:
            with contextlib.suppress(BlockingIOError):
                peer.recv(CHUNK)
            await asyncio.sleep(0)

    play(FakeEngine(ANSWER), act)


def test_what_we_say_ourselves_does_not_count_as_an_answer() -> None:
    """A client that sends much to a slow server must still be told what the server says meanwhile."""
    heard = bytearray()

    async def act(stream: Stream, _engine: FakeEngine, peer: socket.socket) -> None:
        stream.on_data = heard.extend
        stream.resume()
        while stream.backlog < 2 * ANSWERS:
            stream.write(bytes(ANSWERS))
        peer.send(b"-ERR too much\r\n")
        await until(lambda: heard == b"-ERR too much\r\n")

    play(FakeEngine(), act)


def test_engine_that_needs_several_turns_lets_others_have_theirs() -> None:
    order: list[str] = []

    async def act(stream: Stream, engine: FakeEngine, peer: socket.socket) -> None:
        stream.on_data = lambda data: order.append(bytes(data).decode())
        loop = asyncio.get_running_loop()

        def another() -> None:
            order.append("another")
            if engine.waiting or not order.count("x"):
                loop.call_soon(another)

        engine.turns = 3
        stream.resume()
        peer.send(b"x")
        loop.call_soon(another)
        while engine.pulls < 4:
            seen, pulls = len(order), engine.pulls
            await asyncio.sleep(0)
            assert engine.pulls - pulls <= 1
            assert len(order) > seen
        peer.send(b"y")
        await until(lambda: order[-1] == "y")

    play(FakeEngine(), act)


@pytest.mark.parametrize("closes", [False, True])
def test_paused_stream_takes_no_turns_and_a_closed_one_never_again(closes: bool) -> None:
    async def act(stream: Stream, engine: FakeEngine, peer: socket.socket) -> None:
        stream.on_data = lambda _: stream.close() if closes else stream.pause()
        engine.turns = 3
        stream.resume()
        peer.send(b"x")
        await until(lambda: engine.pulls)
        for _ in range(20):
            await asyncio.sleep(0)
        assert engine.pulls == 1
        if not closes:
            stream.on_data = lambda _: None
            stream.resume()
            await until(lambda: engine.pulls == 4)

    play(FakeEngine(), act)


@pytest.mark.parametrize("has_tls", [False, True])
def test_who_fetches_as_fast_as_it_can_lets_a_small_session_speak_in_between(has_tls: bool) -> None:
    async def main() -> list[str]:
        heard: list[str] = []
        loop, scratch, over = asyncio.get_running_loop(), Scratch(), asyncio.Event()
        with contextlib.ExitStack() as stack:

            async def begin(name: str, octets: int) -> socket.socket:
                far, near = socket.socketpair()
                near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * CHUNK)
                far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * CHUNK)
                far.setblocking(False)
                stack.enter_context(far)
                stream = stack.enter_context(contextlib.closing(Stream(loop, near, scratch, name)))
                if has_tls:
                    await stream.secure(FakeEngine())

                def on_data(_data: memoryview) -> None:
                    heard.append(name)
                    if name == "small":
                        over.set()
                    elif len(heard) == 1:
                        small.send(b"QUIT\r\n")
                    time.sleep(AT_MOST)

                stream.on_data = on_data
                assert far.send(bytes(octets)) == octets
                stream.resume()
                return far

            small = await begin("small", 0)
            for _ in range(5):
                await begin("large", 3 * CHUNK)
            async with asyncio.timeout(PATIENCE):
                await over.wait()
        return heard

    assert asyncio.run(main()).index("small") == 5  # and not behind the second piece of all others


def test_a_buffer_that_was_filled_to_the_last_octet_and_no_more_loses_nothing() -> None:
    async def main() -> int:
        loop, got = asyncio.get_running_loop(), bytearray()
        far, near = socket.socketpair()
        near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * CHUNK)
        far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * CHUNK)
        stream = Stream(loop, near, Scratch(), "server")
        with far, contextlib.closing(stream):
            ended = loop.create_future()
            stream.on_data, stream.on_end = got.extend, ended.set_result
            stream.resume()
            for _ in range(3):
                far.sendall(bytes(CHUNK))
                for _ in range(9):  # its turn comes, and there is nothing
                    await asyncio.sleep(0)
            far.shutdown(socket.SHUT_WR)
            async with asyncio.timeout(PATIENCE):
                await ended
        return len(got)

    assert asyncio.run(main()) == 3 * CHUNK
