"""A client's walk through its mailbox: it fetches one message after the other, by RETR or by TOP."""

from __future__ import annotations

from popover.protocols.pop3.commands import Command, ask

_LINE = 80  # octets of a line of mail, generously: what TOP's lines are reckoned with
_HEADER = 8 * 1024  # octets of a header, likewise


class Walk:
    """A client on its way through the mailbox with one verb. `last`: where it is; `front`: how far we guessed.

    `guesses`: those under way or in hand, in their order.
    """

    __slots__ = ("front", "guesses", "last", "lines", "verb", "width")

    def __init__(self, verb: bytes, lines: bytes) -> None:
        self.verb = verb
        self.lines = lines
        self.last = self.front = self.width = 0
        self.guesses = 0

    def command(self, number: int) -> Command:
        """Say what this walk asks of a message."""
        return ask(b"%s %d %s" % (self.verb, number, self.lines) if self.lines else b"%s %d" % (self.verb, number))

    def reckon(self, size: int) -> int:
        """Guess the octets of an answer, for a message of `size` octets."""
        if self.verb == b"TOP" and self.lines.isdigit() and len(self.lines) < 6:  # noqa: PLR2004 - 99999 lines are all
            return min(size, _HEADER + _LINE * int(self.lines))
        return size
