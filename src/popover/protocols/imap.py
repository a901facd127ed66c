"""IMAP (RFC 9051 and RFC 3501, response codes RFC 5530)."""

from __future__ import annotations

from popover.protocols.dialect import Greeting, Terms, greeting_line, sentence, stranger
from popover.protocols.plain import Nothing, Plain, wait_for_nobody
from popover.talk import End, Talk

ALPN = "imap"
CAN_WAIT = False
memory, get_ready = Nothing, wait_for_nobody


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


def ears(client: End, server: End, terms: Terms, memory: object) -> Plain:  # noqa: ARG001 - the seam's
    """Listen to nothing: octets pass."""
    return Plain(client, is_whole)


def is_whole(said: bytes, lines: int, heard: bytes) -> bool:
    """Whether this line ends the answer to the only command: it begins with its tag (RFC 9051 section 2.2.2)."""
    tag = said.split(b" ", 1)[0]
    return lines == 1 and tag.isalnum() and heard.startswith(tag + b" ")
