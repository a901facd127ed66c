"""The queue of one gateway, put together: what devices' sessions ask of it, and the task that sends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path

from popover.config import Service
from popover.errors import OurFailure, SignInFailure
from popover.log import Log
from popover.outside.dial import Dialler
from popover.process.queue.keeping import Keeping
from popover.process.queue.kept import Kept
from popover.process.queue.opened import FOLDER
from popover.process.queue.rounds import Rounds
from popover.process.queue.sender import Sender, Way
from popover.process.queue.store import Store
from popover.process.status.figures import Mails
from popover.protocols.login import Route, Unsure, Visit
from popover.session.ways import Ways


class Post:
    """See above. `state`: the directory of what is kept over a restart; None: there is none, and no queue either.
    `ways`: where a service's logins lead.
    """

    def __init__(self, dialler: Dialler, log: Log, state: Path | None, ways: Callable[[Service], object]) -> None:
        self._log = log
        self._ways = ways
        self._services: tuple[Service, ...] = ()
        self._task: asyncio.Task[None] | None = None
        self.store = store = None if state is None else Store(state / FOLDER)
        if store is not None:
            self._rounds = Rounds(store, Sender(dialler, store, self._find).send, log)
            self._keeping = Keeping(store, log, self._rounds)

    def load(self, services: Iterable[Service]) -> None:
        """Know these services, and see to what waits for their accounts."""
        self._services = tuple(service for service in services if service.desk.device)
        wanted = [service for service in self._services if service.rules.queue != "off"]
        if self.store is None:
            for service in wanted:
                self._log.event(
                    "warning",
                    "queue",
                    "no mail can be kept: give popover a StateDirectory=, or set STATE_DIRECTORY",
                    service=service.name,
                )
        elif (wanted or self.store.folder.exists()) and self._task is None:  # what waits is somebody's, service or not
            self._task = asyncio.get_running_loop().create_task(self._rounds.run())

    def mails(self) -> Mails | None:
        """Say how many are kept; None where none ever are."""
        if self.store is None or self._task is None:
            return None
        with contextlib.suppress(OSError):
            return Mails(*self.store.count())
        return None

    def keeper(self, service: Service) -> Keeping | None:
        """Say who keeps mails for a service."""
        return self._keeping if service.rules.queue != "off" and self.store is not None else None

    async def _find(self, kept: Kept) -> Way:
        """Find the way of an account. Raises Failure."""
        service = self._service_of(kept)
        ways = self._ways(service)
        if not isinstance(ways, Ways):
            raise OurFailure(f"the service {service.name} has no account any more")
        visit = Visit(None, service.dialect, service.name, "", accounts=service.desk.accounts)
        found = await ways.finder.find(visit)
        if isinstance(found, Unsure):
            raise SignInFailure(found.cause, found.remedy, needs_person=found.needs_person)
        if not isinstance(found, Route):
            raise OurFailure(f"the account {kept.account} is not known any more", found.why)
        return Way(found, ways.to(found.targets[0]).service.target, service.patience)

    def _service_of(self, kept: Kept) -> Service:
        """Find the service it came by, or another that sends as the same account. Raises Failure."""
        fitting = [service for service in self._services if service.desk.accounts == (kept.account,)]
        for service in fitting:
            if service.name == kept.envelope.service:
                return service
        if fitting:
            return fitting[0]
        raise OurFailure(
            f"no service sends as {kept.account} any more",
            f'write a [[service]] with device = true and accounts = ["{kept.account}"], or: popover queue drop',
        )

    def stop(self) -> None:
        """Begin no more attempts."""
        if self._task is not None:
            self._rounds.stop()
            self._task.cancel()

    async def stopped(self) -> None:
        """Wait until no attempt is under way."""
        if self.store is not None:
            await self._rounds.settled()

    def cut(self) -> None:
        """Give up what is under way; the mails stay."""
        self.stop()
        if self.store is not None:
            self._rounds.cut()
