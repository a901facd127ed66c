"""IMAP at the desk: the gateway is the server until the client has said who it is.

What is listed here is what holds before the login, and no more: SASL-IR, and the mechanisms. What else there is the
server tells with its answer to the login, or is asked for it (sign_in.py): no LITERAL+, which Gmail has not, no IDLE,
which a client would miss where a list of ours had none and believe in where the server has none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from popover.config import Ahead, Server
from popover.protocols import sasl_server
from popover.protocols.dialect import Terms, sentence
from popover.protocols.guest import Gone, Guest
from popover.protocols.imap.answering import BEGIN_TLS, NO_TLS, TLS_FIRST
from popover.protocols.imap.capability import View
from popover.protocols.imap.said import LINE_LIMIT, Said, hear, strings
from popover.protocols.imap.sign_in import TAG, sign_in
from popover.protocols.login import Credentials, Login
from popover.protocols.reception import Offer, SignedIn, Wish
from popover.protocols.sasl_server import Unreadable, Withdrawn
from popover.talk import End, Talk

Came: TypeAlias = Login | Wish | None
"""What a command has come to; None: it is answered, and that was it."""

_LOGINS = frozenset((b"LOGIN", b"AUTHENTICATE"))


class Reception:
    """See `reception.Reception`."""

    def __init__(self, client: End, offer: Offer) -> None:
        self._client = client
        self._offer = offer
        self._guest = Guest(client, "an IMAP")
        self._tag = TAG  # of the command that is answered next
        self._view = View(Terms(Ahead(), tls=offer.tls, hide=offer.hide))
        self._takes_literals = frozenset() if offer.tls == "require" else frozenset((b"LOGIN",))
        self._bare: dict[bytes, Callable[[], Came]] = {
            b"CAPABILITY": self._capability, b"NOOP": self._noop, b"STARTTLS": self._starttls, b"LOGOUT": self._logout,
        }  # fmt: skip

    def greet(self) -> None:
        """Our own greeting, with what there is (RFC 9051 section 7.1)."""
        self._guest.say(b"* OK [CAPABILITY" + self._listed + b"] popover ready")

    def ask(self) -> Talk[Login | Wish]:
        """Hear commands until one is a login, or a wish."""
        came: Came = None
        try:
            while came is None and not self._guest.is_worn_out:
                said = yield from hear(self._guest, self._takes_literals)
                came = None if said is None else (yield from self._hear(said))
        except Gone:
            return Wish.LEAVE
        if came is None:
            self._guest.say(b"* BYE too many logins were refused")
            return Wish.LEAVE
        return came

    def refuse(self) -> None:
        """`NO [AUTHENTICATIONFAILED]`: it is the name or the password (RFC 5530 section 3)."""
        self._guest.refused()
        self._answer(b"NO [AUTHENTICATIONFAILED] wrong user name or password")

    def delay(self, cause: str, *, needs_person: bool = False) -> None:
        """`NO [UNAVAILABLE]`, or `[CONTACTADMIN]` for what will not pass by itself (RFC 5530 section 3)."""
        self._answer(f"NO [{'CONTACTADMIN' if needs_person else 'UNAVAILABLE'}] {sentence(cause)}".encode())

    def sign_in(self, me: End, credentials: Credentials, server: Server) -> Talk[SignedIn]:
        """Log in as the client of this talk's ears, with the client's own tag: so the answer is the client's, too."""
        return sign_in(me, credentials, server, self._tag)

    def admit(self, answer: SignedIn) -> None:
        """Tell the client what the server said."""
        if not answer.accepted:
            self._guest.refused()
        self._client.outbox += answer.words

    # -- the client's commands -------------------------------------------------------------------

    def _answer(self, words: bytes) -> None:
        self._guest.say(self._tag + b" " + words)

    def _hear(self, said: Said) -> Talk[Came]:
        """Answer one command, or give what it comes to."""
        command, verb = said.command, said.command.verb
        self._tag = command.tag if command.is_sure else b"*"
        if not command.is_known:
            self._guest.strange()
            self._answer(b"BAD this is no command")
        elif verb in self._bare:
            if not said.argument:
                return self._bare[verb]()
            self._answer(b"BAD it stands alone")
        elif verb == b"ID":
            self._guest.say(b"* ID NIL")
            self._answer(b"OK ID completed")
        elif verb not in _LOGINS:
            self._answer(b"BAD please log in first")
        elif self._offer.tls == "require":
            self._answer(TLS_FIRST)
        else:
            return (yield from self._log_in(said))
        return None

    def _log_in(self, said: Said) -> Talk[Came]:
        try:
            if said.command.verb == b"AUTHENTICATE":
                return (yield from self._authenticate(said.argument))
            words = strings(said.argument)
            if len(words) == 2:  # noqa: PLR2004 - a name and a password
                return sasl_server.login(words[0], sasl_server.password(words[1]))
            self._answer(b"BAD LOGIN has a name and a password")
        except Unreadable as unreadable:
            self._answer(b"BAD " + unreadable.what.encode())
        except Withdrawn:
            self._answer(b"BAD as you wish")
        return None

    def _authenticate(self, argument: bytes) -> Talk[Came]:
        mechanism, _, initial = argument.partition(b" ")
        if mechanism.upper() not in self._mechanisms:
            self._answer(b"NO no such mechanism" if mechanism else b"BAD AUTHENTICATE names a mechanism")
            return None
        return (yield from sasl_server.prove(mechanism.upper(), initial, self._offer.challenge, self._respond))

    def _respond(self, challenge: bytes) -> Talk[bytes]:
        self._guest.say(b"+ " + challenge)
        return (yield from self._guest.line(LINE_LIMIT)).rstrip(b"\r\n")

    @property
    def _mechanisms(self) -> tuple[bytes, ...]:
        return sasl_server.mechanisms(self._offer.challenge)

    @property
    def _listed(self) -> bytes:
        """Each with a blank before it; IMAP4rev1 first, where some clients look for it."""
        names = (b"IMAP4rev1", b"SASL-IR", *(b"AUTH=" + name for name in self._mechanisms))
        return self._view.of(b"".join(b" " + name for name in names), logged_in=False)

    def _capability(self) -> Came:
        self._guest.say(b"* CAPABILITY" + self._listed)
        self._answer(b"OK CAPABILITY completed")
        return None

    def _noop(self) -> Came:
        self._answer(b"OK NOOP completed")
        return None

    def _starttls(self) -> Came:
        words = NO_TLS.get(self._offer.tls)
        self._answer(words or BEGIN_TLS)
        return None if words else Wish.TLS

    def _logout(self) -> Came:
        self._guest.say(b"* BYE logging out")
        self._answer(b"OK LOGOUT completed")
        return Wish.LEAVE
