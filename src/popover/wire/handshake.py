"""A TLS handshake that is under way on a stream."""

from __future__ import annotations

import asyncio

from popover.wire.engine import Engine, Sealed, TLSError


class Handshake:
    """One. Whoever makes it lets it `go_on` with what comes, and waits for its end."""

    __slots__ = ("_done", "_engine")

    def __init__(self, loop: asyncio.AbstractEventLoop, engine: Engine) -> None:
        self._engine = engine
        self._done: asyncio.Future[None] = loop.create_future()

    @property
    def is_over(self) -> bool:
        """Whether TLS stands, or will not."""
        return self._done.done()

    def go_on(self, sealed: Sealed) -> bytes:
        """Go on as far as the bytes that have come allow. Gives our flight, or the alert that tells why not."""
        try:
            if self._engine.shake(sealed):
                self._done.set_result(None)
        except TLSError as fault:
            self._done.set_exception(fault)
        return self._engine.answer()

    def fail(self, fault: OSError) -> None:
        """The connection is gone, or was never made."""
        if not self._done.done():
            self._done.set_exception(fault)

    async def end(self) -> None:
        """Wait until TLS stands. Raises TLSError, or another OSError."""
        await self._done
