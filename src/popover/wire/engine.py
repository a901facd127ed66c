"""The seam between a stream and TLS: all that `Stream` knows of an engine.

Bytes in, bytes out: sealed octets are handed in, clear ones come out, and the other way round. No socket and no event
loop in here, so every cut of the bytes can be tried by hand. `openssl.py` is the one engine there is.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

RECORD = 16 * 1024
"""Octets of clear text in one TLS record at most (RFC 8446 section 5.1)."""

Octets: TypeAlias = bytes | bytearray | memoryview
Sealed: TypeAlias = bytes | memoryview | None
"""What has come: may be empty, to go on with what is there already; None is the end of the connection."""


class Ending(NamedTuple):
    """How a stream ended: `closed` (FIN, inside TLS after close_notify), `cut` (FIN without close_notify:
    anybody on the way may have done it, RFC 8446 section 6.1), `reset`, or `broken` TLS; `detail` in words.
    """

    kind: Literal["closed", "cut", "reset", "broken"]
    detail: str = ""


class TLSError(OSError):
    """There is no TLS. `reason`: OpenSSL's name for it, such as "WRONG_VERSION_NUMBER", or empty; `is_cut`: the
    connection ended without a word of it.
    """

    def __init__(self, reason: str, detail: str, *, is_cut: bool = False) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.is_cut = is_cut


class UntrustedError(TLSError):
    """The certificate was refused. `code`: X509_V_ERR_... (OpenSSL's x509_vfy.h); `detail`: OpenSSL's words."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__("CERTIFICATE_VERIFY_FAILED", detail)
        self.code = code


class Ticket(NamedTuple):
    """What a later connection may resume by. `session`: the engine's own; `lifetime`: the server's word, in seconds;
    0: it gave none.
    """

    session: Any
    lifetime: int


class Engine(Protocol):
    """One TLS connection, in the role of the client or of the server."""

    waiting: bool
    """Octets have come that it has not looked at: hand it nothing, but call again soon (with b"")."""

    held: int
    """Octets of clear text that cannot be sent yet: the server renegotiates (TLS 1.2)."""

    def shake(self, sealed: Sealed) -> bool:
        """Go on with the handshake; whether it is done. Raises TLSError; `answer` then has the alert for the peer."""

    def pull(self, into: memoryview, sealed: Sealed) -> tuple[int, Ending | None]:
        """Decrypt what has come: how many octets are in `into`, and the end if this was it.

        `into` must have room for all that comes at once, and two records. After a few ms it stops, and is `waiting`.
        """

    def push(self, data: Octets) -> bytes:
        """Encrypt `data`, and what was held. Raises TLSError if TLS is broken."""

    def answer(self) -> bytes:
        """Give what TLS itself has to say: its side of the handshake, an alert, the answer to a KeyUpdate."""

    def bye(self) -> bytes:
        """Give the close_notify: nothing more comes from us."""

    @property
    def version(self) -> str:
        """What is spoken: "TLSv1.3"."""

    @property
    def cipher(self) -> str:
        """The name of the cipher suite."""

    @property
    def alpn(self) -> str | None:
        """The protocol that the server chose, if it did."""

    @property
    def resumed(self) -> bool:
        """Whether a ticket stood in for the certificate."""

    @property
    def certificate(self) -> bytes:
        """The server's certificate in DER; empty if there is none."""

    @property
    def ticket(self) -> Ticket | None:
        """What the server gave to resume by."""
