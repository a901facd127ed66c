"""Why a client and we have not come to TLS: OpenSSL's names for it -> sentences for people. Dry."""

from __future__ import annotations

from popover.errors import HandshakeFailure, Misdialled
from popover.inside.guard import mistaken_for
from popover.inside.hello import Hello
from popover.wire.engine import TLSError

UNTRUSTED = frozenset({
    "TLSV1_ALERT_UNKNOWN_CA", "SSLV3_ALERT_BAD_CERTIFICATE", "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED", "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE", "TLSV1_ALERT_ACCESS_DENIED",
})  # fmt: skip
"""Alerts by which a client says that it does not like our certificate (RFC 8446 section 6.2)."""

_TOO_OLD = frozenset({"UNSUPPORTED_PROTOCOL", "VERSION_TOO_LOW", "WRONG_SSL_VERSION"})
_NOTHING_SHARED = frozenset({
    "NO_SHARED_CIPHER", "NO_SUITABLE_SIGNATURE_ALGORITHM", "NO_CIPHERS_SPECIFIED", "NO_SUITABLE_KEY_SHARE",
    "NO_SHARED_SIGNATURE_ALGORITHMS",
})  # fmt: skip
_TLS_1_2 = 0x303
_LEGACY = "write legacy = true in the service, if that client cannot be told to use a newer one"


def no_tls(first: bytes, *, behind_starttls: bool) -> Misdialled:
    """Say what it was that began where TLS should; `behind_starttls`: the client had asked for it."""
    if (mistake := mistaken_for(first)) is not None:
        return Misdialled(*mistake)
    if behind_starttls:
        return Misdialled(
            "TLS was to begin here, and what came was none",
            "the client said something in plain text behind its STARTTLS, or somebody on the way did (command "
            "injection): none of it was heard",
        )
    return Misdialled(
        "this port speaks TLS from the first octet: switch SSL on in the mail program for this server",
        'the client speaks plain text, and the service has tls = "implicit"; "offer" is for clients of both kinds',
    )


def silent(seconds: float) -> Misdialled:
    """Say that a client waits for a greeting in plain text, most likely."""
    return Misdialled(
        f"this port speaks TLS from the first octet, and nothing came for {seconds:g} seconds: switch SSL on in the "
        "mail program for this server",
        'the client waited for a greeting, as one does that speaks plain text; the service has tls = "implicit"',
    )


def wrong_alpn(hello: Hello, wanted: str) -> HandshakeFailure:
    """Say that a client asks for another protocol."""
    asked = ", ".join(ascii(name.decode("latin-1"))[1:-1][:20] for name in hello.alpn[:4])
    return HandshakeFailure(
        f"the client wants to speak {asked or 'nothing'} inside TLS, not {wanted}",
        "a web browser or another program was sent here by mistake, or by somebody (ALPACA)",
    )


def explain(fault: TLSError, hello: Hello, how_to_trust: str, *, legacy: bool) -> HandshakeFailure:
    """Say why the handshake failed."""
    reason = fault.reason
    if reason in UNTRUSTED:
        return HandshakeFailure("the client does not trust this gateway's certificate", how_to_trust)
    if fault.is_cut:
        return HandshakeFailure(
            "the client went away in the middle of the handshake",
            f"many do when they do not trust the certificate: {how_to_trust}",
        )
    if reason in _TOO_OLD or (hello.version < _TLS_1_2 and not legacy):
        remedy = "this machine's OpenSSL cannot speak it (popover check shows what it can)" if legacy else _LEGACY
        return HandshakeFailure(f"the client's TLS is too old: it speaks {hello.speaks} at most", remedy)
    if reason in _NOTHING_SHARED:
        remedy = "this machine's OpenSSL can do none of them (popover check shows what it can)" if legacy else _LEGACY
        return HandshakeFailure(
            f"the client ({hello.speaks}) knows only ciphers that are not used here, RSA key exchange for one", remedy
        )
    return HandshakeFailure(f"TLS with the client failed: {reason or fault.detail}", "")
