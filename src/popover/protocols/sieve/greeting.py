"""A server's first words: what it can, and OK."""

from __future__ import annotations

from popover.protocols.dialect import Greeting
from popover.protocols.greeting import greeting_line, stranger
from popover.protocols.sieve.grammar import status, take, tokens
from popover.protocols.sieve.words import said
from popover.talk import End, Talk


def open_up(server: End) -> Talk[Greeting]:
    """Read them; inside TLS they come once more (RFC 5804 section 2.2). Raises ServerFailure."""
    words, lines = b"", bytearray()
    while True:
        line = yield from greeting_line(server, len(words))
        words += line
        lines += line
        if (whole := take(lines)) is None:  # in the midst of a literal
            continue
        word = status(whole)
        if word == b"OK":
            return Greeting(words, welcome=True)
        if word:
            text = tokens(whole)[-1].decode("latin-1")
            return Greeting(said(b"BYE", text, b"(TRYLATER)"), welcome=False)
        if not whole.startswith(b'"'):
            raise stranger(server, whole)
