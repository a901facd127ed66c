"""Addresses to listen on that this machine does not have yet: after a power cut, DHCP may be slower than we are."""

from __future__ import annotations

import asyncio

from popover.config import Address, Config
from popover.inside.listen import is_here
from popover.log import Log

PAUSE = 5.0
"""Seconds between two looks. Clients get through without them; they are for the log alone."""


class Awaited:
    """Says in the log which addresses are missing, and when they have come."""

    def __init__(self, loop: asyncio.AbstractEventLoop, log: Log) -> None:
        self._loop = loop
        self._log = log
        self._missing: list[str] = []
        self._timer: asyncio.TimerHandle | None = None

    def look(self, config: Config) -> None:
        """Look at all of a configuration's addresses, which are listened on."""
        wanted = [at.host for at in config.listeners if isinstance(at, Address)]
        self._missing = [host for host in dict.fromkeys(wanted) if not is_here(host)]
        for host in self._missing:
            text = (
                f"{host} is not an address of this machine (`ip address` lists them): popover listens for when it comes"
            )
            self._log.event("warning", "awaited", text, address=host)
        self._wait()

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(PAUSE, self._look_again) if self._missing else None

    def _look_again(self) -> None:
        for host in [host for host in self._missing if is_here(host)]:
            self._missing.remove(host)
            self._log.event("notice", "arrived", f"{host} is an address of this machine now", address=host)
        self._wait()
