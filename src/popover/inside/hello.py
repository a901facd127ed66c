"""The first octets of a client that is to begin TLS: whether they are TLS, and what its hello asks for. Dry.

They are looked at before OpenSSL gets them, for two reasons. Python's server side accepts a client that asks by ALPN
for another protocol (a browser's HTTPS that was sent here: ALPACA), and whoever speaks no TLS at all is to hear so in
words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

HELLO_LIMIT = 16 * 1024
"""Octets of a ClientHello. Those of today have 0.3 to 2 KiB (post-quantum keys); OpenSSL takes 128 KiB."""

_RECORD, _HANDSHAKE, _CLIENT_HELLO = 5, 22, 1  # octets of a record's head; RFC 8446 section 5.1 and 4
_ALPN, _VERSIONS = 16, 43  # RFC 7301; RFC 8446 section 4.2.1
_NAMES = {2: "SSL 2", 0x300: "SSL 3", 0x301: "TLS 1.0", 0x302: "TLS 1.1", 0x303: "TLS 1.2", 0x304: "TLS 1.3"}


@dataclass(frozen=True, slots=True)
class Hello:
    """What a client says. `version`: the newest that it speaks, as in its hello (0x0303 is TLS 1.2); `alpn`: the names
    of the protocols that it asks for; `old_size`: octets of a hello in SSL 2's form, which some speak that know more;
    else 0.
    """

    version: int
    alpn: tuple[bytes, ...] = field(default=())
    old_size: int = field(default=0)

    @property
    def speaks(self) -> str:
        """The newest version, for people."""
        return _NAMES.get(self.version, "an unknown TLS")


class NoTLSError(ValueError):
    """What has come is no TLS."""


def read_hello(first: bytes) -> Hello | None:
    """Read a client's first octets; None: more must come. Raises NoTLSError."""
    if first[:1] >= b"\x80":
        return _read_old(first)
    if not (b"\x16\x03").startswith(first[:2]):
        raise NoTLSError
    body = b""
    at = 0
    while at + _RECORD <= len(first):
        size = first[at + 3] << 8 | first[at + 4]
        if first[at] != _HANDSHAKE or first[at + 1] != 3 or not size:  # noqa: PLR2004 - the major version
            raise NoTLSError
        body += first[at + _RECORD : at + _RECORD + size]
        at += _RECORD + size
        if body[:1] not in {b"", b"\x01"}:
            raise NoTLSError
        if len(body) >= 4:  # noqa: PLR2004 - type and length
            need = 4 + int.from_bytes(body[1:4])
            if need > HELLO_LIMIT:
                raise NoTLSError
            if len(body) >= need:
                return _read_body(body[4:need])
    if len(first) > HELLO_LIMIT + HELLO_LIMIT // 4:  # a hello in records of a few octets each is nobody's
        raise NoTLSError
    return None


def _read_old(first: bytes) -> Hello | None:
    """SSL 2's form: length, 1, the newest version (RFC 5246 appendix E.2). Windows XP and Java 6 begin so."""
    if len(first) < _RECORD:
        if first[2:3] not in {b"", b"\x01"}:
            raise NoTLSError
        return None
    version = first[3] << 8 | first[4]
    if first[2] != _CLIENT_HELLO or version not in _NAMES:
        raise NoTLSError
    size = 2 + ((first[0] & 0x7F) << 8 | first[1])
    if size > HELLO_LIMIT:
        raise NoTLSError
    return Hello(version, old_size=size) if len(first) >= size else None


def _read_body(body: bytes) -> Hello:
    """Read a whole ClientHello (RFC 8446 section 4.1.2). What makes no sense in it is OpenSSL's to refuse."""
    version = int.from_bytes(body[:2])
    alpn: tuple[bytes, ...] = ()
    for kind, content in _extensions(body):
        if kind == _ALPN:
            alpn = tuple(_names(content[2:]))
        elif kind == _VERSIONS:
            told = [int.from_bytes(content[at : at + 2]) for at in range(1, len(content) - 1, 2)]
            version = max([version, *(one for one in told if one in _NAMES)])  # others are GREASE (RFC 8701)
    return Hello(version, alpn)


def _extensions(body: bytes) -> Iterator[tuple[int, bytes]]:
    at = 2 + 32  # version, random
    for width in (1, 2, 1):  # session id, cipher suites, compression methods
        at += width + int.from_bytes(body[at : at + width])
    at += 2
    while at + 4 <= len(body):
        size = int.from_bytes(body[at + 2 : at + 4])
        yield int.from_bytes(body[at : at + 2]), body[at + 4 : at + 4 + size]
        at += 4 + size


def _names(listed: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(listed):
        size = listed[at]
        yield listed[at + 1 : at + 1 + size]
        at += 1 + size
