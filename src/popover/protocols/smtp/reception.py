"""SMTP at the desk: the gateway is the server until the client has said who it is.

What EHLO lists here must hold for every server behind, for after AUTH few clients ask again. SIZE, without a number, is
with all of the field (Gmail, Microsoft, Yahoo, iCloud, Fastmail, GMX, Dovecot, Postfix, Exim). PIPELINING concerns the
way, and is ours to promise: GMX and web.de do not offer it, Exim hangs up on clients that do it all the same, and the
ears say to such a server one thing after the other (`State.is_paced`). Others are not listed:

    8BITMIME             GMX was seen without; a client that does not find it encodes, or sends 8 bits as it always did
    CHUNKING, DSN, SMTPUTF8, BINARYMIME   some of them lack each of these, and a mail that needs one would be refused
    ENHANCEDSTATUSCODES  a promise about all replies, those of the server among them
    STARTTLS             ours, where there is one; AUTH= beside AUTH for Outlook <= 2003 (capabilities.py)
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from popover.config import Ahead, Server
from popover.protocols import sasl_server
from popover.protocols.dialect import Terms, sentence
from popover.protocols.guest import Gone, Guest
from popover.protocols.login import Credentials, Login
from popover.protocols.reception import Offer, SignedIn, Wish
from popover.protocols.smtp.auth import auth
from popover.protocols.smtp.capabilities import for_client
from popover.protocols.smtp.commands import BEFORE_TLS, KNOWN, LINE_LIMIT, Command, parse
from popover.protocols.smtp.sign_in import HELLO, sign_in
from popover.protocols.smtp.words import IN_TLS, NO_ARGUMENT, NO_TLS, READY, TLS_FIRST
from popover.talk import End, Talk

Came: TypeAlias = Login | Wish | None
"""What a command has come to; None: it is answered, and that was it."""

_NAME = re.compile(rb"[A-Za-z0-9._-]{1,255}|\[[A-Za-z0-9.:-]{1,253}\]")


class Reception:
    """See `reception.Reception`."""

    def __init__(self, client: End, offer: Offer) -> None:
        self._client = client
        self._offer = offer
        self._guest = Guest(client, "an SMTP")
        self._say = self._guest.say
        self._name = HELLO  # as the client has said it
        self._says_ours = False  # the server is told a secret of ours
        self._matters: dict[bytes, Callable[[Command], Came]] = {
            b"EHLO": self._ehlo, b"HELO": self._helo, b"STARTTLS": self._starttls, b"QUIT": self._quit,
        }  # fmt: skip

    def greet(self) -> None:
        """Our own greeting."""
        self._say(b"220 popover ESMTP ready")

    def ask(self) -> Talk[Login | Wish]:
        """Hear commands until one is a login, or a wish."""
        came: Came = None
        try:
            while came is None and not self._guest.is_worn_out:
                came = yield from self._hear(parse((yield from self._guest.line(LINE_LIMIT))))
        except Gone:
            return Wish.LEAVE
        if came is None:
            self._say(b"421 4.7.0 too many logins were refused, goodbye")
            return Wish.LEAVE
        return came

    def refuse(self) -> None:
        """`535 5.7.8`: it is the name or the password (RFC 4954 section 6)."""
        self._guest.refused()
        self._say(b"535 5.7.8 wrong user name or password")

    def delay(self, cause: str, *, needs_person: bool = False) -> None:  # noqa: ARG002 - the same for both, see below
        """`454 4.7.0` (RFC 4954 section 6). There is no code for what will not pass by itself and is no wrong password;
        with a 4xx the mail stays in the client's queue until somebody has seen to it.
        """
        self._say(f"454 4.7.0 {sentence(cause)}".encode())

    def sign_in(self, me: End, credentials: Credentials, server: Server) -> Talk[SignedIn]:
        """Log in as the client of this talk's ears, by the name that the client has given itself."""
        self._says_ours = credentials.is_ours
        return sign_in(me, credentials, server, self._name)

    def admit(self, answer: SignedIn) -> None:
        """Tell the client what the server said; the refusal of a secret of ours under another code, see `delay`."""
        if not answer.accepted:
            self._guest.refused()
            if self._says_ours and answer.words.startswith(b"5"):
                self.delay(answer.words.decode("latin-1"), needs_person=True)
                return
        self._client.outbox += answer.words

    # -- the client's commands -------------------------------------------------------------------

    def _hear(self, command: Command) -> Talk[Came]:
        """Answer one command, or give what it comes to."""
        verb = command.verb
        if verb not in KNOWN:
            self._guest.strange()
            self._say(b"500 5.5.1 unknown command")
        elif self._offer.tls == "require" and verb not in BEFORE_TLS:
            self._client.outbox += TLS_FIRST
        elif verb == b"AUTH":
            return (yield from auth(self._guest, command.argument, self._offer.challenge))
        elif verb in self._matters:
            return self._matters[verb](command)
        else:
            self._say(_SIMPLE.get(verb, b"530 5.7.0 Authentication required"))
        return None

    def _ehlo(self, command: Command) -> Came:
        self._is(command)
        mechanisms = b" ".join((b"250-AUTH", *sasl_server.mechanisms(self._offer.challenge)))
        reply = b"\r\n".join((b"250-popover", b"250-PIPELINING", b"250-SIZE", mechanisms, b""))
        terms = Terms(Ahead(), tls=self._offer.tls, hide=self._offer.hide)
        self._client.outbox += for_client(reply, terms, offers_tls=self._offer.tls in {"offer", "require"})
        return None

    def _helo(self, command: Command) -> Came:
        self._is(command)
        self._say(b"250 popover")
        return None

    def _is(self, command: Command) -> None:
        """Remember a name that can be said again: the server may judge by it. Any is taken, none as well."""
        self._name = command.argument if _NAME.fullmatch(command.argument) else HELLO

    def _starttls(self, command: Command) -> Came:
        tls = self._offer.tls
        if tls in {"off", "on"}:
            self._client.outbox += NO_TLS if tls == "off" else IN_TLS
            return None
        self._client.outbox += NO_ARGUMENT if command.argument else READY
        return None if command.argument else Wish.TLS

    def _quit(self, _command: Command) -> Came:
        self._say(b"221 2.0.0 bye")
        return Wish.LEAVE


_SIMPLE = {
    b"NOOP": b"250 2.0.0 ok",
    b"RSET": b"250 2.0.0 ok",
    b"HELP": b"214 2.0.0 log in with AUTH, the rest is your server's",
}
