"""A client is waited with: while somebody works for it and nobody listens, its end is still seen."""

from __future__ import annotations

import asyncio
from types import TracebackType

from popover.session.waiting import has_vanished
from popover.wire.engine import Ending
from popover.wire.stream import Stream


class Vanished(Exception):  # noqa: N818 - it names what has happened
    """The client is gone for good. `kind`: how its connection ended."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class UnlessVanished:
    """A block whose work is cancelled once the client has vanished: then it raises Vanished. One that has only ended
    its side still wants its answers. What it says meanwhile stands in its inbox.
    """

    __slots__ = ("_client", "_gone", "_task")

    def __init__(self, client: Stream) -> None:
        self._client = client
        self._gone: Ending | None = None
        self._task: asyncio.Task[object] | None = None

    def __enter__(self) -> None:
        client = self._client
        if client.ending is not None and has_vanished(client.ending):
            raise Vanished(client.ending.kind)
        self._task = asyncio.current_task()
        client.collect()
        client.on_end = self._ended
        client.resume()

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._client.collect()
        if self._gone is None or self._task is None or not isinstance(error, asyncio.CancelledError):
            return
        if self._task.uncancel() == 0:
            raise Vanished(self._gone.kind) from None

    def _ended(self, ending: Ending) -> None:
        self._client.end.ended = True
        if has_vanished(ending) and self._task is not None:
            self._gone = ending
            self._task.cancel()
