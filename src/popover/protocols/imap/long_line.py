"""A line that is too long to be looked at as a whole, and is passed on as it comes."""

from __future__ import annotations

_TAIL = 32  # octets before a line end in which a literal is announced


class LongLine:
    """What the line is stands at its beginning; whether a literal follows it, at its end."""

    def __init__(self) -> None:
        self.is_under_way = False
        self._tail = b""

    def begin(self) -> None:
        """It comes."""
        self.is_under_way, self._tail = True, b""

    def take(self, inbox: bytearray) -> tuple[bytes, bytes]:
        """Take what has come of it; and its last octets, once they are there."""
        cut = inbox.find(b"\n") + 1
        piece = bytes(inbox[: cut or len(inbox)])
        del inbox[: len(piece)]
        self._tail = (self._tail + piece[-_TAIL:])[-_TAIL:]
        if not cut:
            return piece, b""
        self.is_under_way = False
        return piece, self._tail
