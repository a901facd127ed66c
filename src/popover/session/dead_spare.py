"""The talk on a connection that stood ready: it may have died unnoticed, and only the server's first words show that it
has not.
"""

from __future__ import annotations

from collections.abc import Callable

from popover.outside.spare import FIRST_WORD
from popover.session.relay import Outcome, Relay

_GOOD_CODES = (b"2", b"3", b"5")  # of SMTP: not its farewell, 421

_OVERDUE = ("login timeout", "idle timeout", "server stalled")


class DeadSpare:
    """Watches one relay for the server's first words. `was_alive` gets whether they are an answer."""

    def __init__(self, relay: Relay, was_alive: Callable[[bool], None]) -> None:
        self._relay = relay
        self._was_alive = was_alive
        self.has_spoken = False
        relay.on_server = self._hear

    def _hear(self, data: memoryview) -> None:
        self.has_spoken = True
        self._relay.on_server = None
        self._was_alive(bytes(data[:3]) == b"+OK" or bytes(data[:1]) in _GOOD_CODES)

    def let_down(self, outcome: Outcome, now: float) -> bool:
        """Whether the client was let down: it said something, and the server not a word, until it ended or somebody
        had waited long enough. A client that left at once has shown nothing.
        """
        if self.has_spoken:
            return False
        if self._relay.server_left:
            return self._relay.bytes_in > 0
        if not self._relay.ears.is_owed:
            return False
        return outcome.end in _OVERDUE or now - self._relay.spoke_at >= FIRST_WORD
