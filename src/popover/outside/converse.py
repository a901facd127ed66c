"""Where a conversation of the dry floor meets the streams of the wet one."""

from __future__ import annotations

from typing import TypeVar

from popover.talk import End, Talk
from popover.wire.stream import Stream

T = TypeVar("T")


async def converse(talk: Talk[T], streams: dict[End, Stream]) -> T:
    """Drive a conversation: serve each want of the dry floor with the streams of the wet one."""
    try:
        while True:
            want = talk.send(None)
            for end, stream in streams.items():
                if end.outbox:
                    stream.write(end.outbox)
                    end.outbox.clear()
            await streams[want.end].more()
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
