"""A first look at the servers' names, at the start and after a reload: what does not exist is told at once, and not
only to the first client that comes. It is no reason not to serve: at boot, the network may come later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from popover.config import Config, Server, Target
from popover.errors import NameFailure
from popover.log import Log
from popover.outside.reasons import Step

LookUp = Callable[[Server], Awaitable[object]]


class FirstLook:
    """Looks names up, one after the other: thousands of services shall not ask for a thousand threads."""

    def __init__(self, log: Log, look_up: LookUp) -> None:
        self._log = log
        self._look_up = look_up
        self._task: asyncio.Task[None] | None = None

    def begin(self, config: Config) -> None:
        """Look at those to which this leads, and no more at those before."""
        if self._task is not None:
            self._task.cancel()
        named = [(one.name, target) for one in config.services for target in config.targets_of(one)]
        servers = {target.server.host: (service, target) for service, target in named}
        self._task = asyncio.get_running_loop().create_task(self._look(servers.values()))

    async def _look(self, named: Iterable[tuple[str, Target]]) -> None:
        for service, target in named:
            seconds = target.connect_timeout
            try:
                async with asyncio.timeout(seconds):
                    await self._look_up(target.server)
            except NameFailure as failure:
                self._tell(service, failure.cause, failure.remedy)
            except TimeoutError:
                failed = Step().too_slow(target.server, seconds)
                self._tell(service, failed.cause, failed.remedy)

    def _tell(self, service: str, cause: str, remedy: str) -> None:
        text = f"{cause}: {remedy}" if remedy else cause
        self._log.event("warning", "no address", text, service=service, cause=cause, remedy=remedy)
