"""Why there is no TLS, in plain words: OpenSSL's codes on one side, sentences for people on the other.

The codes are those of `X509_V_ERR_*` (OpenSSL, include/openssl/x509_vfy.h) and the reason names of
`TLSError`. The one remedy that is never proposed is to verify less.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from popover.config import SERVER_PORTS, Server, pin_text
from popover.errors import ServerFailure, TLSFailure
from popover.outside.certificate import Certificate
from popover.outside.chain import Link
from popover.protocols import printable
from popover.wire.engine import Ending, TLSError, UntrustedError

_Words = tuple[str, str]
Way = Sequence[Link]

_OURS = "it is one that this machine trusts: update the package ca-certificates, or the file that ca_file names"
_WITH_ONE_BETWEEN = 3
_ISSUER_CODES = (2, 19, 20, 21, 27)
_NAMES_SHOWN = 8


def explain_tls(fault: OSError, server: Server, way: Way = ()) -> TLSFailure:
    """Turn what the handshake raised into words. `way`: from the server's certificate up, as far as it was seen."""
    if isinstance(fault, UntrustedError):
        cause, remedy = _certificate_words(fault, server, way)
    elif isinstance(fault, TLSError):
        cause, remedy = _protocol_words(fault, server)
    else:
        cause = f"{server.host} closed the connection during the TLS handshake"
        remedy = f"is TLS what {server} speaks on that port? the other side or a firewall cut it"
    return TLSFailure(cause, remedy)


def _certificate_words(fault: UntrustedError, server: Server, way: Way) -> _Words:
    code = fault.code
    of = f"the certificate of {server.host}"
    if speak := _WITH_CERTIFICATE.get(code):
        return speak(server.host, way)
    if code in (62, 64):
        return _other_name(of, server, way[0].certificate if way else None)
    if code in _ISSUER_CODES:
        return _unknown_issuer(of, way)
    if words := _FIXED.get(code):
        return f"{of} {words[0]}", words[1]
    return f"{of} is not valid: {fault.detail}", "ask the server's operator for a valid certificate"


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


def _name(text: str) -> str:
    return f'"{printable(text.encode("latin-1", "replace"))}"'


def _at_fault(host: str, way: Way, is_wrong: Callable[[Certificate], bool]) -> tuple[str, Certificate | None, str]:
    """Find the certificate that is wrong: how to call it, itself if it was seen, and whose business it is. OpenSSL goes
    from the top down, and so do we.
    """
    wrong = [place for place, link in enumerate(way) if is_wrong(link.certificate)]
    if way and not wrong:  # it was sealed, or is not in our store
        above = _name(way[-1].certificate.issuer)
        return f"the certificate of {above}, which vouches for {host}, or one above it", None, _OURS
    if not wrong or not wrong[-1]:
        return f"the certificate of {host}", way[0].certificate if way else None, "the server's operator must renew it"
    found, is_ours = way[wrong[-1]]
    whose = _OURS if is_ours else "the server's operator must send a current one in its place"
    return f"the certificate of {_name(found.subject)}, which vouches for {host},", found, whose


def _expired(host: str, way: Way) -> _Words:
    now = _now()
    of, found, whose = _at_fault(host, way, lambda one: one.not_after < now)
    when = f" on {_day(found.not_after)}" if found else ""
    return f"{of} ran out{when} (expired)", f"{whose}; this machine's clock says {_clock()}, if that is wrong set it"


def _not_yet(host: str, way: Way) -> _Words:
    now = _now()
    of, found, _ = _at_fault(host, way, lambda one: one.not_before > now)
    when = f" before {_day(found.not_before)}" if found else " yet"
    return f"{of} is not yet valid: not valid{when}", f"this machine's clock says {_clock()}: is it right?"


def _self_signed(host: str, way: Way) -> _Words:
    pin = f" (its public key: {pin_text(way[0].certificate.pin)})" if way else ""
    name = f" ({_name(way[0].certificate.subject)})" if way and way[0].certificate.subject else ""
    return f"the certificate of {host}{name} is self-signed: nobody vouches for it", (
        f"if it is your own server, copy its certificate here and name it with ca_file (--ca-file){pin}"
    )


def _unknown_issuer(of: str, way: Way) -> _Words:
    by, missing = "", "; or the server does not send an intermediate certificate: tell its operator"
    if way:
        own, top = way[0].certificate, way[-1].certificate
        by = f" by {_name(own.issuer)}"
        if len(way) > 1 and own.issuer_der != top.issuer_der:
            by += f", and that {'in the end ' if len(way) > _WITH_ONE_BETWEEN else ''}by {_name(top.issuer)}"
        if top.self_signed:  # so it sent them all
            missing = ""
    return f"{of} is signed{by}, which this machine does not know", (
        f"install the package ca-certificates, or name the authority's file with ca_file (--ca-file){missing}"
    )


