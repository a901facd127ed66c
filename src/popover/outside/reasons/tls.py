"""Why there is no TLS, in plain words: OpenSSL's codes on one side, sentences for people on the other.

The reason names are those of `TLSError`. The one remedy that is never proposed is to verify less.
"""

from __future__ import annotations

from popover.config import Server
from popover.errors import ServerFailure, TLSFailure
from popover.outside.chain import Seen
from popover.outside.reasons.certificate import certificate_words
from popover.outside.reasons.shown import Words
from popover.wire.engine import Ending, TLSError, UntrustedError


def explain_tls(fault: OSError, server: Server, seen: Seen | None = None) -> TLSFailure:
    """Turn what the handshake raised into words. `seen`: what a second look at the certificates has shown."""
    if isinstance(fault, UntrustedError):
        cause, remedy = certificate_words(fault, server, seen or Seen())
    elif isinstance(fault, TLSError):
        cause, remedy = _protocol_words(fault, server)
    else:
        cause = f"{server.host} closed the connection during the TLS handshake"
        remedy = f"is TLS what {server} speaks on that port? the other side or a firewall cut it"
    return TLSFailure(cause, remedy)


ALPN_REFUSED = "TLSV1_ALERT_NO_APPLICATION_PROTOCOL"
_CLIENT_CERTIFICATE = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
_PROTOCOL: dict[str, Words] = {
    "WRONG_VERSION_NUMBER": (
        "does not speak TLS on that port, it answers in plain text",
        "use the port for TLS from the first byte (995, 993, 465)",
    ),
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
    "UNKNOWN_PROTOCOL": "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST": "WRONG_VERSION_NUMBER",
    "PACKET_LENGTH_TOO_LONG": "WRONG_VERSION_NUMBER",
    "RECORD_LAYER_FAILURE": "WRONG_VERSION_NUMBER",
    "NO_SHARED_CIPHER": "SSLV3_ALERT_HANDSHAKE_FAILURE",
    "TLSV1_ALERT_INSUFFICIENT_SECURITY": "SSLV3_ALERT_HANDSHAKE_FAILURE",
}


def _protocol_words(fault: TLSError, server: Server) -> Words:
    reason = fault.reason
    if words := _PROTOCOL.get(_SAME_AS.get(reason, reason)):
        return f"{server.host} {words[0]}", words[1]
    if fault.is_cut:
        return (
            f"{server.host} closed the connection during the TLS handshake",
            f"is TLS what {server} speaks on that port? a firewall in between may cut it, too",
        )
    name = (reason or fault.detail).replace("_", " ").lower()
    return f"no TLS with {server.host}: {name}", "OpenSSL gave this reason; `openssl s_client` may tell more"


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
