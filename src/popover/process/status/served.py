"""The status page of a gateway whose configuration may ask for one: what it takes is imported then, and not before."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from popover.config import Status
from popover.log import Log
from popover.process.status.figures import Picture
from popover.wire.stream import Scratch


class Subject(Protocol):
    """What is told of: the gateway."""

    scratch: Scratch

    @property
    def is_ready(self) -> bool:
        """Whether new clients are taken."""

    def picture(self) -> Picture:
        """Give all that there is to tell."""


class Server(Protocol):
    """Serves the page; see server.py."""

    def changing(self, status: Status | None) -> AbstractContextManager[list[str]]:
        """Open what is new of `status`; give a line for each of these. With the end of the block it is in force; should
        that fail, all is as it was.
        """

    def by_name(self) -> Iterator[tuple[str, list[socket.socket]]]:
        """Give all listening sockets with what they are called where they are handed over."""

    def close(self) -> None:
        """Answer nobody any more."""


class StatusPage:
    """A `Server`, or none. `inherited`: systemd's sockets by name."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, log: Log, subject: Subject, inherited: dict[str, list[socket.socket]]
    ) -> None:
        self._parts = (loop, log, subject, inherited)
        self._server: Server | None = None

    def changing(self, status: Status | None) -> AbstractContextManager[list[str]]:
        """See `Server`."""
        if self._server is None and status is not None:
            from popover.process.status.server import StatusServer  # noqa: PLC0415 - as said above

            self._server = StatusServer(*self._parts)
        return nullcontext([]) if self._server is None else self._server.changing(status)

    def by_name(self) -> Iterator[tuple[str, list[socket.socket]]]:
        """See `Server`."""
        return iter(()) if self._server is None else self._server.by_name()

    def close(self) -> None:
        """See `Server`."""
        if self._server is not None:
            self._server.close()
