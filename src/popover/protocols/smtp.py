"""SMTP submission (RFC 5321, RFC 6409, enhanced codes RFC 3463)."""

from __future__ import annotations

from popover.protocols.dialect import Greeting, Terms, greeting_line, sentence, stranger
from popover.protocols.plain import Nothing, Plain, wait_for_nobody
from popover.talk import End, Talk

ALPN = None  # none is registered; a server that insists on one it made up can't be guessed
CAN_WAIT = False
memory, get_ready = Nothing, wait_for_nobody


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


def ears(client: End, server: End, terms: Terms, memory: object) -> Plain:  # noqa: ARG001 - the seam's
    """Listen to nothing: octets pass."""
    return Plain(client, is_whole)


def is_whole(said: bytes, lines: int, heard: bytes) -> bool:
    """Whether this line ends the answer to one command, or to a whole mail (RFC 5321 section 4.2.1 and 4.1.1.4).

    A mail is not begun before its 354, so the dot that ends it is the only thing that is unanswered.
    """
    is_last_line = heard[:3].isdigit() and heard[3:4] in (b" ", b"")
    return is_last_line and (lines == 1 or said.endswith(b"\r\n.\r\n"))
