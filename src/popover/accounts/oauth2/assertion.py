"""What is signed with a key in a secret's place (RFC 7523): for Google's service accounts, and for Microsoft's clients
that have a certificate. It needs `cryptography`: `pip install "popover[jwt]"`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from dataclasses import dataclass, field

from popover.accounts.oauth2.way import Way
from popover.config import Account
from popover.errors import SignInNeeded

LIFE = 600
"""Seconds that one is good for: Google takes an hour at most, Microsoft advises 5 to 10 minutes."""

EARLY = 60  # seconds before now, for whoever's clock is slow

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\s+(.*?)-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Key:
    """A private key, PEM, and how the provider finds its public half: by an id, or by its certificate (DER)."""

    pem: bytes = field(repr=False)
    key_id: str | None = None
    certificate: bytes | None = None

    @classmethod
    def read(cls, octets: bytes, key_id: str | None) -> Key:
        """Read a PEM file, a certificate in it or not, or the JSON file that Google gives for a service account."""
        if octets.lstrip().startswith(b"{"):
            try:
                found = json.loads(octets)
                return cls(found["private_key"].encode("ascii"), key_id or found.get("private_key_id"))
            except (ValueError, KeyError, AttributeError):
                raise SignInNeeded(
                    "the key of this account cannot be read", "key: this JSON file holds no private_key"
                ) from None
        shown = _CERTIFICATE.search(octets.decode("latin-1"))
        try:
            return cls(octets, key_id, base64.b64decode("".join(shown[1].split())) if shown else None)
        except ValueError:
            raise SignInNeeded("the key of this account cannot be read", "key: its certificate is damaged") from None

    def header(self) -> dict[str, str]:
        """Say which key signs: `kid`, or the certificate's thumbprints (RFC 7515 sections 4.1.4, 4.1.7, 4.1.8)."""
        found = {"alg": "RS256", "typ": "JWT"}
        if self.key_id is not None and self.certificate is None:
            found["kid"] = self.key_id
        if self.certificate is not None:
            found["x5t"] = _base64url(hashlib.sha1(self.certificate, usedforsecurity=False).digest())
            found["x5t#S256"] = _base64url(hashlib.sha256(self.certificate).digest())
        return found


def of_client(way: Way, key: Key, now: float) -> str:
    """Say who we are, instead of a secret (RFC 7523 section 3)."""
    return _signed(key, _claims(way, now, sub=way.client_id))


def of_account(way: Way, key: Key, account: Account, now: float) -> str:
    """Ask in the name of a mailbox's user, who has trusted this key beforehand (Google's domain-wide delegation)."""
    return _signed(key, _claims(way, now, sub=account.user, scope=" ".join(way.asked)))


def _claims(way: Way, now: float, **more: str) -> dict[str, str | int]:
    begins = int(now) - EARLY
    return {
        "iss": way.client_id,
        "aud": way.token_url,
        "iat": begins,
        "nbf": begins,
        "exp": int(now) + LIFE,
        "jti": secrets.token_urlsafe(16),
        **more,
    }


def _signed(key: Key, claims: dict[str, str | int]) -> str:
    """Sign (RFC 7515 section 3.1). Raises SignInNeeded for a key that cannot."""
    try:
        from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 - few need it
        from cryptography.hazmat.primitives.asymmetric import padding, rsa  # noqa: PLC0415
    except ImportError:
        raise SignInNeeded(
            "the gateway lacks a part that signing in by a key needs",
            'install it: pip install "popover[jwt]", or the package python3-cryptography',
        ) from None
    try:
        private = serialization.load_pem_private_key(key.pem, None)
    except (ValueError, TypeError):  # what it says may show what is in the file
        private = None
    if not isinstance(private, rsa.RSAPrivateKey):
        raise SignInNeeded("the key of this account cannot be read", "key: it must be an RSA key, PEM, no passphrase")
    text = ".".join(_base64url(json.dumps(part, separators=(",", ":")).encode()) for part in (key.header(), claims))
    signature = private.sign(text.encode("ascii"), padding.PKCS1v15(), hashes.SHA256())
    return f"{text}.{_base64url(signature)}"


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")
