"""A status line on its way: octets that are not the whole of one yet, and what of them the client has got."""

from __future__ import annotations

from popover.protocols.pop3.answers import not_to_be_softened, soften

REFUSALS = 8
"""First words of refusals that are known of a server in one session. There is one, seldom two, and a new one costs a
copy of all: who invents them for ever would be paid for by others."""

_EXACT = frozenset((b"UIDL", b"LIST", b"STAT"))  # answers that are data: a unique-id may well hold "error"


class Status:
    """The beginning of a line. `given`: octets of it that the client has got; `refusals`: the first four octets, in
    capitals, of lines with which this server refuses.
    """

    def __init__(self, *, softening: bool) -> None:
        self.held = bytearray()
        self.given = 0
        self.refusals = frozenset((b"-ERR",))
        self._softening = softening

    def clear(self) -> None:
        """The next line begins."""
        self.held.clear()
        self.given = 0

    def said(self, verb: bytes, line: bytes) -> bytes:
        """Tell what the client is to get of a whole line, the answer to `verb`."""
        return soften(line) if self._softening and verb not in _EXACT else line

    def refuses(self, line: bytes) -> None:
        """Learn how this server refuses: not always with -ERR."""
        if len(self.refusals) < REFUSALS:
            self.refusals |= {line[:4].upper()}

    def drip(self, verb: bytes) -> bytes:
        """Give what of it the client has not got and may: some servers keep their clients waiting with one octet after
        the other (DavMail).
        """
        safe = len(self.held)
        if self._softening and verb not in _EXACT and self.held[:1] == b"+":
            safe = not_to_be_softened(self.held)
        piece = bytes(self.held[self.given : safe])
        self.given = max(self.given, safe)
        return piece

    def rest(self) -> bytes:
        """Give all of it that the client has not got."""
        return bytes(self.held[self.given :])
