"""Who logs in, for the log. No password is kept, and none is looked at."""

from __future__ import annotations

from popover.protocols.imap.grammar import Command, Literal, name_of
from popover.protocols.sasl import user_of

NAME_LIMIT = 320
"""Octets of a name that is read from a literal: an address has 254 at most (RFC 5321 section 4.5.3.1.3)."""


class Login:
    """The login of one session. `user`: the name, as far as it is known."""

    def __init__(self) -> None:
        self.user = ""
        self._mechanism = b""  # of an AUTHENTICATE whose first response may hold the name
        self._name: bytearray | None = None  # of a LOGIN, as it comes in a literal
        self._left = 0

    @property
    def awaits_name(self) -> bool:
        """The next octets of a literal are the name."""
        return self._name is not None

    def hear(self, command: Command, literal: Literal | None) -> bytes:
        """Hear the first line of a command. Gives the mechanism of an AUTHENTICATE, in upper case."""
        self._mechanism, self._name = b"", None
        if command.verb == b"LOGIN":
            self.user = name_of(command.argument).decode("utf-8", "replace")
            if literal is not None and command.argument[:1] == b"{" and 0 < literal.size <= NAME_LIMIT:
                self._name, self._left = bytearray(), literal.size
        if command.verb != b"AUTHENTICATE":
            return b""
        mechanism, _, response = command.argument.partition(b" ")
        mechanism = mechanism.upper()
        self.user = user_of(mechanism, response)
        self._mechanism = b"" if response else mechanism
        return mechanism

    def hear_literal(self, piece: bytes) -> None:
        """Hear some of a literal."""
        if self._name is None:
            return
        self._name += piece
        if len(self._name) >= self._left:
            self.user = self._name.decode("utf-8", "replace")
            self._name = None

    def respond(self, line: bytes) -> None:
        """Hear a response of an AUTHENTICATE: the first may hold the name, what comes later may be a password."""
        if self._mechanism:
            self.user = user_of(self._mechanism, line)
            self._mechanism = b""
