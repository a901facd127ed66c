"""ManageSieve: STARTTLS (RFC 5804 section 2.2)."""

from __future__ import annotations

from popover.protocols.dialect import Greeting
from popover.protocols.sieve.grammar import status
from popover.protocols.sieve.greeting import open_up
from popover.protocols.starttls.plaintext import Plaintext
from popover.talk import End, Talk


def start_tls(server: End) -> Talk[None]:
    """Capabilities, OK, STARTTLS, `OK`. What is listed is not looked at: who took STARTTLS out could put it in, too."""
    plain = Plaintext(server, "sieve")
    while (line := (yield from plain.line())).startswith(b'"'):
        pass
    if status(line) != b"OK":
        raise plain.stranger(line)
    plain.ask(b"STARTTLS")
    line = yield from plain.line()
    if status(line) != b"OK" or b"{" in line:
        raise plain.refused(line)
    plain.agreed()


def greet_anew(server: End) -> Talk[Greeting]:
    """Inside TLS the server says by itself what it can: that is its greeting, and nothing of before counts."""
    return (yield from open_up(server))
