"""A mail that comes by BDAT, as DATA has it: dots doubled, and a dot at its end (RFC 5321 section 4.5.2)."""

from __future__ import annotations


class Stuffed:
    """One mail's octets, cut anywhere."""

    def __init__(self) -> None:
        self._before = b"\r\n"  # the last two octets that came

    def feed(self, piece: bytes) -> bytes:
        """Double the dots that begin a line."""
        if not piece:
            return b""
        joined = self._before + piece
        self._before = joined[-2:]
        return joined.replace(b"\r\n.", b"\r\n..")[2:]

    def end(self) -> bytes:
        """The mail is over: its last line ends, and the dot follows."""
        return b".\r\n" if self._before == b"\r\n" else b"\r\n.\r\n"
