"""The talk on a connection that stood ready: it may have died unnoticed, and only the server's first words show that it
has not.
"""

from __future__ import annotations

from collections.abc import Callable

from popover.outside.spare import FIRST_WORD
from popover.session.outcome import Outcome
from popover.session.relay import Relay

_WORDS = 16  # octets in which a farewell shows

_OVERDUE = ("login timeout", "idle timeout", "server stalled")


class DeadSpare:
    """Watches one relay for the server's first words. `was_alive` gets whether they are an answer, by the dialect's
    `is_answer`.
    """

    def __init__(self, relay: Relay, is_answer: Callable[[bytes], bool], was_alive: Callable[[bool], None]) -> None:
        self._relay = relay
        self._is_answer = is_answer
        self._was_alive = was_alive
        self.has_spoken = False
        relay.on_server = self._hear

    def _hear(self, data: memoryview) -> None:
        self.has_spoken = True
        self._relay.on_server = None
        self._was_alive(self._is_answer(bytes(data[:_WORDS])))

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
