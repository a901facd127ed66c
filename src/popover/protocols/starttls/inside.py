"""What is asked first inside TLS: there is no second greeting, and of the first nothing counts.

The answer shows that a mail server speaks there, brings TLS 1.3's ticket with it (RFC 8446 section 4.6.1), and a
refusal comes early enough to be told to the client in words. The round trip costs no more than going there directly: a
client that speaks STARTTLS by itself has to ask twice what the server can, before TLS and inside.
"""

from __future__ import annotations

from popover.errors import ServerFailure
from popover.protocols.dialect import printable
from popover.talk import Broken, End, Talk, read_line

OCTETS = 64 * 1024
"""Of an answer to CAPA, CAPABILITY or EHLO; long ones have 2 KiB."""


class Answer:
    """Reads an answer inside TLS, line by line. Raises ServerFailure."""

    def __init__(self, server: End) -> None:
        self._server = server
        self._octets = OCTETS

    def line(self) -> Talk[bytes]:
        """Take the next line, its end included."""
        try:
            line = yield from read_line(self._server, max(self._octets, 1))
        except Broken as broken:
            raise ServerFailure(
                f"{self._server.name} {broken.what} after TLS had begun",
                "it may be overloaded, or it may not serve this address; try again later",
            ) from None
        self._octets -= len(line)
        return line

    def stranger(self, line: bytes) -> ServerFailure:
        """Say that this is no answer of this dialect."""
        return ServerFailure(
            f"{self._server.name} does not answer as a mail server does after TLS has begun",
            f"another kind of server? it said {printable(line)!r}",
        )
