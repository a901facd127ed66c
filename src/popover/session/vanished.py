"""A client is waited with: while somebody works for it and nobody listens, its end is still seen."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from popover.session.waiting import has_vanished
from popover.wire.engine import Ending
from popover.wire.stream import Stream


class Vanished(Exception):  # noqa: N818 - it names what has happened
    """The client is gone for good. `kind`: how its connection ended."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


@contextmanager
def unless_vanished(client: Stream) -> Iterator[None]:
    """Cancel what is awaited inside once the client has vanished, and raise Vanished. One that has only ended its side
    still wants its answers. What it says meanwhile stands in its inbox.
    """
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a session is one
    gone: list[Ending] = []

    def ended(ending: Ending) -> None:
        client.end.ended = True
        if has_vanished(ending):
            gone.append(ending)
            task.cancel()

    client.collect()
    client.on_end = ended
    client.resume()
    try:
        if client.ending is not None and has_vanished(client.ending):
            raise Vanished(client.ending.kind)
        yield
    except asyncio.CancelledError:
        if gone and task.uncancel() == 0:
            raise Vanished(gone[0].kind) from None
        raise
    finally:
        client.collect()
