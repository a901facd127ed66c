"""What every dialect offers, and the words they share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from popover.errors import ServerFailure
from popover.talk import Broken, End, Talk, read_line

GREETING_LIMIT = 8 * 1024
"""Octets of a server's whole greeting. RFC 1939 and 5321 allow 512 a line, RFC 9051 names no number;
long IMAP capability lists reach 1.5 KiB and Dovecot's login reads 8,192."""

SENTENCE_LIMIT = 400
"""Characters of a sentence of ours: with code and CRLF it stays under the 512 octets that RFC 1939
section 3 and RFC 5321 section 4.5.3.1.5 allow for a status line."""


@dataclass(frozen=True, slots=True)
class Greeting:
    """A server's first words, whole lines as they came. `welcome`: the session may go on."""

    words: bytes
    welcome: bool


class Dialect(Protocol):
    """A mail protocol as the gateway speaks it; each module of this package is one."""

    @property
    def ALPN(self) -> str | None:  # noqa: N802 - a module's constant
        """The protocol's name in RFC 7301's registry; None where it has none."""

    def farewell(self, cause: str) -> bytes:
        """Give the one line that tells a client why it is not served."""

    def open_up(self, server: End) -> Talk[Greeting]:
        """Read the server's greeting. Raises ServerFailure for what is none."""


def sentence(text: str) -> str:
    """Make `text` fit for a status line to an old client.

    Printable ASCII only (what comes from outside can't end the line or paint the screen), cut to
    SENTENCE_LIMIT, and without the word "error": Apple Mail 2 takes a line that holds it for a failed login.
    """
    plain = "".join(c if " " <= c <= "~" else "?" for c in " ".join(text.split()))
    plain = re.sub("error", "fault", plain, flags=re.IGNORECASE)
    return plain if len(plain) <= SENTENCE_LIMIT else plain[: SENTENCE_LIMIT - 3] + "..."


def greeting_line(server: End, taken: int = 0) -> Talk[bytes]:
    """Read one line of a greeting of which `taken` octets were read already."""
    try:
        return (yield from read_line(server, max(GREETING_LIMIT - taken, 1)))
    except Broken as broken:
        if broken.what == "closed the connection":
            raise ServerFailure(
                f"{server.name} closed the connection before its greeting",
                "it may be overloaded, or it may not serve this address; try again later",
            ) from None
        raise ServerFailure(
            f"{server.name} does not greet as a mail server does: it {broken.what}", _remedy(server.inbox)
        ) from None


def stranger(server: End, line: bytes) -> ServerFailure:
    """Say that `line` is not the greeting of this dialect."""
    said = f"it says {printable(line)!r}"
    for greeting, dialect, scheme in _GREETINGS:
        if line.startswith(greeting) and line[len(greeting) : len(greeting) + 1] in b" -\r\n":
            return ServerFailure(
                f"{server.name} speaks {dialect} on that port: {said}", f"write {scheme}://, or name another port"
            )
    return ServerFailure(f"{server.name} does not greet as a mail server does: {said}", _remedy(line))


_GREETINGS = ((b"+OK", "POP3", "pop3s"), (b"* OK", "IMAP", "imaps"), (b"220", "SMTP", "smtps"))


def printable(raw: bytes | bytearray, limit: int = 60) -> str:
    """Show the first `limit` octets of something from outside, escaped, on one line."""
    shown = bytes(raw[:limit]).decode("latin-1").rstrip("\r\n")
    return "".join(c if " " <= c <= "~" and c != "\\" else f"\\x{ord(c):02x}" for c in shown)


def _remedy(first: bytes | bytearray) -> str:
    return f"is the port right? another kind of server answers there; its first octets: {printable(first)}"
