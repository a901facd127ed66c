"""TLS by Python's `ssl`: an `SSLObject` between two `MemoryBIO`s."""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import Callable
from typing import Any

from popover.wire.engine import RECORD, Ending, Octets, Sealed, Ticket, TLSError, UntrustedError
from popover.wire.records import HEAD, Records, is_plain

TURN = 0.00025
"""Seconds after which an engine lets others have their turn, as `turns.AT_ONCE`. 128 KiB of mail take 0.1 ms, so only a
server sees this limit that floods us with what costs much and says nothing. What cannot be interrupted comes on top of
it (`records.FEW`, `records.PIECE`)."""


def tell_cuts(context: ssl.SSLContext) -> None:
    """Have a stream that was cut told from one that ended.

    Python before 3.11.4 with OpenSSL 3 (Debian 12 has 3.11.2) makes contexts for which both are the same, and half a
    mail would pass for a whole one (CPython's issue 95494).
    """
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)


def _is_cut(fault: ssl.SSLError) -> bool:
    """Whether this is the end of a stream without close_notify. Python before 3.11.4 tells by the reason alone."""
    return isinstance(fault, ssl.SSLEOFError) or fault.reason == "UNEXPECTED_EOF_WHILE_READING"


def _ending(fault: ssl.SSLError) -> Ending:
    if isinstance(fault, ssl.SSLZeroReturnError):
        return Ending("closed")
    if _is_cut(fault):
        return Ending("cut", "the connection ended without TLS's close_notify")
    return Ending("broken", fault.reason or str(fault))


def _translated(fault: ssl.SSLError) -> TLSError:
    if isinstance(fault, ssl.SSLCertVerificationError):
        return UntrustedError(fault.verify_code, fault.verify_message)
    reason = fault.reason or ""
    if not reason and "no application protocol" in str(fault):  # Python 3.11 has no name for alert 120
        reason = "TLSV1_ALERT_NO_APPLICATION_PROTOCOL"
    return TLSError(reason, str(fault), is_cut=_is_cut(fault))


