"""What a device is told after EHLO: what its mails may be, and nothing that would make it do more than it needs.

Of the server's words only those are handed on that a mail may be made by. PIPELINING is not: one thing after the other
is how a device's session goes here. STARTTLS and AUTH are matters between the device and us. CHUNKING is not offered,
because a kept mail may meet a server without it; who says BDAT all the same is understood.
"""

from __future__ import annotations

from collections.abc import Mapping

from popover.protocols.reception import ClientTLS

_HANDED_ON = (b"SIZE", b"8BITMIME", b"SMTPUTF8", b"DSN")

KEPT_SIZE = 100 * 1024 * 1024
"""Octets of a mail that may be kept while nobody can ask the server for its limit; no provider takes more than 150 MB
(Microsoft, where an admin raised it), and most take 25 to 50."""


def answer(extensions: Mapping[bytes, bytes], tls: ClientTLS, mechanisms: tuple[bytes, ...]) -> bytes:
    """Make the answer to EHLO. `mechanisms`: by which a device may log in, if it wants to."""
    words = [b"popover", b"ENHANCEDSTATUSCODES"]
    words += [b" ".join([word, extensions[word]]).strip() for word in _HANDED_ON if word in extensions]
    if tls in ("offer", "require"):
        words.append(b"STARTTLS")
    if mechanisms and tls != "require":
        words += [b"AUTH " + b" ".join(mechanisms), b"AUTH=" + b" ".join(mechanisms)]
    return b"".join(b"250%s%s\r\n" % (b" " if at == len(words) - 1 else b"-", word) for at, word in enumerate(words))


def size_limit(extensions: Mapping[bytes, bytes]) -> int:
    """Octets of a mail that the server takes (RFC 1870); 0: it does not say."""
    said = extensions.get(b"SIZE", b"")
    return int(said) if said.isdigit() and len(said) <= 20 else 0  # noqa: PLR2004 - RFC 1870: digits of a number
