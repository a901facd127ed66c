"""Why there is no TLS, in plain words: OpenSSL's codes on one side, sentences for people on the other.

The reason names are those of `TLSError`. The one remedy that is never proposed is to verify less.
"""

from __future__ import annotations

from dataclasses import replace

from popover.config import SERVER_PORTS, Server
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


_PLAIN = "WRONG_VERSION_NUMBER"
ALPN_REFUSED = "TLSV1_ALERT_NO_APPLICATION_PROTOCOL"
_CLIENT_CERTIFICATE = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
_PROTOCOL: dict[str, Words] = {
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


def _protocol_words(fault: TLSError, server: Server) -> Words:
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


def _plain_words(server: Server) -> Words:
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