class OpenSSL:
    """An `Engine`. `context`: one that tells cuts, see `tell_cuts`; `session`: of a Ticket, to resume by; `heard`: gets
    the sealed octets of the handshake as they come. `server_side`: in the role of the server, with a peer whose hello
    has this many octets in SSL 2's form (`old_hello`), which has no record around it. `version`: what is
    spoken, "TLSv1.3"; empty before the handshake.
    """

    __slots__ = (
        "_heard",
        "_held",
        "_inward",
        "_outward",
        "_parted",
        "_records",
        "_tls",
        "held",
        "version",
        "waiting",
    )

    def __init__(
        self,
        context: ssl.SSLContext,
        server_hostname: str | None,
        session: Any = None,
        heard: bytearray | None = None,
        *,
        server_side: bool = False,
        old_hello: int = 0,
    ) -> None:
        self.waiting = False
        self._inward = ssl.MemoryBIO()
        self._outward = ssl.MemoryBIO()
        self._records = Records(self._inward, old_hello)
        self._held = bytearray()
        self.held = 0
        self._heard = heard
        self._parted = False
        self.version = ""
        self._tls = context.wrap_bio(
            self._inward, self._outward, server_side=server_side, server_hostname=server_hostname, session=session
        )

    # -- what the peer says ----------------------------------------------------------------------

    def shake(self, sealed: Sealed) -> bool:
        """Go on with the handshake; whether it is done. Raises TLSError."""
        if self._heard is not None and sealed:
            self._heard += sealed
        data, at, until = self._records.gather(sealed), 0, time.monotonic() + TURN
        while True:
            end = self._records.feed(data, at, sealed)
            is_done, at = self._go_on(), end
            if is_done or at + HEAD > len(data) or time.monotonic() > until:
                break
        self._records.rest = bytes(data[at:])
        self.waiting = len(self._records.rest) >= HEAD or (is_done and self._inward.pending > 0)
        return is_done

    def _go_on(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as fault:
            raise _translated(fault) from None
        # Asked now: once the stream was cut or has broken, OpenSSL no longer tells, and the log still wants to know.
        self.version = self._tls.version() or ""
        return True

    def pull(self, into: memoryview, sealed: Sealed) -> tuple[int, Ending | None]:
        """Decrypt what has come: how many octets are in `into`, and the end if this was it."""
        records, inward, until = self._records, self._inward, time.monotonic() + TURN
        data, at, size, head = records.gather(sealed), 0, 0, records.to_come
        # With a buffer it returns a number; typeshed knows only the form that returns bytes.
        read: Callable[[int, memoryview], int] = self._tls.read  # type: ignore[assignment]
        self.waiting = False
        while True:
            end, before = records.feed(data, at, sealed), size
            try:
                # A record is read whole or not at all, so an empty BIO means that all was given out. Asking
                # that first saves the exception that one read too many would cost.
                while inward.pending or sealed is None:
                    if not (got := read(RECORD, into[size:])):
                        return size, Ending("closed")
                    size += got
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as fault:
                if self._parted and is_plain(data, head):
                    return size, Ending("closed")
                return size, _ending(fault)
            if end + HEAD > len(data):
                break
            if size - before < (end - at) // 2 and time.monotonic() > until:  # much work, and little came of it
                self.waiting = True
                break
            at = end
        if end < len(data):
            records.rest = bytes(data[end:])
        return size, None

    # -- what we say -------------------------------------------------------------------------------

    def push(self, data: Octets) -> bytes:
        """Encrypt `data`; OpenSSL takes one record of 16 KiB at a time. Raises TLSError.

        While the server renegotiates (TLS 1.2) nothing can be sent. Then what was to be is held, and the next
        call after the handshake's octets have come, with data or without, goes on with it.
        """
        if self._held:
            view = memoryview(bytes(self._held + data))
            self._held.clear()
            self.held = 0
        else:
            view = memoryview(data)
        try:
            while view:
                view = view[self._tls.write(view) :]
        except ssl.SSLWantReadError:
            self._held += view
            self.held = len(self._held)
        except ssl.SSLError as fault:
            raise _translated(fault) from None
        return self._outward.read()

    def answer(self) -> bytes:
        """Give what TLS itself has to say."""
        return self._outward.read()

    def bye(self) -> bytes:
        """Give the close_notify."""
        self._parted = True
        try:
            self._tls.unwrap()
        except (ssl.SSLError, OSError):
            pass  # the peer's own close_notify is not there yet, or never will be: `pull` tells
        return self._outward.read()

    # -- facts -------------------------------------------------------------------------------------

    @property
    def cipher(self) -> str:
        """The name of the cipher suite."""
        return (self._tls.cipher() or ("",))[0]

    @property
    def alpn(self) -> str | None:
        """The protocol that the server's side chose, if it did."""
        return self._tls.selected_alpn_protocol()

    @property
    def resumed(self) -> bool:
        """Whether a ticket stood in for the certificate."""
        return bool(self._tls.session_reused)

    @property
    def certificate(self) -> bytes:
        """The server's certificate in DER; empty if there is none, or TLS has broken since: OpenSSL tells no more."""
        with contextlib.suppress(ValueError):
            return self._tls.getpeercert(binary_form=True) or b""
        return b""

    @property
    def chain(self) -> list[bytes]:
        """All certificates that the server sent, in DER; empty where Python cannot tell (before 3.13)."""
        tell: Callable[[], list[bytes]] | None = getattr(self._tls, "get_unverified_chain", None)
        return tell() if tell else []

    @property
    def ticket(self) -> Ticket | None:
        """What the server gave to resume by."""
        session = self._tls.session
        if session is None or not session.has_ticket:
            return None
        return Ticket(session, session.ticket_lifetime_hint)
