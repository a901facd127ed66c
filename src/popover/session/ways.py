"""Where the logins of one open desk lead, and what is remembered of each server behind it."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

from popover.config import Service, Target
from popover.protocols import Memory
from popover.protocols.login import Finder

SERVERS_LIMIT = 256
"""Servers behind one desk that are remembered, those used last. A family has a few, a company or a club some tens; a
provider's table may lead to hundreds, but a memory that is not used within some hundred others' logins was of little
use. One is some KiB, and up to 1.5 MiB if thousands of clients use it (protocols/pop3/memory.py)."""


class Way(NamedTuple):
    """Where a login leads: the desk's service as one that leads to that server, and what is remembered there."""

    service: Service
    memory: Memory


class Ways:
    """Those of one service. `finder`: who knows where a login leads; `remember`: makes a memory of a server."""

    def __init__(self, service: Service, finder: Finder, remember: Callable[[Service], Memory]) -> None:
        self.finder = finder
        self.is_in_force = True  # no reload has taken the service away
        self._service = service
        self._remember = remember
        self._known: OrderedDict[Target, Way] = OrderedDict()

    def to(self, target: Target) -> Way:
        """Find the way to a server."""
        way = self._known.get(target)
        if way is None:
            service = replace(self._service, target=target)
            way = self._known[target] = Way(service, self._remember(service))
            if len(self._known) > SERVERS_LIMIT:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(target)
        return way

    def challenge(self) -> bytes:
        """Make what digests are made of, unique in the world (RFC 1939 section 7, RFC 2195 section 2); empty where
        nobody could compare one.
        """
        if not self.finder.takes_digests:
            return b""
        return b"<%b.%d@popover>" % (os.urandom(8).hex().encode(), time.time())

    @property
    def known(self) -> Iterable[Way]:
        """Those that are remembered."""
        return self._known.values()
