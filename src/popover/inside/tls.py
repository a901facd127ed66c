"""TLS of any age, towards clients: the contexts, and what this machine's OpenSSL cannot do.

Two kinds. The ordinary one has TLS 1.2 and 1.3 with forward secrecy. `legacy` has what old clients know besides: TLS
1.0 and 1.1 sign with MD5 and SHA-1, which OpenSSL allows at security level 0 alone, and old devices know RSA key
exchange only. A modern client on the same port still gets TLS 1.3: the server chooses, the best first.

A session id is issued to every client that does not ask for a ticket: Outlook on Windows XP fails without. Python's
contexts have a session id context and a cache for that (20,480 sessions at most, as OpenSSL has it), and nothing here
turns them off.
"""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Iterable
from pathlib import Path

from popover.wire.engine import Engine
from popover.wire.openssl import OpenSSL, tell_cuts
from popover.wire.verified import CIPHERS

LEGACY_CIPHERS = (
    "ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:DHE+AES:kRSA+AES:kRSA+CAMELLIA:3DES:RC4-SHA:RC4-MD5:"
    "!aNULL:!eNULL:!aDSS:!PSK:!SRP:!AESCCM8:@SECLEVEL=0"
)
"""What TLS 1.2 may use towards servers (wire/verified.py), and below it what each age had: RSA key exchange, SHA-1,
3DES and RC4 where OpenSSL still has them. Nothing without a key or without encryption, and no export ciphers: FREAK and
Logjam used those. CCM with tags of 8 octets (RFC 6655) is for sensors, and OpenSSL 3.6 counts it as 64 bits."""

ENCRYPTED = "ENCRYPTED"  # the reason of a KeysError, besides OpenSSL's own

TICKETS = 1
"""Tickets for a client of TLS 1.3. OpenSSL gives two, for browsers that come back on many connections at once."""


class KeysError(ValueError):
    """A certificate or its key is of no use. `reason`: OpenSSL's name for it, such as "KEY_VALUES_MISMATCH"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Keys:
    """The contexts of one certificate, one for each name of a protocol (`alpns`). Raises KeysError, or OSError."""

    def __init__(self, cert: Path, key: Path | None, alpns: Iterable[str], *, legacy: bool) -> None:
        self._cert = cert
        self._key = key
        self._legacy = legacy
        # All of them now: popover may become a user who cannot read the key.
        self._contexts = {alpn: self._context(alpn) for alpn in alpns}

    def engine(self, alpn: str, old_hello: int = 0) -> Engine:
        """Make the TLS of a new connection. `alpn`: the name of what is spoken; `old_hello`: octets of a hello in SSL
        2's form, with which it will begin.
        """
        return OpenSSL(self._contexts[alpn], None, server_side=True, old_hello=old_hello)

    def _context(self, alpn: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tell_cuts(context)
        context.options |= ssl.OP_NO_RENEGOTIATION  # its cost is ours, its use nobody's
        context.num_tickets = TICKETS
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(LEGACY_CIPHERS if self._legacy else CIPHERS)
        if self._legacy:
            _grow_old(context)
        context.set_alpn_protocols([alpn])
        try:
            context.load_cert_chain(self._cert, self._key, password=_no_password)
        except ssl.SSLError as fault:
            raise KeysError(fault.reason or str(fault)) from None
        return context

    def missing(self) -> list[str]:
        """What old clients may insist on, and this machine's OpenSSL cannot do."""
        suites = {cipher["name"] for context in self._contexts.values() for cipher in context.get_ciphers()}
        has = {
            "SSL 3": ssl.HAS_SSLv3,
            "TLS 1.0": ssl.HAS_TLSv1,
            "TLS 1.1": ssl.HAS_TLSv1_1,
            "3DES": any("DES-CBC3" in name for name in suites),
            "RC4": any("RC4" in name for name in suites),
        }
        return [name for name, is_there in has.items() if not is_there]


def _grow_old(context: ssl.SSLContext) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of what was asked for
        if ssl.HAS_SSLv3:
            context.options &= ~ssl.OP_NO_SSLv3
            context.minimum_version = ssl.TLSVersion.SSLv3
        else:
            context.minimum_version = ssl.TLSVersion.TLSv1


def _no_password() -> str:
    raise KeysError(ENCRYPTED)  # a daemon has nobody to ask