def _other_name(of: str, server: Server, seen: Certificate | None) -> _Words:
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


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)


def _clock() -> str:
    return f"{_now():%Y-%m-%d %H:%M} UTC"


_WITH_CERTIFICATE: dict[int, Callable[[str, Way], _Words]] = {
    9: _not_yet,
    10: _expired,
    18: _self_signed,
}

_FIXED: dict[int, _Words] = {
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

_PLAIN = "WRONG_VERSION_NUMBER"
ALPN_REFUSED = "TLSV1_ALERT_NO_APPLICATION_PROTOCOL"
_CLIENT_CERTIFICATE = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
_PROTOCOL: dict[str, _Words] = {
    "TLSV1_ALERT_PROTOCOL_VERSION": (
        "offers only versions of TLS that are too old",
        "popover wants TLS 1.2 or newer (min_tls); the server must be updated",
    ),
    "SSLV3_ALERT_HANDSHAKE_FAILURE": (
        "shares no safe TLS cipher with us (handshake failure)",
        "it may offer RSA key exchange only or want something special; it must be updated",
    ),
    _CLIENT_CERTIFICATE: (
        "wants a client certificate, and popover has none",
        "ask its operator for a port without client certificates",
    ),
    ALPN_REFUSED: (
        "does not speak this mail protocol on that port (ALPN refused)",
        "is the port right? another service answers there",
    ),
}
_SAME_AS = {
    "UNSUPPORTED_PROTOCOL": "TLSV1_ALERT_PROTOCOL_VERSION",
    "UNKNOWN_PROTOCOL": _PLAIN,
    "HTTP_REQUEST": _PLAIN,
    "PACKET_LENGTH_TOO_LONG": _PLAIN,
    "RECORD_LAYER_FAILURE": _PLAIN,
    "NO_SHARED_CIPHER": "SSLV3_ALERT_HANDSHAKE_FAILURE",
    "TLSV1_ALERT_INSUFFICIENT_SECURITY": "SSLV3_ALERT_HANDSHAKE_FAILURE",
}


def _protocol_words(fault: TLSError, server: Server) -> _Words:
    reason = _SAME_AS.get(fault.reason, fault.reason)
    if reason == _PLAIN:
        return _plain_words(server)
    if words := _PROTOCOL.get(reason):
        return f"{server.host} {words[0]}", words[1]
    if fault.is_cut:
        return (
            f"{server.host} closed the connection during the TLS handshake",
            f"is TLS what {server} speaks on that port? a firewall in between may cut it, too",
        )
    name = (fault.reason or fault.detail).replace("_", " ").lower()
    return f"no TLS with {server.host}: {name}", "OpenSSL gave this reason; `openssl s_client` may tell more"


def _plain_words(server: Server) -> _Words:
    """Say what plain text means where TLS should be."""
    if server.security == "starttls":
        return (
            f"{server.host} agreed to TLS and went on in plain text",
            "the server is broken, or somebody on the way has put it there; popover never goes on in plain text",
        )
    other = replace(server, security="starttls")
    usual = server.port == SERVER_PORTS[server.dialect, "tls"]
    return (
        f"{server.host} does not speak TLS on that port, it answers in plain text",
        f"write {other} if it has STARTTLS on that port"
        + ("" if usual else f", or {replace(server, port=SERVER_PORTS[server.dialect, 'tls'])}"),
    )


def explain_ending(ending: Ending, host: str) -> TLSFailure | ServerFailure:
    """Turn the bad end of a server's stream, after its handshake, into words."""
    if ending.kind == "reset":
        return ServerFailure(f"{host} reset the connection", "the server, or a firewall on the way, gave it up")
    if ending.kind == "cut":
        return ServerFailure(
            f"{host} cut the connection: it ended without TLS's close_notify",
            "what was being transferred may be incomplete (truncated); the client was told by a reset",
        )
    if ending.detail == _CLIENT_CERTIFICATE:
        cause, remedy = _PROTOCOL[ending.detail]
        return TLSFailure(f"{host} {cause}", remedy)
    name = ending.detail.replace("_", " ").lower()
    return TLSFailure(f"the TLS connection to {host} broke: {name}", "the server, or somebody on the way, garbled it")
