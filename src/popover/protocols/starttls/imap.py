"""IMAP: STARTTLS (RFC 9051 section 6.2.1)."""

from __future__ import annotations

import re
import secrets

from popover.protocols.dialect import Greeting, sentence
from popover.protocols.starttls.inside import Answer
from popover.protocols.starttls.plaintext import Plaintext
from popover.talk import End, Talk

_CAPABILITY = re.compile(rb"\* CAPABILITY((?: [!-\[^-~]+)+)\r?\n", re.IGNORECASE)  # atoms: no blank, no ]
SHOWN = 4 * 1024
"""Octets of capabilities that go into our greeting; longer ones the client may ask for. Real ones reach 1.5 KiB."""


def start_tls(server: End) -> Talk[None]:
    """Greeting, STARTTLS, `OK` with our tag. `PREAUTH` would leave no room for TLS: RFC 9051 section 7.1.4 wants the
    connection closed (U3). What else is said untagged is dropped (U6).
    """
    plain = Plaintext(server, "imap")
    line = yield from plain.line()
    if not re.match(rb"\* OK[ \r\n]", line, re.IGNORECASE):
        raise plain.stranger(line)
    tag = _tag()
    plain.ask(tag + b" STARTTLS")
    while (line := (yield from plain.line())).startswith(b"* ") and not line[2:].upper().startswith(b"BYE"):
        pass
    word, _, rest = line.partition(b" ")
    if word != tag or not re.match(rb"OK[ \r\n]", rest, re.IGNORECASE):
        raise plain.refused(line)
    plain.agreed()


def greet_anew(server: End) -> Talk[Greeting]:
    """Ask CAPABILITY, and greet in the server's place with what it says; it saves the client the question."""
    answer, tag, known = Answer(server), _tag(), b""
    server.outbox += tag + b" CAPABILITY\r\n"
    while not (line := (yield from answer.line())).startswith(tag + b" "):
        if not line.startswith(b"* "):
            raise answer.stranger(line)
        if line[2:6].upper() in (b"BYE ", b"BYE\r"):
            return Greeting(f"* BYE {sentence(line[5:].decode('latin-1'))}\r\n".encode(), welcome=False)
        if (found := _CAPABILITY.fullmatch(line)) and len(line) <= SHOWN:
            known = b"[CAPABILITY" + found[1] + b"] "
    return Greeting(b"* OK " + known + sentence(f"{server.name} is ready").encode() + b"\r\n", welcome=True)


def _tag() -> bytes:
    """Nobody who answers before he has heard it can know it (U5); drawn anew for each command."""
    return secrets.token_hex(8).upper().encode()
