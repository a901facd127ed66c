"""Conversations without a socket: their bytes arrive in whatever pieces the test wants."""

from collections.abc import Iterable
from itertools import pairwise
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st

from popover.talk import End, More, Talk

T = TypeVar("T")

# Hypothesis fails an example that takes over 200 ms; a busy machine is no mistake of ours.
UNTIMED = settings(deadline=None)


def hear(talk: Talk[T], end: End, pieces: Iterable[bytes] = ()) -> T:
    """What a conversation comes to when `end` hears these pieces, one each time it wants more, and then ends."""
    rest = iter(pieces)
    try:
        while True:
            assert next(talk) == More(end)
            assert not end.ended, "it waits for more after the end"
            piece = next(rest, None)
            if piece is None:
                end.ended = True
            else:
                end.inbox += piece
    except StopIteration as done:
        result: T = done.value
        return result


def taken(end: End, straight: bytes | memoryview = b"") -> bytes:
    """What is to be sent to `end`, now taken; `straight`: what goes behind its outbox."""
    words = bytes(end.outbox) + bytes(straight)
    end.outbox.clear()
    return words


def cut(data: bytes, *places: int) -> list[bytes]:
    """The data in pieces, cut at these places."""
    return [data[start:stop] for start, stop in pairwise([0, *sorted(places), len(data)])]


def every_cut(data: bytes) -> list[list[bytes]]:
    """The data whole, in two pieces cut at every place, and in single bytes."""
    return [[data], *(cut(data, place) for place in range(1, len(data))), [bytes([byte]) for byte in data]]


def pieces(data: bytes) -> st.SearchStrategy[list[bytes]]:
    """The data cut at any places."""
    return st.lists(st.integers(0, len(data)), max_size=6).map(lambda places: cut(data, *places))
