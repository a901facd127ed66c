"""AUTHENTICATE (RFC 5804 section 2.1), as it is overheard: who logs in, and which answer is its own."""

from __future__ import annotations

from typing import Literal

from popover.protocols.sasl import may_add_a_layer, user_of
from popover.protocols.sieve.grammar import tokens


class Login:
    """One client's. `user`: its name, as far as it was said."""

    def __init__(self) -> None:
        self.user = ""
        self._state: Literal["", "asked", "challenged"] = ""
        self._mechanism = b""
        self._before = 0  # answers that the server owes before the one to it
        self._tells_user = False  # only its first response may hold the name and no secret

    @property
    def is_asked(self) -> bool:
        """It is the server's turn."""
        return self._state == "asked"

    @property
    def is_challenged(self) -> bool:
        """What the client says next is a response, and no command."""
        return self._state == "challenged"

    @property
    def may_add_a_layer(self) -> bool:
        """Once it has succeeded, what goes by may be no lines any more."""
        return may_add_a_layer(self._mechanism)

    def hear(self, command: bytes, owed: int) -> None:
        """See whether a command that goes to the server is one. `owed`: answers before its own."""
        verb, mechanism, response = [*tokens(command), b"", b"", b""][:3]
        if verb.upper() == b"AUTHENTICATE":
            self._state, self._before = "asked", owed
            self._mechanism = mechanism.upper()
            self._tells_user = not response
            self.user = user_of(self._mechanism, response)

    def respond(self, line: bytes) -> None:
        """The client has responded to a challenge."""
        self._state = "asked"
        if self._tells_user:
            self._tells_user = False
            self.user = user_of(self._mechanism, [*tokens(line), b""][0])

    def is_challenge(self) -> bool:
        """Whether a line of the server that is no status is a challenge."""
        if self._state != "asked" or self._before:
            return False
        self._state = "challenged"
        return True

    def is_answer(self) -> bool:
        """Whether a status of the server ends it."""
        if not self._state:
            return False
        if self._before:
            self._before -= 1
            return False
        self._state = ""
        return True
