"""How a service's sessions go: to its one server, or by its desk. What a desk takes is imported for the services that
have one, when they are loaded: the others pay nothing for it, and no client waits for it.
"""

# ruff: noqa: PLC0415 - as said

from __future__ import annotations

from typing import Protocol

from popover.config import Service
from popover.protocols import DIALECTS, Memory, for_devices
from popover.protocols.overhear import overhearer
from popover.protocols.starttls import STARTTLS
from popover.session.case import Case
from popover.session.outcome import Outcome
from popover.session.reach import Reach
from popover.session.transparent import Transparent
from popover.session.ways import Ways


class Mode(Protocol):
    """One session's."""

    async def serve(self) -> Outcome:
        """Serve the client to its end. Raises Failure."""

    def over(self) -> None:
        """Remember what this session has taught."""


def mode_of(case: Case, reach: Reach, known: Memory | Ways) -> Mode:
    """Give the one of a session. `known`: what is remembered of its service's server, or where its desk leads."""
    if not isinstance(known, Ways):
        return Transparent(case, reach, known)
    if case.service.desk.device:
        from popover.session.device import ForDevice

        return ForDevice(case, reach, known)
    from popover.session.desk import AtDesk

    return AtDesk(case, reach, known)


def get_ready(service: Service) -> None:
    """Import all that the sessions of this service may need."""
    for rooms in (DIALECTS, STARTTLS):
        rooms[service.dialect]
    if service.desk.is_open:
        from popover.session import desk, device  # noqa: F401 - they are for later
    if service.desk.device:
        for_devices()
    if service.trace:
        overhearer(service.dialect)
