"""Reading a certificate: what a person wants to know of it when it was refused, and its public key.

The standard library decodes only certificates that it has verified, and those that were refused are
just the ones to tell about. So the few fields are read here from the DER (X.690) of RFC 5280
section 4.1. Nothing here decides about trust: that is OpenSSL's business alone.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import ipaddress
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

_SEQUENCE, _INTEGER, _BITS, _OCTETS, _OID = 0x30, 0x02, 0x03, 0x04, 0x06
_UTC_TIME = 0x17
_EXTENSIONS = 0xA3  # [3] EXPLICIT
_VERSION = 0xA0  # [0] EXPLICIT
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87  # GeneralName, RFC 5280 section 4.2.1.6
_SAN = bytes.fromhex("551d11")
_AUTHORITY_ACCESS = bytes.fromhex("2b06010505070101")  # RFC 5280 section 4.2.2.1
_ISSUERS = bytes.fromhex("2b06010505073002")
_URL = 0x86  # GeneralName
_COMMON_NAME = bytes.fromhex("550403")
_ORGANISATION = bytes.fromhex("55040a")
_IP_LENGTHS = (4, 16)  # IPv4, IPv6; others (eight and 32 in name constraints) are no host's address
_LONG_FORM, _LENGTH_BYTES = 0x80, 4
_TIME_LENGTH = len("YYYYMMDDHHMMSSZ")


@dataclass(frozen=True, slots=True)
class Certificate:
    """`names`: DNS names and IP addresses of the subjectAltName. `pin`: SHA-256 of the public key (SPKI). `subject`
    and `issuer` are for people; `subject_der` and `issuer_der` tell one name from another. `issuer_urls`: where it says
    that the certificate of its issuer can be had.
    """

    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    names: tuple[str, ...]
    pin: bytes
    subject_der: bytes
    issuer_der: bytes
    issuer_urls: tuple[str, ...] = ()

    @property
    def self_signed(self) -> bool:
        """Whether it names itself as its issuer."""
        return self.subject_der == self.issuer_der

    def is_valid_at(self, moment: datetime) -> bool:
        """Whether this moment lies between its two dates."""
        return self.not_before <= moment <= self.not_after


def read_certificate(der: bytes) -> Certificate:
    """Read the DER of one certificate. Raises ValueError for what is none."""
    try:
        return _certificate(der)
    except IndexError as fault:
        raise ValueError("not a certificate in DER") from fault


def pin_of(der: bytes) -> bytes:
    """Give the SHA-256 of the certificate's SubjectPublicKeyInfo, as RFC 7469 section 2.4 has it."""
    return read_certificate(der).pin


def pem_of(der: bytes) -> str:
    """Write it as text, as RFC 7468 section 5 has it."""
    lines = "\n".join(textwrap.wrap(base64.b64encode(der).decode("ascii"), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"


def _certificate(der: bytes) -> Certificate:
    body = _inside(_inside(der, _SEQUENCE), _SEQUENCE)
    parts = [(tag, content, whole) for tag, content, whole in _items(body) if tag != _VERSION]
    # serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo, ...
    issuer, validity, subject, key = parts[2:6]
    begin, end = (_time(tag, content) for tag, content, _ in _items(validity[1]))
    extensions: dict[bytes, bytes] = {}
    for tag, content, _ in parts[6:]:
        if tag == _EXTENSIONS:
            extensions = dict(_extensions(_inside(content, _SEQUENCE)))
    return Certificate(
        subject=_name(subject[1]),
        issuer=_name(issuer[1]),
        not_before=begin,
        not_after=end,
        names=tuple(_alternative_names(extensions[_SAN])) if _SAN in extensions else (),
        pin=hashlib.sha256(key[2]).digest(),
        subject_der=subject[2],
        issuer_der=issuer[2],
        issuer_urls=_issuer_urls(extensions.get(_AUTHORITY_ACCESS, b"")),
    )


def _items(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Walk the elements of `data`: tag, content, and the whole element."""
    at = 0
    while at < len(data):
        start, tag, length = at, data[at], data[at + 1]
        at += 2
        if length & _LONG_FORM:
            count = length & ~_LONG_FORM
            if not 0 < count <= _LENGTH_BYTES:
                raise ValueError("a length that no certificate has")
            length = int.from_bytes(data[at : at + count], "big")
            at += count
        if at + length > len(data):
            raise ValueError("an element that is longer than what it is in")
        at += length
        yield tag, data[at - length : at], data[start:at]


def _inside(data: bytes, tag: int) -> bytes:
    first = next(_items(data), None)  # without the None, a generator that calls this would end in a RuntimeError
    if first is None or first[0] != tag:
        raise ValueError("not the element that belongs here")
    return first[1]


def _time(tag: int, content: bytes) -> datetime:
    """UTCTime has two digits of the year: 50 and more are 19xx (RFC 5280 section 4.1.2.5.1)."""
    text = content.decode("ascii")
    if tag == _UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    if len(text) != _TIME_LENGTH or text[-1] != "Z" or not text[:-1].isdigit():
        raise ValueError("a time that no certificate has")
    year, month, day, hour, minute, second = int(text[:4]), *(int(text[at : at + 2]) for at in range(4, 14, 2))
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


def _name(data: bytes) -> str:
    """The name a person would use: the common name, else the organisation, else all of it."""
    found = {}
    for _, relative, _ in _items(data):
        for _, pair, _ in _items(relative):
            (_, oid, _), (_, value, _) = _items(pair)
            found[oid] = value.decode("utf-8", "replace")
    return found.get(_COMMON_NAME) or found.get(_ORGANISATION) or ", ".join(found.values())


def _extensions(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Walk the extensions: the identifier of each, and what stands in its OCTET STRING."""
    for _, extension, _ in _items(data):
        fields = [(tag, content) for tag, content, _ in _items(extension)]
        if fields[0][0] == _OID:
            yield fields[0][1], fields[-1][1]


def _alternative_names(extension: bytes) -> Iterator[str]:
    for tag, content, _ in _items(_inside(extension, _SEQUENCE)):
        if tag == _DNS_NAME:
            yield content.decode("latin-1")
        elif tag == _IP_ADDRESS and len(content) in _IP_LENGTHS:  # OpenSSL takes a host for no other
            yield str(ipaddress.ip_address(content))


def _issuer_urls(extension: bytes) -> tuple[str, ...]:
    """Only a hint for people: what is no such list is none."""
    urls = []
    with contextlib.suppress(ValueError, IndexError):
        for _, description, _ in _items(_inside(extension, _SEQUENCE)):
            (_, method, _), (tag, location, _) = _items(description)
            if method == _ISSUERS and tag == _URL:
                urls.append(location.decode("latin-1"))
    return tuple(urls)
