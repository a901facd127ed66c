"""Where a body ends: the lines behind a status line, up to a dot that stands alone (RFC 1939 section 3).

Servers end their lines with LF, too, and a mail may end in LF before the end of its answer. A body is never looked at
line by line, and not copied.
"""

from __future__ import annotations

import re

from popover.protocols.pop3.answers import END

TAIL = 4096
"""Octets at the end of a piece in which the end of a body is looked for when nothing else was asked. Then it is the
last thing a server says, but for a line or two that nobody asked for. Searching all of it would cost 0.2 s of CPU a
GB, of 1.4."""

_LOOSE_END = re.compile(rb"\n\.\r?\n")
_LOOSE_TAIL = re.compile(rb"\n\.\r?\n\Z")


class Body:
    """The body that comes, if one does: `is_open`."""

    def __init__(self) -> None:
        self.is_open = False
        self._has_loose_lines = False
        self._carry = self._before = b""  # the last octets that came, and those before this piece

    def begin(self, status: bytes) -> None:
        """Behind this status line comes one, whose lines end as that does."""
        self.is_open, self._carry = True, status[-2:]
        self._has_loose_lines = not status.endswith(b"\r\n")

    def hear(self, view: memoryview, at: int, *, is_last: bool) -> int:
        """Hear a piece from there on; where the body ends in it, or the piece. `is_last`: nothing more was asked."""
        start, carry = at, self._carry
        self._before = carry
        if is_last and not self._has_loose_lines:
            start = max(at, len(view) - TAIL)
            if start > at:
                carry = (carry + bytes(view[max(at, start + 1 - len(END)) : start]))[1 - len(END) :]
        chunk = b"".join((carry, view[start:]))
        if self._has_loose_lines:
            loose = _LOOSE_END.search(chunk)
            found = loose.end() if loose else -1
        else:
            found = chunk.find(END)
            found += len(END) if found >= 0 else 0
        self._carry = chunk[1 - len(END) :]
        self.is_open = found < 0
        return len(view) if found < 0 else start + found - len(carry)

    def stuffed(self, piece: memoryview) -> int:
        """How many dots were stuffed in this piece, which was the last to be heard. It costs a copy."""
        return (self._before[-3:] + bytes(piece)).count(b"\r\n..")

    @property
    def looks_whole(self) -> bool:
        """Most clients would take what has come for all: a mail that ends in LF before `.CRLF` has no other end."""
        return self.is_open and _LOOSE_TAIL.search(self._carry) is not None
