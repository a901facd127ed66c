"""SMTP submission (RFC 5321, RFC 6409, enhanced codes RFC 3463)."""

from __future__ import annotations

from popover.protocols.dialect import Greeting, greeting_line, sentence, stranger
from popover.talk import End, Talk

ALPN = None  # none is registered; a server that insists on one it made up can't be guessed


def farewell(cause: str) -> bytes:
    """`421 4.3.2 ...`: come again later. Never a 5xx of our own: the client would bounce the mail."""
    return f"421 4.3.2 {sentence(cause)}\r\n".encode()


def open_up(server: End) -> Talk[Greeting]:
    """Read the greeting: `220`, of one line or more (RFC 5321 section 4.2.1)."""
    words = b""
    while True:
        line = yield from greeting_line(server, len(words))
        code, mark = line[:3], line[3:4]
        if len(code) != 3 or not code.isdigit() or mark not in b" -\r\n":  # noqa: PLR2004 - three digits
            raise stranger(server, line)
        words += line
        if mark != b"-":
            break
    if code == b"220":
        return Greeting(words, welcome=True)
    if code[:1] in b"45":
        text = sentence(line[4:].decode("latin-1"))
        return Greeting(f"{code.decode()} {text}\r\n".encode(), welcome=False)
    raise stranger(server, line)
