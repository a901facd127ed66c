"""How a local password is kept where it need not be known: as an scrypt hash (RFC 7914), one line of the PHC form.

    $scrypt$ln=14,r=8,p=1$SALT$DIGEST    both in base64 without =

All have the same cost, so that no name stands out by the time that its wrong passwords take: 16 MiB and some 50 ms
(about a second on a router). That is what its author calls interactive; the 128 MiB that others recommend for the
internet a router has not got, and these passwords are a house's own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re

LOG_COST, BLOCK, LANES = 14, 8, 1
MEMORY = 32 * 1024 * 1024
"""Octets that OpenSSL may take for one: 128 * BLOCK * 2 ** LOG_COST, and room to spare."""

_FORM = f"$scrypt$ln={LOG_COST},r={BLOCK},p={LANES}$"
_LINE = re.compile(re.escape(_FORM.encode()) + rb"([A-Za-z0-9+/]{22})\$([A-Za-z0-9+/]{43})")

MARK = b"$scrypt$"
"""What each begins with: a password that does is taken for a hash."""


def make_hash(password: bytes) -> bytes:
    """Hash a password, with a new salt. Takes its time."""
    salt = os.urandom(16)
    return _FORM.encode() + _base64(salt) + b"$" + _base64(derive(password, salt))


def is_hash(line: bytes) -> bool:
    """Whether it is a hash that `is_of_hash` can compare with."""
    return _LINE.fullmatch(line) is not None


def is_of_hash(password: bytes, line: bytes) -> bool:
    """Whether the hash was made of the password. Takes its time, the same for every line that is a hash."""
    found = _LINE.fullmatch(line)
    if found is None:
        return False
    salt, digest = (base64.b64decode(part + b"=" * (-len(part) % 4)) for part in found.groups())
    return hmac.compare_digest(derive(password, salt), digest)


def derive(password: bytes, salt: bytes) -> bytes:
    """Give the 32 octets that a password comes to with a salt. Takes its time, and gives other threads theirs."""
    return hashlib.scrypt(password, salt=salt, n=1 << LOG_COST, r=BLOCK, p=LANES, maxmem=MEMORY, dklen=32)


def _base64(octets: bytes) -> bytes:
    return base64.b64encode(octets).rstrip(b"=")


NOBODY = _FORM.encode() + _base64(bytes(16)) + b"$" + _base64(bytes(32))
"""A hash of no password: what unknown names are compared with."""
