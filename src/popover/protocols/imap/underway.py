"""A command that the client has not said to its end, or that goes on behind its line: AUTHENTICATE, IDLE."""

from __future__ import annotations

from enum import Enum

from popover.protocols.imap.grammar import Literal
from popover.protocols.imap.owed import Ask


class Mode(Enum):
    """What the client says next of it."""

    REST = "the rest of its line"
    RESPONSE = "a response, once the server has asked for it"  # RFC 9051 section 6.2.2
    DONE = "its end"  # RFC 2177


class Underway:
    """One of them. `left`: octets of a literal that are to come. `is_refused`: it has its answer from us, and what
    comes of it goes nowhere.
    """

    __slots__ = ("_has_begun", "_is_waiting", "ask", "is_answered", "is_refused", "left", "may_go_on", "mode")

    def __init__(self, ask: Ask, *, is_refused: bool = False) -> None:
        self.ask = ask
        self.mode = Mode.REST
        self.left = 0
        self.may_go_on = False  # the server has said "+"
        self.is_answered = False  # and the rest of it comes all the same (RFC 7888 section 4)
        self.is_refused = is_refused
        self._is_waiting = False  # the client, for a "+" before a literal
        self._has_begun = False  # some of the literal has come

    def announce(self, literal: Literal) -> None:
        """A literal is to come."""
        self.left, self._is_waiting = literal
        self.ask = self.ask._replace(is_pushed=self.ask.is_pushed or not literal.waits)
        self.may_go_on = self._has_begun = False

    def go_on(self, mode: Mode) -> None:
        """Its line is over, and it is not."""
        self.mode = mode
        self.may_go_on = False

    def came(self, octets: int) -> None:
        """So much of a literal has come, or what stands behind it."""
        self.left -= octets
        self._has_begun = True

    def awaits(self, *, has_client_ended: bool) -> bool:
        """Whether the client waits for a word of the server on it. Without one it cannot end it any more, but for a
        response that is said already.
        """
        if self.may_go_on or (has_client_ended and self.mode is not Mode.RESPONSE):
            return False
        return self.mode is not Mode.REST or (self._is_waiting and not self._has_begun)

    def answered(self) -> bool:
        """The server has answered it: whether nothing more comes of it."""
        is_rejected = self._is_waiting and not (self.may_go_on or self._has_begun)
        self.is_answered = True
        return self.mode is not Mode.REST or is_rejected
