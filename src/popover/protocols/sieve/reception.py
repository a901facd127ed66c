"""ManageSieve at the desk: the gateway is the server until the client has said who it is (RFC 5804).

What SIEVE lists here must hold for every server behind; clients ask CAPABILITY again after the login (sieve-connect,
Net_Sieve), and then the server answers.
"""

from __future__ import annotations

from typing import TypeAlias

from popover.config import Ahead, Server
from popover.protocols import sasl_server
from popover.protocols.dialect import Terms
from popover.protocols.guest import Gone, Guest
from popover.protocols.login import Credentials, Login
from popover.protocols.reception import Offer, SignedIn, Wish
from popover.protocols.sasl_server import Unreadable, Withdrawn
from popover.protocols.sieve.capabilities import listed
from popover.protocols.sieve.grammar import LIMIT, LITERAL, tokens
from popover.protocols.sieve.sign_in import sign_in
from popover.protocols.sieve.words import BEGIN_TLS, IN_TLS, KNOWN, NO_TLS, TLS_FIRST, UNKNOWN, said
from popover.talk import End, Talk

Came: TypeAlias = Login | Wish | None

_SIEVE = b'"SIEVE" "envelope fileinto"\r\n"VERSION" "1.0"\r\n'


class Reception:
    """See `reception.Reception`."""

    def __init__(self, client: End, offer: Offer) -> None:
        self._client = client
        self._offer = offer
        self._guest = Guest(client, "a ManageSieve")
        self._has_greeted = False

    def greet(self) -> None:
        """What we can, and OK."""
        self._has_greeted = True
        mechanisms = b" ".join(sasl_server.mechanisms(self._offer.challenge))
        words = b'"IMPLEMENTATION" "popover"\r\n"SASL" "' + mechanisms + b'"\r\n' + _SIEVE
        terms = Terms(Ahead(), tls=self._offer.tls, hide=self._offer.hide)
        self._client.outbox += listed(words, terms) + b'OK "popover ready"\r\n'

    def ask(self) -> Talk[Login | Wish]:
        """Hear commands until one is a login, or a wish."""
        if not self._has_greeted:
            self.greet()  # behind STARTTLS all is said once more (RFC 5804 section 2.2)
        came: Came = None
        try:
            while came is None and not self._guest.is_worn_out:
                came = yield from self._hear((yield from self._command()))
        except Gone:
            return Wish.LEAVE
        if came is None:
            self._client.outbox += said(b"BYE", "too many logins were refused, goodbye")
            return Wish.LEAVE
        return came

    def refuse(self) -> None:
        """`NO`: it is the name or the password."""
        self._guest.refused()
        self._client.outbox += said(b"NO", "wrong user name or password")

    def delay(self, cause: str, *, needs_person: bool = False) -> None:
        """`NO (TRYLATER)`, or, for what will not pass by itself, a plain NO that says so."""
        self._client.outbox += said(b"NO", cause, b"" if needs_person else b"(TRYLATER)")

    def sign_in(self, me: End, credentials: Credentials, server: Server) -> Talk[SignedIn]:
        """Log in as the client of this talk's ears."""
        return sign_in(me, credentials, server)

    def admit(self, answer: SignedIn) -> None:
        """Tell the client what the server said."""
        if not answer.accepted:
            self._guest.refused()
        self._client.outbox += answer.words

    # -- the client's commands -------------------------------------------------------------------

    def _command(self) -> Talk[bytes]:
        """Take a whole command, literals and all."""
        command = yield from self._guest.line(LIMIT)
        while literal := LITERAL.search(command):
            size = int(literal[1])
            if len(command) + size > LIMIT:
                raise self._guest.too_long(LIMIT)
            command += yield from self._guest.octets(size)
            command += yield from self._guest.line(LIMIT)
        return command

    def _hear(self, command: bytes) -> Talk[Came]:
        """Answer one command, or give what it comes to."""
        found = tokens(command)
        verb = found[0].upper() if found else b""
        if verb not in KNOWN:
            self._guest.strange()
            self._client.outbox += UNKNOWN
        elif verb == b"LOGOUT":
            self._client.outbox += b'OK "bye"\r\n'
            return Wish.LEAVE
        elif verb == b"STARTTLS":
            tls = self._offer.tls
            self._client.outbox += {"off": NO_TLS, "on": IN_TLS}.get(tls, BEGIN_TLS)
            return Wish.TLS if tls in {"offer", "require"} else None
        elif verb == b"AUTHENTICATE":
            return (yield from self._authenticate(found[1:]))
        elif verb == b"CAPABILITY":
            self.greet()
        elif verb == b"NOOP":
            self._client.outbox += b'OK "done"\r\n'
        else:
            self._client.outbox += said(b"NO", "log in first")
        return None

    def _authenticate(self, words: list[bytes]) -> Talk[Came]:
        if self._offer.tls == "require":
            self._client.outbox += TLS_FIRST
            return None
        mechanism, initial = [*words, b"", b""][:2]
        if mechanism.upper() not in sasl_server.mechanisms(self._offer.challenge):
            self._client.outbox += said(b"NO", "no such mechanism")
            return None

        def asking(challenge: bytes) -> Talk[bytes]:
            self._client.outbox += b'"' + challenge + b'"\r\n'
            found = tokens((yield from self._command()))
            return found[0] if found else b"="

        try:
            return (yield from sasl_server.prove(mechanism.upper(), initial, self._offer.challenge, asking))
        except Unreadable as unreadable:
            self._client.outbox += said(b"NO", unreadable.what)
        except Withdrawn:
            self._client.outbox += said(b"NO", "as you wish")
        return None
