"""The queue of a gateway that may have one: what it takes is imported for the first device, or for mails that wait from
before, and not for a gateway that has neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from popover.config import Service
from popover.log import Log
from popover.outside.dial import Dialler
from popover.process.status.figures import Mails
from popover.protocols.device import Keeper

FOLDER = "queue"
"""Where the mails lie, in the directory of what is kept over a restart."""


class Post(Protocol):
    """Keeps and sends; see post.py."""

    def load(self, services: Iterable[Service]) -> None:
        """Know these services, and see to what waits for their accounts."""

    def mails(self) -> Mails | None:
        """Say how many are kept; None where none ever are."""

    def keeper(self, service: Service) -> Keeper | None:
        """Say who keeps mails for a service."""

    def stop(self) -> None:
        """Begin no more attempts."""

    async def stopped(self) -> None:
        """Wait until no attempt is under way."""

    def cut(self) -> None:
        """Give up what is under way; the mails stay."""


class PostOffice:
    """A `Post`, or none. `state`: the directory of what is kept over a restart; None: there is none, and no queue
    either. `ways`: where a service's logins lead.
    """

    def __init__(self, dialler: Dialler, log: Log, state: Path | None, ways: Callable[[Service], object]) -> None:
        self._parts = (dialler, log, state, ways)
        self._folder = None if state is None else state / FOLDER
        self._post: Post | None = None

    def load(self, services: Iterable[Service]) -> None:
        """See `Post`."""
        known = list(services)
        if self._post is None and self._is_wanted(known):
            from popover.process.queue import post  # noqa: PLC0415 - as said above

            self._post = post.Post(*self._parts)
        if self._post is not None:
            self._post.load(known)

    def _is_wanted(self, services: Iterable[Service]) -> bool:
        waits = self._folder is not None and self._folder.exists()  # it is somebody's, service or not
        return waits or any(service.desk.device for service in services)

    def mails(self) -> Mails | None:
        """See `Post`."""
        return None if self._post is None else self._post.mails()

    def keeper(self, service: Service) -> Keeper | None:
        """See `Post`."""
        return None if self._post is None else self._post.keeper(service)

    def stop(self) -> None:
        """See `Post`."""
        if self._post is not None:
            self._post.stop()

    async def stopped(self) -> None:
        """See `Post`."""
        if self._post is not None:
            await self._post.stopped()

    def cut(self) -> None:
        """See `Post`."""
        if self._post is not None:
            self._post.cut()
