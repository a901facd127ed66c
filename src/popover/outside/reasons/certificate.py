"""Why a certificate was refused. The codes are those of `X509_V_ERR_*` (OpenSSL, include/openssl/x509_vfy.h)."""

from __future__ import annotations

from collections.abc import Callable

from popover.config import Server
from popover.outside.certificate import Certificate
from popover.outside.chain import Seen, Way
from popover.outside.reasons.issuer import self_signed, unknown_issuer
from popover.outside.reasons.shown import Words, clock, day, name, now
from popover.protocols import printable
from popover.wire.engine import UntrustedError

_OURS = "it is one that this machine trusts: update the package ca-certificates, or the file that ca_file names"
_SELF_SIGNED = 18
_OTHER_NAME_CODES = (62, 64)  # of a host, of an address
_ISSUER_CODES = (2, 19, 20, 21, 27)
_NAMES_SHOWN = 8


def certificate_words(fault: UntrustedError, server: Server, seen: Seen) -> Words:
    """Say what is wrong with it, and whose business that is."""
    code = fault.code
    of = f"the certificate of {server.host}"
    if speak := _OF_TIME.get(code):
        return speak(server.host, seen.way)
    if code == _SELF_SIGNED:
        return self_signed(server, seen.way)
    if code in _OTHER_NAME_CODES:
        return _other_name(of, server, seen.way[0].certificate if seen.way else None)
    if code in _ISSUER_CODES:
        return unknown_issuer(server, seen)
    if words := _FIXED.get(code):
        return f"{of} {words[0]}", words[1]
    return f"{of} is not valid: {fault.detail}", "ask the server's operator for a valid certificate"


def _at_fault(host: str, way: Way, is_wrong: Callable[[Certificate], bool]) -> tuple[str, Certificate | None, str]:
    """Find the certificate that is wrong: how to call it, itself if it was seen, and whose business it is. OpenSSL goes
    from the top down, and so do we.
    """
    wrong = [place for place, link in enumerate(way) if is_wrong(link.certificate)]
    if way and not wrong:  # it was sealed, or is not in our store
        above = name(way[-1].certificate.issuer)
        return f"the certificate of {above}, which vouches for {host}, or one above it", None, _OURS
    if not wrong or not wrong[-1]:
        return f"the certificate of {host}", way[0].certificate if way else None, "the server's operator must renew it"
    found, is_ours = way[wrong[-1]]
    whose = _OURS if is_ours else "the server's operator must send a current one in its place"
    return f"the certificate of {name(found.subject)}, which vouches for {host},", found, whose


def _expired(host: str, way: Way) -> Words:
    moment = now()
    of, found, whose = _at_fault(host, way, lambda one: one.not_after < moment)
    when = f" on {day(found.not_after)}" if found else ""
    return f"{of} ran out{when} (expired)", f"{whose}; this machine's clock says {clock()}, if that is wrong set it"


def _not_yet(host: str, way: Way) -> Words:
    moment = now()
    of, found, _ = _at_fault(host, way, lambda one: one.not_before > moment)
    when = f" before {day(found.not_before)}" if found else " yet"
    return f"{of} is not yet valid: not valid{when}", f"this machine's clock says {clock()}: is it right?"


_OF_TIME: dict[int, Callable[[str, Way], Words]] = {9: _not_yet, 10: _expired}


def _other_name(of: str, server: Server, seen: Certificate | None) -> Words:
    if seen is None:
        return (
            f"{of} is for another name",
            f"use the name that is in the certificate instead of {server.host}",
        )
    names = ", ".join(printable(name.encode("latin-1", "replace")) for name in seen.names[:_NAMES_SHOWN])
    if not names:
        return f"{of} is for no name at all: it has no subjectAltName", (
            "a common name alone does not count (RFC 9525); its operator must renew the certificate"
        )
    return f"{of} is for another name: {names}", (
        f"if one of these is your server, use it instead of {server.host}; if {server.host} is right, and the provider "
        "says that one of these is the server's own name, write that as certificate_name"
    )


_FIXED: dict[int, Words] = {
    23: ("was revoked by its authority", "the server's operator must get a new one"),
    26: (
        "is not made for a server (its purpose is another)",
        "the server's operator must use one with the extended key usage serverAuth",
    ),
    66: ("has a key that is too short to be safe", "the server's operator must use RSA 2048 or better"),
    67: ("comes from an authority with a key too short to be safe", "the operator must get one from another"),
    68: (
        "is signed with a digest too weak to be safe, such as SHA-1",
        "the server's operator must get one that is signed with SHA-256",
    ),
}
