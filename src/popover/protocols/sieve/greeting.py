"""A server's first words: what it can, and OK."""

from __future__ import annotations

from popover.protocols.dialect import Greeting, greeting_line, stranger
from popover.protocols.sieve.grammar import LITERAL, status, tokens
from popover.protocols.sieve.words import said
from popover.talk import End, Talk


def open_up(server: End) -> Talk[Greeting]:
    """Read them; inside TLS they come once more (RFC 5804 section 2.2). Raises ServerFailure."""
    words = b""
    while True:
        line = yield from greeting_line(server, len(words))
        words += line
        word = status(line)
        if LITERAL.search(line):  # the next line is its text, or, of a long one, goes on with it
            continue
        if word == b"OK":
            return Greeting(words, welcome=True)
        if word:
            text = tokens(line)[-1].decode("latin-1")
            return Greeting(said(b"BYE", text, b"(TRYLATER)"), welcome=False)
        if not line.startswith(b'"') and not LITERAL.search(words[: -len(line)]):
            raise stranger(server, line)
