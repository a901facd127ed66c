"""Who logs in, for the log. No password is kept, and none is looked at."""

from __future__ import annotations

from popover.protocols.sasl import user_of
from popover.protocols.smtp.prompts import prompt
from popover.protocols.smtp.queue import Ask
from popover.protocols.smtp.state import State


class Login:
    """The AUTH of one session."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._tells_user = False  # the next line of the exchange may hold the user's name

    def hear(self, ask: Ask, argument: bytes) -> None:
        """An AUTH leaves. `argument`: what stands behind the word."""
        mechanism, _, response = argument.partition(b" ")
        ask.mechanism = mechanism.upper()
        ask.change = prompt if ask.mechanism == b"LOGIN" else None
        self._state.user = user_of(ask.mechanism, response)
        self._tells_user = not response.strip()

    def respond(self, line: bytes) -> None:
        """Hear a line of the exchange. Only the first may hold the user's name and no secret."""
        state = self._state
        if self._tells_user and state.waits_for is not None:
            self._tells_user = False
            state.user = user_of(state.waits_for.mechanism, line)
