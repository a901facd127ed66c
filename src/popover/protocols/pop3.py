"""POP3 (RFC 1939, response codes RFC 2449 and RFC 3206)."""

from __future__ import annotations

from popover.protocols.dialect import Greeting, greeting_line, sentence, stranger
from popover.talk import End, Talk

ALPN = "pop3"


def farewell(cause: str) -> bytes:
    """`-ERR [SYS/TEMP] ...`: our own trouble, never the login's (RFC 3206 section 4)."""
    return f"-ERR [SYS/TEMP] {sentence(cause)}\r\n".encode()


def open_up(server: End) -> Talk[Greeting]:
    """Read the greeting: one line, `+OK` or `-ERR` (RFC 1939 section 4)."""
    line = yield from greeting_line(server)
    if line.startswith(b"+OK"):
        return Greeting(line, welcome=True)
    if line.startswith(b"-ERR"):
        words = sentence(line[4:].decode("latin-1"))
        return Greeting(f"-ERR {words}\r\n".encode(), welcome=False)
    raise stranger(server, line)
