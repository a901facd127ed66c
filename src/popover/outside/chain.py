"""The chain of certificates that a server sent. Decides nothing about trust: it is looked at when OpenSSL has refused,
so that the words can name the certificate that is at fault.

Python tells the chain of a connection only from 3.13 on (`get_unverified_chain`). In TLS 1.2 it travels unsealed (RFC
5246 section 7.4.2), so a second look, with TLS 1.2 where the server speaks it, hears it pass.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from popover.outside.certificate import Certificate, read_certificate

_HANDSHAKE, _CERTIFICATE = 22, 11  # content type and handshake type, RFC 5246 sections 6.2.1 and 7.4
_HEAD = 5  # octets before a record
_MESSAGE_HEAD = 4
_LENGTH = 3  # octets of the length of a certificate, and of their list
LONGEST = 10
"""Certificates of a chain that are looked at. OpenSSL gives up at 100, real ones have three or four."""


class Link(NamedTuple):
    """One certificate on the way up from the server's own. `is_ours`: it is in the trust store."""

    certificate: Certificate
    is_ours: bool = False


Way = Sequence[Link]


class Shown(NamedTuple):
    """What a server shows of itself: certificates in DER, its own first. `is_all`: they are all that it sends."""

    sent: list[bytes]
    is_all: bool


class Seen(NamedTuple):
    """What is known of a certificate that was refused: the `way` up from it; `is_all`: of all that the server sends;
    `knows_nobody`: this machine trusts no authority at all.
    """

    way: Way = ()
    is_all: bool = False
    knows_nobody: bool = False


def overheard(octets: bytes | bytearray) -> list[bytes]:
    """Find the certificates, in DER, the server's own first, in what it said in a handshake of TLS 1.2. Empty if they
    are not in there.
    """
    said = b"".join(_unsealed(bytes(octets)))
    at = 0
    while at + _MESSAGE_HEAD <= len(said):
        end = at + _MESSAGE_HEAD + int.from_bytes(said[at + 1 : at + _MESSAGE_HEAD], "big")
        if said[at] == _CERTIFICATE and end <= len(said):
            return list(_items(said[at + _MESSAGE_HEAD + _LENGTH : end]))[:LONGEST]
        at = end
    return []


def _unsealed(octets: bytes) -> Iterator[bytes]:
    """The handshake's records, up to the first that is another's: from ChangeCipherSpec on all is sealed."""
    at = 0
    while octets[at : at + 1] == bytes([_HANDSHAKE]):
        end = at + _HEAD + int.from_bytes(octets[at + 3 : at + _HEAD], "big")
        yield octets[at + _HEAD : end]
        at = end


def _items(content: bytes) -> Iterator[bytes]:
    at = 0
    while at + _LENGTH <= len(content):
        end = at + _LENGTH + int.from_bytes(content[at : at + _LENGTH], "big")
        yield content[at + _LENGTH : end]
        at = end


def way_up(sent: list[bytes], trusted: list[bytes], now: datetime) -> list[Link]:
    """Go from the server's own certificate up to an authority, as OpenSSL does: each issuer is looked for among those
    that we trust, then among those that the server sent, and one that is valid `now` is preferred. Empty if the
    server's own cannot be read.
    """
    try:
        own, *rest = sent
        way = [Link(read_certificate(own))]
    except ValueError:  # none at all, or one that cannot be read
        return []
    others = list(_read(rest))
    while len(way) < LONGEST and not way[-1].certificate.self_signed:
        name = way[-1].certificate.issuer_der
        found = _best(_read(der for der in trusted if name in der), name, now)
        if found is not None:
            way.append(Link(found, is_ours=True))
        elif not way[-1].is_ours and (found := _best(others, name, now)) is not None:
            others.remove(found)
            way.append(Link(found))
        else:
            break
    return way


def _read(ders: Iterable[bytes]) -> Iterator[Certificate]:
    for der in ders:
        with contextlib.suppress(ValueError):
            yield read_certificate(der)


def _best(candidates: Iterable[Certificate], name: bytes, now: datetime) -> Certificate | None:
    fit = [one for one in candidates if one.subject_der == name]
    return next((one for one in fit if one.is_valid_at(now)), fit[0] if fit else None)
