"""IMAP (RFC 9051 and RFC 3501, response codes RFC 5530)."""

from __future__ import annotations

from popover.protocols.dialect import Greeting, greeting_line, sentence, stranger
from popover.talk import End, Talk

ALPN = "imap"


def farewell(cause: str) -> bytes:
    """`* BYE [UNAVAILABLE] ...`: a greeting may be a BYE (RFC 9051 section 7.1.5, RFC 5530)."""
    return f"* BYE [UNAVAILABLE] {sentence(cause)}\r\n".encode()


def open_up(server: End) -> Talk[Greeting]:
    """Read the greeting: `* OK`, `* PREAUTH` (legitimate inside TLS) or `* BYE` (RFC 9051 section 7.1)."""
    line = yield from greeting_line(server)
    kind = line[:9].upper()
    if kind.startswith((b"* OK", b"* PREAUTH")):
        return Greeting(line, welcome=True)
    if kind.startswith(b"* BYE"):
        words = sentence(line[5:].decode("latin-1"))
        return Greeting(f"* BYE {words}\r\n".encode(), welcome=False)
    raise stranger(server, line)
