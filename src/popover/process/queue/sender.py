"""One attempt to send a kept mail: by the way of its account, on a connection of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from popover.config import Patience, Target
from popover.errors import ServerFailure
from popover.outside.dial import Dialler
from popover.outside.opening import open_up
from popover.outside.spare import Opened
from popover.process.queue.kept import Kept
from popover.process.queue.store import Store
from popover.protocols import for_devices
from popover.protocols.device import Delivery
from popover.protocols.login import Route
from popover.session.arrival import log_in
from popover.session.courier import Courier


class Way(NamedTuple):
    """Where an account's mails go, and how long is waited there."""

    route: Route
    target: Target
    patience: Patience


class Sender:
    """Makes attempts. `find`: gives the way of a kept mail; raises Failure."""

    def __init__(self, dialler: Dialler, store: Store, find: Callable[[Kept], Awaitable[Way]]) -> None:
        self._dialler = dialler
        self._store = store
        self._room = for_devices()
        self._find = find

    async def send(self, kept: Kept) -> Delivery:
        """Make one. Raises Failure where there is no server to be had."""
        way = await self._find(kept)
        dialled = await self._dialler.dial(way.target)
        stream = dialled.stream
        try:
            greeting = await open_up(way.target, dialled)
            words = greeting.words + bytes(stream.end.inbox)
            if not greeting.welcome:
                raise ServerFailure(f"{way.target.server.host} refused: {words.decode('utf-8', 'replace').strip()}")
            stream.end.inbox.clear()
            await log_in(way.route, way.target, Opened(dialled, words), way.patience.login_timeout)
            courier = Courier(asyncio.get_running_loop(), way.patience)
            server = courier.know(stream)
            return await courier.run(
                self._room.deliver(server, kept.envelope, self._store.octets(kept)), lambda _want: None
            )
        except OSError as fault:  # of this mail alone: it must not hold the others up
            why = f"the mail cannot be read: {self._store.folder}: {fault.strerror}"
            return Delivery(later=kept.envelope.recipients, words=why)
        finally:
            stream.leave()
