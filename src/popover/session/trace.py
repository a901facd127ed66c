"""`--trace`: what client and server say, line by line into the log, without secrets and without bodies.

A spy on the client's stream hands copies to an overhearer of the dialect, which alone decides what may be shown.
"""

from __future__ import annotations

from popover.config import Service
from popover.log import Log
from popover.protocols import overhear


class Spy:
    """Writes one session's trace. Called with whether octets came in, and the octets."""

    def __init__(self, log: Log, service: Service, number: str) -> None:
        self._log = log
        self._service = service
        self._id = number
        self._hear = overhear.overhearer(service.dialect)

    def __call__(self, incoming: bool, data: bytes | bytearray | memoryview) -> None:  # noqa: FBT001 - a direction
        """Trace octets from the client, or for it."""
        hear = self._hear.client_said if incoming else self._hear.client_got
        for line in hear(bytes(data)):
            self.note(line)

    def note(self, text: str) -> None:
        """Trace something else about the session."""
        self._log.event("info", "trace", text, id=self._id, service=self._service.name)
