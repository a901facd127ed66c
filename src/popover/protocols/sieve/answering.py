"""What is answered here, in place of the server: STARTTLS, what has to wait for it, and what is no command."""

from __future__ import annotations

from popover.protocols.reception import ClientTLS
from popover.protocols.sieve.grammar import HARMLESS, tokens
from popover.protocols.sieve.words import BEGIN_TLS, IN_TLS, KNOWN, NO_TLS, TLS_FIRST, UNKNOWN


def answer_to(command: bytes, tls: ClientTLS) -> bytes | None:
    """What we say to a command ourselves; None: it is the server's. Before a TLS that has to begin, only what
    certainly holds no login is: some servers may take for a line what others take for a literal.
    """
    found = tokens(command)
    verb = found[0].upper() if found else b""
    if verb == b"STARTTLS":
        return {"off": NO_TLS, "on": IN_TLS}.get(tls, BEGIN_TLS)
    if verb not in KNOWN and not (found and command[:1] in b'"{' and tls != "require"):
        return UNKNOWN  # in quotes it is a response to what the server has refused by now
    return TLS_FIRST if tls == "require" and not HARMLESS.fullmatch(command) else None
