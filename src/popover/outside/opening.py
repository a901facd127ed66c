"""From a dialled connection to a server that has greeted: what sessions and spare connections have in common."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from popover.config import Target
from popover.errors import ServerFailure
from popover.outside.dial import Dialled
from popover.outside.reasons import explain_ending
from popover.protocols import DIALECTS, Greeting
from popover.talk import End, More, Talk, Want
from popover.wire.stream import Stream

T = TypeVar("T")


async def converse(talk: Talk[T], streams: dict[End, Stream]) -> T:
    """Drive a conversation: serve each want of the dry floor with the streams of the wet one."""
    want: Want | None = None
    try:
        while True:
            want = talk.send(None)
            for end, stream in streams.items():
                if end.outbox:
                    stream.write(end.outbox)
                    end.outbox.clear()
            if isinstance(want, More):
                await streams[want.end].more()
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]


async def open_up(target: Target, dialled: Dialled) -> Greeting:
    """Read the server's greeting; what came behind it stays in the inbox. Raises ServerFailure."""
    stream = dialled.stream
    try:
        async with asyncio.timeout(target.greeting_timeout):
            greeting: Greeting = await converse(
                DIALECTS[target.server.dialect].open_up(stream.end), {stream.end: stream}
            )
    except TimeoutError:
        raise ServerFailure(
            f"{target.server.host} did not greet within {target.greeting_timeout:g} seconds (timeout)",
            f"is it {target.server} that answers there? it may be overloaded",
        ) from None
    except ServerFailure:
        if stream.ending is not None and stream.ending.kind != "closed":
            raise explain_ending(stream.ending, target.server.host) from None
        raise
    dialled.verifier.keep(target.server.host, target.server.port, dialled.tls)
    return greeting
