"""Who we are to clients that speak TLS: a certificate, its key, and the contexts made of them.

Either the operator's (`tls_cert`, `tls_key`), read and checked with every fault in plain words, or popover's own
(selfmade.py).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from popover.config import Inside
from popover.errors import ConfigError
from popover.inside import selfmade
from popover.inside.tls import ENCRYPTED, Keys, KeysError
from popover.protocols import DIALECTS

_OTHERS = 0o006  # bits of a file's mode


def alpn_of(dialect: str) -> str:
    """Give the name by which clients ask for a dialect. SMTP has none in the registry; nginx calls it so, too."""
    return DIALECTS[dialect].ALPN or dialect


@dataclass(frozen=True, slots=True)
class Identity:
    """One certificate, ready to be shown. `der`: the certificate itself; `to_import`: files for the client, where it is
    popover's own.
    """

    keys: Keys
    der: bytes
    inside: Inside
    to_import: tuple[Path, ...] = field(default=())

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as mail programs show it."""
        return hashlib.sha256(self.der).digest().hex(":").upper()

    @property
    def how_to_trust(self) -> str:
        """What the operator can do about a client that does not trust it."""
        if self.to_import:
            pem, der = self.to_import
            return f"import {pem} (or {der}) into the mail program or its system; its SHA-256 is {self.fingerprint}"
        return f"the client must know the authority that signed {self.inside.tls_cert}, and call us by a name in it"


def given(inside: Inside) -> Identity:
    """Read the operator's certificate and key. Raises ConfigError."""
    if inside.tls_cert is None:
        raise ConfigError("tls_cert: there is none")
    try:
        der = selfmade.first_certificate(inside.tls_cert.read_text(encoding="latin-1"))
        return Identity(
            Keys(inside.tls_cert, inside.tls_key, map(alpn_of, DIALECTS), legacy=inside.legacy), der, inside
        )
    except (OSError, ValueError) as fault:
        raise ConfigError(_why(inside, fault)) from None


def own(directory: Path, inside: Inside) -> Identity | None:
    """Read the certificate that popover has made; None: there is none. Raises ConfigError for one that is of no use."""
    place = directory / selfmade.IDENTITY
    try:
        der = selfmade.first_certificate(place.read_text(encoding="ascii"))
        keys = Keys(place, None, map(alpn_of, DIALECTS), legacy=inside.legacy)
        selfmade.publish(directory, der)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as fault:
        detail = fault.strerror if isinstance(fault, OSError) and fault.strerror else fault
        raise ConfigError(
            f"tls: the certificate that popover has made, {place}, cannot be used ({detail}): remove it for a new "
            "one, or let popover's user read it"
        ) from None
    return Identity(keys, der, inside, (directory / selfmade.PEM, directory / selfmade.DER))


def others_may_read(inside: Inside) -> Path | None:
    """Give the file of the key, if every user of this machine can read it."""
    place = inside.tls_key or inside.tls_cert
    if place is None:
        return None
    try:
        return place if place.stat().st_mode & _OTHERS else None
    except OSError:
        return None


def _why(inside: Inside, fault: Exception) -> str:
    """Say why a certificate and its key are of no use, and what would be right."""
    cert, key = inside.tls_cert, inside.tls_key or inside.tls_cert
    reason = fault.reason if isinstance(fault, KeysError) else ""
    if isinstance(fault, PermissionError):
        return f"tls_cert, tls_key: {fault.filename or key} cannot be read by popover's user: let it"
    if reason == "KEY_VALUES_MISMATCH":
        return f"tls_key: {key} is not the key of {cert}: name the two that were made together"
    if reason in {"EE_KEY_TOO_SMALL", "CA_MD_TOO_WEAK", "CA_KEY_TOO_SMALL"}:
        return f"tls_cert: the key or the signature of {cert} is too weak ({reason}): have a new one made"
    if reason == ENCRYPTED:
        return f"tls_key: {key} is encrypted, and nobody is there to type its password: openssl pkey -in {key} -out NEW"
    detail = reason or (fault.strerror if isinstance(fault, OSError) else "") or fault
    return f"tls_cert, tls_key: {cert} with {key} cannot be used: {detail}"
