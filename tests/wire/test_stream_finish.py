"""How a stream that has said its last word is waited for."""

import asyncio
import contextlib
import socket

import pytest

from popover.wire.finish import finish
from popover.wire.stream import Scratch, Stream

PATIENCE = 30.0  # seconds, only for a test never to hang


def test_stream_whose_end_is_not_waited_for_any_longer_is_closed() -> None:
    """A refused client that does not go keeps no descriptor when the gateway is told to stop."""

    async def main() -> None:
        ours, peer = socket.socketpair()
        with peer:
            stream = Stream(asyncio.get_running_loop(), ours, Scratch(), "client")
            stream.write(b"-ERR go away\r\n")
            waiting = asyncio.create_task(finish(stream, PATIENCE))
            await asyncio.sleep(0)
            waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await waiting
            assert waiting.cancelled()
            assert ours.fileno() < 0

    asyncio.run(main())


@pytest.mark.parametrize("grace", [0.0, PATIENCE])
def test_peer_that_goes_or_does_not_ends_the_wait(grace: float) -> None:
    async def main() -> None:
        ours, peer = socket.socketpair()
        with peer:
            stream = Stream(asyncio.get_running_loop(), ours, Scratch(), "client")
            stream.write(b"+OK bye\r\n")
            if grace:
                peer.shutdown(socket.SHUT_WR)
            await finish(stream, grace)
            assert ours.fileno() < 0
            assert peer.recv(100) == b"+OK bye\r\n"
            assert peer.recv(100) == b""

    asyncio.run(main())
