"""What the services' sessions remember, by service; and what of it is kept over a restart."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from popover.config import Service
from popover.protocols import DIALECTS, Memory

Harm = dict[str, dict[str, float]]
"""By server, as it is written in a file: what it has failed in, and when (seconds since 1970)."""


class Memories:
    """One memory per service in `load`. `on_harm`: called when there is more harm to keep."""

    def __init__(self, on_harm: Callable[[], None] = lambda: None) -> None:
        self._on_harm = on_harm
        self._known: dict[Service, Memory] = {}
        self._harm: Harm = {}

    def recall(self, harm: Mapping[str, Mapping[str, float]]) -> None:
        """Know again what `harm` gave once; for the services that are loaded from now on."""
        self._harm = {server: dict(known) for server, known in harm.items()}

    def load(self, services: Iterable[Service]) -> None:
        """Know these services. What sessions of one that stays have learned stays; for others nothing is kept."""
        self._harm = self.harm()
        self._known = {service: self._known.get(service) or self._new(service) for service in services}

    def _new(self, service: Service) -> Memory:
        memory = DIALECTS[service.server.dialect].memory()
        memory.recall(self._harm.get(str(service.server), {}), time.time())
        memory.on_harm = self._on_harm
        return memory

    def of(self, service: Service) -> Memory:
        """Find a service's. A session from before a reload may have a service that is no more."""
        return self._known.get(service) or self._new(service)

    def harm(self) -> Harm:
        """All that servers have failed in."""
        found = dict(self._harm)
        for service, memory in self._known.items():
            if harm := memory.harm():
                found[str(service.server)] = found.get(str(service.server), {}) | harm
        return found
