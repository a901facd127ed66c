"""What of a server's words may be shown after a login: all but the secrets that it repeats.

Servers repeat what they were sent, or a part of it, in whatever form (faults.md, 118): "bad line: PASS hunter2".
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from urllib.parse import quote_from_bytes

RUN = 6
"""Octets of a secret in a row that are not shown; of a shorter secret, all of it. Fewer would hide words of the
language, and so tell that the secret holds them."""

_HIDDEN = b"***"
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{8,}={0,2}")
_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2}[ :]?){4,}")


def conceal(words: bytes, secrets: Iterable[bytes]) -> bytes:
    """Give a server's words without `secrets`: passwords, and responses that hold one.

    Looked for are the secret itself, its base64, hex and percent forms, and base64 and hex of anything that holds it.
    """
    known = [secret for secret in secrets if secret]
    for pattern, decode in ((_BASE64, _from_base64), (_HEX, _from_hex)):
        words = _without_encoded(words, pattern, decode, known)
    for secret in known:
        for form in (secret, base64.b64encode(secret), secret.hex().encode(), quote_from_bytes(secret).encode()):
            words = _without(words, form)
    return words


def _without_encoded(
    words: bytes, pattern: re.Pattern[bytes], decode: Callable[[bytes], bytes], secrets: list[bytes]
) -> bytes:
    return pattern.sub(lambda found: _HIDDEN if _holds(decode(found[0]), secrets) else found[0], words)


def _holds(clear: bytes, secrets: list[bytes]) -> bool:
    return any(_without(clear, secret) != clear for secret in secrets)


def _without(words: bytes, secret: bytes) -> bytes:
    """Hide each run of `words` that stands in `secret`, in upper or lower case."""
    size = min(RUN, len(secret))
    low, parts = words.lower(), {secret.lower()[at : at + size] for at in range(len(secret) - size + 1)}
    kept, at = bytearray(), 0
    while at < len(words):
        if low[at : at + size] not in parts:
            kept += words[at : at + 1]
            at += 1
            continue
        end = at + size
        while end < len(words) and low[end - size + 1 : end + 1] in parts:
            end += 1
        kept += _HIDDEN
        at = end
    return bytes(kept)


def _from_base64(word: bytes) -> bytes:
    plain = word.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    try:
        return base64.b64decode(plain[: len(plain) - (len(plain) % 4 == 1)] + b"=" * (-len(plain) % 4))
    except (binascii.Error, ValueError):
        return b""


def _from_hex(word: bytes) -> bytes:
    digits = re.sub(rb"[^0-9A-Fa-f]", b"", word).decode()
    return bytes.fromhex(digits[: len(digits) // 2 * 2])
