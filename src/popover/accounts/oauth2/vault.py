"""What seals an account's tokens by its local password: AES-256-GCM (NIST SP 800-38D), with a key that scrypt (RFC
7914) makes of the password. It needs `cryptography`: `pip install "popover[vault]"`. Dry.

It helps against whoever gets at the files alone: a disk, a backup. Whoever gets at the running gateway gets at all that
passes through it; and a password that can be guessed is soon found, at one scrypt a guess.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from popover.accounts.scrypt import derive

SALT = 16  # octets; RFC 8018 section 4.1 wants 8 at least
_NONCE = 12  # octets (SP 800-38D section 8.2.2); one key seals an account's file once an hour, and may 2**32 times


@dataclass(frozen=True, slots=True)
class Key:
    """`salt`: what it was made with, besides a password; it stands beside what is sealed, and is no secret."""

    salt: bytes
    octets: bytes = field(repr=False)

    @classmethod
    def of(cls, password: bytes, salt: bytes | None = None) -> Key:
        """Make it of a password, with a new salt or with a given one. Takes its time: see scrypt.py."""
        salt = os.urandom(SALT) if salt is None else salt
        return cls(salt, derive(password, salt))

    def seal(self, clear: bytes, about: bytes) -> bytes:
        """Seal it. `about` stands beside it in clear, and cannot be changed any more, either."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - few need it

        nonce = os.urandom(_NONCE)
        return nonce + AESGCM(self.octets).encrypt(nonce, clear, about)

    def open(self, sealed: bytes, about: bytes) -> bytes | None:
        """Open it; None: another key has sealed it, or a bit of it, or of what is said about it, is another."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - likewise
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        try:
            return AESGCM(self.octets).decrypt(sealed[:_NONCE], sealed[_NONCE:], about)
        except (InvalidTag, ValueError):  # ValueError: a nonce of less than eight octets
            return None
