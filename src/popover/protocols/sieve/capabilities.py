"""What a server says that it can, as a client behind a gateway sees it (RFC 5804 section 1.7)."""

from __future__ import annotations

from popover.protocols.dialect import Terms
from popover.protocols.sasl import is_bound
from popover.protocols.sieve.grammar import take, tokens

_MINE = b'"STARTTLS"\r\n'


def listed(words: bytes, terms: Terms) -> bytes:
    """Rewrite a greeting, or the answer to CAPABILITY: whole lines."""
    inbox, shown = bytearray(words), b""
    while line := take(inbox):
        shown += one(line, terms)
    return shown + bytes(inbox)


def one(line: bytes, terms: Terms) -> bytes:
    """Rewrite one line of it. STARTTLS is between us and the client, whatever the server has; what is bound to a
    channel cannot work; and where TLS has to begin first, there is no way to log in yet.
    """
    found = tokens(line) if line.startswith(b'"') else []
    name = found[0].upper() if found else b""
    if name == b"STARTTLS" or name.decode("latin-1") in terms.hide:
        return b""
    if name == b"IMPLEMENTATION" and terms.tls in {"offer", "require"}:
        return line + _MINE
    if name == b"SASL":
        offered = found[1].split() if len(found) > 1 else []
        kept = [] if terms.tls == "require" else [one for one in offered if not _is_hidden(one.upper(), terms)]
        return line if kept == offered else b'"SASL" "' + b" ".join(kept) + b'"\r\n'
    return line


def _is_hidden(mechanism: bytes, terms: Terms) -> bool:
    return is_bound(mechanism, terms.tls) or f"AUTH={mechanism.decode('latin-1')}" in terms.hide
