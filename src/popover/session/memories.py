"""What the services' sessions remember, by service; and what of it is kept over a restart."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from popover.config import Service
from popover.protocols import DIALECTS, Memory
from popover.protocols.login import Finder
from popover.session.modes import get_ready
from popover.session.ways import Ways

Harm = dict[str, dict[str, float]]
"""By server, as it is written in a file: what it has failed in, and when (seconds since 1970)."""


class Memories:
    """One memory per service in `load`, or one per server behind it where its desk is open (`Ways`). `on_harm`: called
    when there is more harm to keep.
    """

    def __init__(self, on_harm: Callable[[], None] = lambda: None) -> None:
        self._on_harm = on_harm
        self._known: dict[Service, Memory | Ways] = {}
        self._before: dict[Service, Memory | Ways] = {}  # for who was let in before the last load, and has not begun
        self._harm: Harm = {}
        self._finder: Callable[[Service], Finder] | None = None

    def recall(self, harm: Mapping[str, Mapping[str, float]]) -> None:
        """Know again what `harm` gave once; for the services that are loaded from now on."""
        self._harm = {server: dict(known) for server, known in harm.items()}

    def load(self, services: Iterable[Service], finder: Callable[[Service], Finder]) -> None:
        """Know these services. What sessions of one that stays have learned stays; for others nothing is kept.
        `finder`: who knows where the logins of one lead whose desk is open.
        """
        self._harm, self._finder = self.harm(), finder
        before = self._before = self._known
        self._known = {service: before.get(service) or self._new(service, finder) for service in services}
        for service in self._known:
            get_ready(service)
        for service, known in (before | self._known).items():
            if isinstance(known, Ways):
                known.is_in_force = service in self._known
                if known.is_in_force:
                    known.finder = finder(service)

    def _new(self, service: Service, finder: Callable[[Service], Finder]) -> Memory | Ways:
        return Ways(service, finder(service), self._remember) if service.desk.is_open else self._remember(service)

    def _remember(self, service: Service) -> Memory:
        memory = DIALECTS[service.dialect].memory()
        memory.recall(self._harm.get(str(service.server), {}), time.time())
        memory.on_harm = self._on_harm
        return memory

    def of(self, service: Service) -> Memory | Ways:
        """Find a service's. A session from before a reload, or from before two, may have a service that is no more."""
        return self._known.get(service) or self._before.get(service) or self._of_gone(service)

    def _of_gone(self, service: Service) -> Memory | Ways:
        if self._finder is None:
            return self._remember(service)
        found = self._new(service, self._finder)
        if isinstance(found, Ways):
            found.is_in_force = False
        return found

    def harm(self) -> Harm:
        """All that servers have failed in."""
        found = dict(self._harm)
        for service, memory in self._each():
            if harm := memory.harm():
                found[str(service.server)] = found.get(str(service.server), {}) | harm
        return found

    def _each(self) -> Iterator[tuple[Service, Memory]]:
        for service, known in self._known.items():
            if isinstance(known, Ways):
                yield from known.known
            else:
                yield service, known
