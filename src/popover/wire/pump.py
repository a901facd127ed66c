"""One TLS connection as bytes in, bytes out.

`ssl.SSLObject` between two `MemoryBIO`s: sealed bytes are put in, clear bytes come out, and the other
way round. No socket and no event loop in here, so every cut of the bytes can be tried by hand.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Literal, NamedTuple

RECORD = 16 * 1024
"""Octets of clear text in one TLS record at most (RFC 8446 section 5.1)."""


class Ending(NamedTuple):
    """How a stream ended: `closed` (FIN, inside TLS after close_notify), `cut` (FIN without close_notify:
    anybody on the way may have done it, RFC 8446 section 6.1), `reset`, or `broken` TLS; `detail` in words.
    """

    kind: Literal["closed", "cut", "reset", "broken"]
    detail: str = ""


def tell_cuts(context: ssl.SSLContext) -> None:
    """Have a stream that was cut told from one that ended.

    Python before 3.11.4 with OpenSSL 3 (Debian 12 has 3.11.2) makes contexts for which both are the same, and half a
    mail would pass for a whole one (CPython's issue 95494).
    """
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)


def is_cut(fault: ssl.SSLError) -> bool:
    """Whether this is the end of a stream without close_notify. Python before 3.11.4 tells by the reason alone."""
    return isinstance(fault, ssl.SSLEOFError) or fault.reason == "UNEXPECTED_EOF_WHILE_READING"


class Pump:
    """One TLS connection as bytes in, bytes out. `context`: one that tells cuts, see `tell_cuts`."""

    __slots__ = ("held", "inward", "outward", "tls")

    def __init__(self, context: ssl.SSLContext, server_hostname: str | None, session: ssl.SSLSession | None) -> None:
        self.inward = ssl.MemoryBIO()
        self.outward = ssl.MemoryBIO()
        self.held = bytearray()
        self.tls = context.wrap_bio(self.inward, self.outward, server_hostname=server_hostname, session=session)

    def farewell(self) -> bytes:
        """Give the close_notify: nothing more comes from us."""
        try:
            self.tls.unwrap()
        except (ssl.SSLError, OSError):
            pass  # the peer's own close_notify is not there yet, or never will be: `unseal` tells
        return self.outward.read()

    def seal(self, data: bytes | bytearray | memoryview) -> bytes:
        """Encrypt `data`; OpenSSL takes one record of 16 KiB at a time.

        While the server renegotiates (TLS 1.2) nothing can be sent. Then `held` keeps what was to be, and the next
        call after the handshake's bytes have come, with data or without, goes on with it.
        """
        if self.held:
            self.held += data
            view = memoryview(bytes(self.held))
            self.held.clear()
        else:
            view = memoryview(data)
        try:
            while view:
                view = view[self.tls.write(view) :]
        except ssl.SSLWantReadError:
            self.held += view
        return self.outward.read()

    def unseal(self, into: memoryview) -> tuple[int, Ending | None]:
        """Decrypt what has come: how many octets are in `into`, and the end if this was it.

        `into` must have room for all: what was put in since the last call, and one record.
        """
        size, room, waiting = 0, len(into), self.inward
        # With a buffer it returns a number; typeshed knows only the form that returns bytes.
        read: Callable[[int, memoryview], int] = self.tls.read  # type: ignore[assignment]
        try:
            # A record is read whole or not at all, so an empty BIO means that all was given out. Asking
            # that first saves the exception that one read too many would cost.
            while waiting.pending or waiting.eof:
                if not (got := read(room, into[size:])):
                    return size, Ending("closed")
                size += got
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            return size, Ending("closed")
        except ssl.SSLError as fault:
            if is_cut(fault):
                return size, Ending("cut", "the connection ended without TLS's close_notify")
            return size, Ending("broken", fault.reason or str(fault))
        return size, None
