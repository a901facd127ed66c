"""Whoever serves an errand's wants: which streams take part in it."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

from popover.config import Patience
from popover.protocols.device import Errand, Flush
from popover.session.courier import Courier
from popover.wire.stream import Scratch, Stream

Pair = tuple[Stream, socket.socket]


def play(act: Callable[[Courier, Pair, Pair], Coroutine[Any, Any, None]]) -> None:
    """With two servers."""

    async def main() -> None:
        loop, scratch = asyncio.get_running_loop(), Scratch()
        pairs = []
        for name in ("first", "second"):
            ours, peer = socket.socketpair()
            peer.setblocking(False)
            pairs.append((Stream(loop, ours, scratch, name), peer))
        await act(Courier(loop, Patience()), *pairs)
        for stream, peer in pairs:
            stream.close()
            peer.close()

    asyncio.run(main())


def heard(peer: socket.socket) -> bytes:
    try:
        return peer.recv(100)
    except BlockingIOError:
        return b""


def test_a_server_that_was_lost_takes_no_part_any_more() -> None:
    """A device may send mails all day in one session, and lose its server between each two of them."""

    async def act(courier: Courier, first: Pair, second: Pair) -> None:
        ends = [courier.know(stream) for stream, _ in (first, second)]

        def errand() -> Errand[None]:
            for end in ends:
                end.outbox += b"NOOP\r\n"
            yield Flush()

        await courier.run(errand(), lambda _: None)
        assert heard(first[1]) == b""
        assert heard(second[1]) == b"NOOP\r\n"

    play(act)
