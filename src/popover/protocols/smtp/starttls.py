"""STARTTLS, which is a matter between the client and us (protocol notes, S4 and S5), and what has to wait for it."""

from __future__ import annotations

from popover.protocols.smtp.body import Chunk
from popover.protocols.smtp.commands import Command
from popover.protocols.smtp.queue import Ask, Owed
from popover.protocols.smtp.state import State
from popover.protocols.smtp.words import IN_TLS, NO_ARGUMENT, NO_TLS, READY, TLS_FIRST, TOO_LATE


class StartTLS:
    """That of one session."""

    def __init__(self, state: State, owed: Owed) -> None:
        self._state = state
        self._owed = owed

    def say(self, command: Command) -> None:
        """STARTTLS: the server hears nothing of it."""
        state = self._state
        if state.terms.tls in ("off", "on"):
            self._owed.owe(Ask(command.verb, NO_TLS if state.terms.tls == "off" else IN_TLS))
        elif state.logged_in:
            self._owed.owe(Ask(command.verb, TOO_LATE))
        elif command.argument:
            self._owed.owe(Ask(command.verb, NO_ARGUMENT))
        else:
            state.waits_for = last = Ask(command.verb, READY)
            last.on_said = state.start_tls
            self._owed.owe(last)

    def refuse(self, command: Command) -> None:
        """It must not be said before TLS. The octets of a BDAT follow all the same."""
        self._owed.owe(Ask(command.verb, TLS_FIRST))
        if command.chunk:
            self._state.body = Chunk(command.chunk, is_dropped=True)
