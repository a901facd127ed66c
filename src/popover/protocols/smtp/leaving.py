"""How a client leaves: QUIT is answered here where nothing else is owed, while the server is told."""

from __future__ import annotations

from popover.protocols.smtp.commands import Command
from popover.protocols.smtp.memory import Memory
from popover.protocols.smtp.queue import Ask, Owed
from popover.protocols.smtp.state import State

_BYE = b"221 2.0.0 Bye\r\n"


class Leaving:
    """The end of one session. `is_early`: the client has its goodbye from us; `is_told`: the server has answered.

    `has_quit`: the client has its goodbye from either.
    """

    def __init__(self, state: State, owed: Owed, memory: Memory) -> None:
        self.is_early = self.is_told = self.has_quit = False
        self._state = state
        self._owed = owed
        self._memory = memory

    def say(self, command: Command) -> Ask | None:
        """QUIT: give what the server is to be asked without the client waiting for it; None: it must be asked as ever.

        Whatever the client has sent is answered then, so there is nothing that the server could still say to it.
        """
        wanted, visitor = self._state.terms.ahead, self._state.terms.visitor
        if self._owed.turns or command.argument or not wanted.quit_at_once or not self._memory.may_leave(visitor):
            return None
        self.is_early = self.has_quit = True
        self._state.spared += 1
        self._memory.leaves(visitor)
        self._owed.owe(Ask(command.verb, _BYE))
        self._owed.is_nobodys = True
        told = Ask(command.verb)
        told.is_quiet = True
        return told

    def judge(self, ask: Ask, code: bytes) -> None:
        """The server has answered."""
        if ask.is_quiet:
            self.over()
        elif code[:1] == b"2":
            self.has_quit = True
        else:
            self._state.waits_for = None  # it was no QUIT, in the server's eyes

    def over(self) -> None:
        """The server knows, or is gone."""
        if self.is_early and not self.is_told:
            self.is_told = True
            self._memory.has_left(self._state.terms.visitor)
