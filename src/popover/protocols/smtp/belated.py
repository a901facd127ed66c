"""Header lines behind a mail: SAM2 (Apple IIgs) says them there, as if they were commands."""

from __future__ import annotations

from popover.protocols.smtp.commands import KNOWN, Command

HEADERS_LIMIT = 10
"""Lines that are answered behind one mail; the recipe for SAM2 passes over ten."""

PASSED_OVER = b"250 2.0.0 ok\r\n"


class Belated:
    """Knows them, where one client may say them."""

    def __init__(self) -> None:
        self._seen = -1  # lines behind the last mail; -1: this is no such place
        self._in_header = False

    def mail_over(self) -> None:
        """A mail's body has ended."""
        self._seen = 0
        self._in_header = False

    def is_one(self, command: Command) -> bool:
        """Whether this is one, and one of the first ten. A command ends their place."""
        if command.verb in KNOWN:
            self._seen = -1
        if not 0 <= self._seen < HEADERS_LIMIT:
            return False
        self._in_header = command.is_header or (self._in_header and command.is_folded)
        self._seen += self._in_header
        return self._in_header
