"""Serves the wants of an errand (protocols/device.py): the talk with a device, or a kept mail's with its server.

Time is counted for each want by itself. A server that takes too long is as good as lost, and the errand goes on without
it; a device that does is let go (`Silent`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from popover.config import Patience
from popover.errors import Misdialled
from popover.inside.guard import mistaken_for
from popover.protocols.device import Errand, Flush, Wait, Want
from popover.session.first_words import FIRST_WORDS
from popover.session.waiting import MAIL_WAIT
from popover.talk import End, More
from popover.wire.scratch import CHUNK
from popover.wire.stream import Stream

T = TypeVar("T")

LOOK = 1.0
"""Seconds between two looks at a stream that takes nothing: it may have ended meanwhile."""


class Silent(Exception):  # noqa: N818 - it names what has happened
    """The device has said nothing, or taken nothing, for too long. `end`: how the log names that."""

    def __init__(self, end: str) -> None:
        super().__init__(end)
        self.end = end


class Courier:
    """One errand's. `client`: the device, if one is there; `tls`: what there is of it with us. `bytes_in`, `bytes_out`:
    octets from and to it.

    Whoever makes it says by `know` which server there is.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, patience: Patience, client: Stream | None = None) -> None:
        self.bytes_in = self.bytes_out = 0
        self.waits_for: Callable[[], Wait] = lambda: Wait.VERDICT
        self.tls = "off"
        self._loop = loop
        self._patience = patience
        self._client = client
        self._streams: dict[End, Stream] = {} if client is None else {client.end: client}
        self._since = loop.time()
        self._is_known = False  # the device has said a line, and that was a mail client's

    def know(self, server: Stream) -> End:
        """Let a server's stream take part from now on, and none that was there before; give its end."""
        server.collect()
        self._streams = {end: stream for end, stream in self._streams.items() if stream is self._client}
        self._streams[server.end] = server
        return server.end

    async def run(self, errand: Errand[T], serve: Callable[[Want], object]) -> T:
        """Run it to its end. Raises Silent, Misdialled, and what `serve` raises, which is awaited if it gives a
        coroutine.
        """
        try:
            while True:
                want = errand.send(None)
                await self._flush()
                if isinstance(want, More):
                    await self._more(want.end)
                elif not isinstance(want, Flush):
                    doing = serve(want)
                    if asyncio.iscoroutine(doing):
                        await doing
        except StopIteration as done:
            await self._flush()
            result: T = done.value
            return result
        finally:
            errand.close()

    # -- writing ---------------------------------------------------------------------------------

    async def _flush(self) -> None:
        """Send what stands in the outboxes, and wait while one side has too much of it before it."""
        for end, stream in self._streams.items():
            if end.outbox:
                self.bytes_out += len(end.outbox) if stream is self._client else 0
                stream.write(end.outbox)
                end.outbox.clear()
        for stream in self._streams.values():
            if stream.backlog > CHUNK:
                await self._drain(stream)

    async def _drain(self, stream: Stream) -> None:
        drained = asyncio.Event()
        stream.on_drain = drained.set
        while stream.backlog and stream.ending is None:
            if self._loop.time() - stream.moved_at > self._patience.stall_timeout:
                if stream is self._client:
                    raise Silent("client stalled")
                self._lose(stream)
                return
            try:
                async with asyncio.timeout(LOOK):
                    await drained.wait()
            except TimeoutError:
                pass

    def _lose(self, stream: Stream) -> None:
        """The server is as good as gone; it must not take what it has got for the whole."""
        stream.end.ended = True
        stream.reset()

    # -- reading ---------------------------------------------------------------------------------

    async def _more(self, end: End) -> None:
        stream = self._streams[end]
        before = len(end.inbox)
        try:
            async with asyncio.timeout(self._seconds(end)):
                await stream.more()
        except TimeoutError:
            if stream is self._client:
                raise Silent("idle timeout" if self._is_known else "login timeout") from None
            self._lose(stream)
        if stream is self._client:
            self.bytes_in += len(end.inbox) - before
            self._look(end)

    def _look(self, end: End) -> None:
        if not self._is_known:
            if mistake := mistaken_for(bytes(end.inbox[:FIRST_WORDS]), self.tls):
                raise Misdialled(*mistake)
            self._is_known = b"\n" in end.inbox

    def _seconds(self, end: End) -> float:
        """How long is waited for whom: RFC 5321 section 4.5.3.2 gives a server 5 minutes for a command, 10 for a mail,
        and a client 3 minutes for the next piece of one.
        """
        patience, wait = self._patience, self.waits_for()
        if self._client is None or end is not self._client.end:
            return MAIL_WAIT if wait is Wait.VERDICT else patience.stall_timeout
        if wait is not Wait.COMMAND:
            return patience.stall_timeout
        left = patience.login_timeout - (
            self._loop.time() - self._since
        )  # over the whole of its first line, in drips too
        return patience.idle_timeout if self._is_known else max(left, 0.0)
