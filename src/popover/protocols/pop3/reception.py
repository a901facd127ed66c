"""POP3 at the desk: the gateway is the server until the client has said who it is.

What CAPA lists here is what holds for every server behind: TOP and UIDL, without which Outlook 2003 fetches all anew
each time, are with all of them. Not PIPELINING: Exchange, Zimbra and DavMail do not offer it, and a client that has
read it here would go on with it there. Nor EXPIRE, LOGIN-DELAY, UTF8, LANG, which only the server knows: a client that
wants to know asks again behind the login (RFC 2449 section 5). PLAIN and LOGIN are listed in plain text, too: clients
that were told to use them look for them there; c-client (PHP, Alpine) warns of it and goes on, and `hide` helps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, TypeAlias

from popover.config import Server
from popover.protocols import sasl_server
from popover.protocols.dialect import sentence
from popover.protocols.guest import Gone, Guest
from popover.protocols.login import Credentials, Digest, Login
from popover.protocols.pop3.answers import for_client, mechanisms_for_client
from popover.protocols.pop3.commands import KNOWN, LINE_LIMIT, RESPONSE_LIMIT, Command, parse
from popover.protocols.pop3.sign_in import sign_in
from popover.protocols.pop3.stls import NO_STLS, WANTS_STLS
from popover.protocols.reception import Offer, SignedIn, Wish
from popover.protocols.sasl_server import Unreadable, Withdrawn
from popover.talk import End, Talk

Came: TypeAlias = Login | Wish | None
"""What a command has come to; None: it is answered, and that was it."""

_LOGINS = frozenset((b"USER", b"PASS", b"APOP", b"AUTH"))


class Reception:
    """See `reception.Reception`."""

    def __init__(self, client: End, offer: Offer) -> None:
        self._client = client
        self._offer = offer
        self._guest = Guest(client, "a POP3")
        self._say = self._guest.say
        self._mechanisms = sasl_server.mechanisms(offer.challenge)
        self._user = b""  # as USER has said it

    def greet(self) -> None:
        """Our own greeting, with the stamp for APOP if there is one (RFC 1939 section 7)."""
        self._say(b"+OK popover ready" + (b" " + self._offer.challenge if self._offer.challenge else b""))

    def ask(self) -> Talk[Login | Wish]:
        """Hear commands until one is a login, or a wish."""
        came: Came = None
        try:
            while came is None and not self._guest.is_worn_out:
                came = yield from self._hear((yield from self._command()))
        except Gone:
            pass
        return Wish.LEAVE if came is None else came

    def refuse(self) -> None:
        """`[AUTH]`: it is the name or the password (RFC 3206 section 5)."""
        self._guest.refused()
        self._say(b"-ERR [AUTH] wrong user name or password")

    def delay(self, cause: str, *, needs_person: bool = False) -> None:
        """`[SYS/TEMP]`, or `[SYS/PERM]` for what will not pass by itself (RFC 3206 section 4)."""
        self._say(f"-ERR [SYS/{'PERM' if needs_person else 'TEMP'}] {sentence(cause)}".encode())

    def sign_in(self, me: End, credentials: Credentials, server: Server) -> Talk[SignedIn]:
        """Log in as the client of this talk's ears."""
        return sign_in(me, credentials, server)

    def admit(self, answer: SignedIn) -> None:
        """Tell the client what the server said."""
        if not answer.accepted:
            self._guest.refused()
        self._client.outbox += answer.words

    # -- the client's commands -------------------------------------------------------------------

    def _command(self) -> Talk[Command]:
        command = parse((yield from self._guest.line(RESPONSE_LIMIT)))
        if command.verb != b"AUTH" and len(command.line) > LINE_LIMIT:
            raise self._guest.too_long(LINE_LIMIT)
        return command

    def _hear(self, command: Command) -> Talk[Came]:
        """Answer one command, or give what it comes to."""
        verb = command.verb
        try:
            if self._offer.tls == "require" and verb in _LOGINS:
                self._say(WANTS_STLS)
            elif verb == b"AUTH":
                return (yield from self._auth(command))
            elif verb in self._matters:
                return self._matters[verb](self, command)
            elif verb in KNOWN:
                self._say(b"-ERR please log in first")
            else:
                self._guest.strange()
                self._say(b"-ERR unknown command")
        except Unreadable as unreadable:
            self._say(b"-ERR " + unreadable.what.encode())
        except Withdrawn:
            self._say(b"-ERR as you wish")
        return None

    def _capabilities(self, _command: Command) -> Came:
        """What there is, and of a login only what is to be had now (RFC 2595 section 4)."""
        offer = self._offer
        lines = (b"+OK", b"TOP", b"UIDL", b"RESP-CODES", b"USER", b" ".join((b"SASL", *self._mechanisms)), b".", b"")
        self._client.outbox += for_client(b"\r\n".join(lines), offer.tls, offer.hide)
        return None

    def _says_user(self, command: Command) -> Came:
        self._user = command.argument
        self._say(b"+OK" if command.argument else b"-ERR who are you?")
        return None

    def _says_password(self, command: Command) -> Came:
        """PASS: all that stands behind its blank, for a password may hold and end in one (RFC 1939 section 7)."""
        user, self._user = self._user, b""
        if not user:
            self._say(b"-ERR USER comes first")
            return None
        said = command.line.lstrip(b" \t").rstrip(b"\r\n")[len("PASS ") :]
        return sasl_server.login(user, sasl_server.password(said))

    def _apop(self, command: Command) -> Came:
        if not self._offer.challenge:
            self._say(b"-ERR no APOP here")
            return None
        user, _, answer = command.argument.rpartition(b" ")
        proof = Digest("apop", self._offer.challenge, sasl_server.digest(answer))
        return sasl_server.login(user.rstrip(b" "), proof)

    def _auth(self, command: Command) -> Talk[Came]:
        """AUTH; without a mechanism it asks for the list (RFC 5034 section 4), as Outlook does with `AUTH `."""
        mechanism, _, initial = command.argument.partition(b" ")
        if not mechanism:
            listed = b"".join(name + b"\r\n" for name in self._mechanisms)
            answer = b"+OK\r\n" + listed + b".\r\n"
            self._client.outbox += mechanisms_for_client(answer, self._offer.tls, self._offer.hide)
            return None
        if mechanism.upper() not in self._mechanisms:
            self._say(b"-ERR no such mechanism, say AUTH for the list")
            return None
        return (yield from sasl_server.prove(mechanism.upper(), initial, self._offer.challenge, self._respond))

    def _respond(self, challenge: bytes) -> Talk[bytes]:
        self._say(b"+ " + challenge)
        return (yield from self._guest.line(RESPONSE_LIMIT)).rstrip(b"\r\n")

    def _stls(self, _command: Command) -> Came:
        words = NO_STLS.get(self._offer.tls)
        self._say(words or b"+OK begin TLS")
        return None if words else Wish.TLS

    def _quit(self, _command: Command) -> Came:
        self._say(b"+OK bye")
        return Wish.LEAVE

    def _noop(self, _command: Command) -> Came:
        self._say(b"+OK")
        return None

    _matters: ClassVar[dict[bytes, Callable[[Reception, Command], Came]]] = {
        b"CAPA": _capabilities, b"USER": _says_user, b"PASS": _says_password, b"APOP": _apop, b"STLS": _stls,
        b"QUIT": _quit, b"NOOP": _noop,
    }  # fmt: skip
