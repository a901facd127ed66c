"""A server's first words, line by line; and what greets that is no server of the dialect."""

from __future__ import annotations

from popover.errors import ServerFailure
from popover.protocols.dialect import printable
from popover.talk import Broken, End, Talk, read_line

GREETING_LIMIT = 8 * 1024
"""Octets of a server's whole greeting. RFC 1939 and 5321 allow 512 a line, RFC 9051 names no number;
long IMAP capability lists reach 1.5 KiB and Dovecot's login reads 8,192."""


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


def _remedy(first: bytes | bytearray) -> str:
    return f"is the port right? another kind of server answers there; its first octets: {printable(first)}"
