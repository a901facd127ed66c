"""A device's session, command by command, in the order of RFC 5321.

Any HELO is taken, and none at all. What is no command is answered, and counted: a web browser that was sent here is let
go after five. A device that says AUTH must say the account's local password; a login that is taken whatever it says
would only teach that it protects. Nobody needs one: who may come in says `allow`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from popover.errors import Failure, Misdialled
from popover.protocols.device import Check, DeviceTerms, Errand, Wait
from popover.protocols.guest import Gone, Guest
from popover.protocols.reception import Wish
from popover.protocols.sasl_server import mechanisms
from popover.protocols.smtp.auth import auth
from popover.protocols.smtp.belated import PASSED_OVER, Belated
from popover.protocols.smtp.commands import BEFORE_TLS, KNOWN, LINE_LIMIT, Command, parse
from popover.protocols.smtp.device import answers
from popover.protocols.smtp.device.hello import answer
from popover.protocols.smtp.device.mailing import Mailing
from popover.protocols.smtp.device.outside import Outside
from popover.protocols.strangers import Strangers
from popover.talk import Broken, End, read_line

_Do = Callable[[Command], Errand[Wish | None]]


class Attendant:
    """One session's. See `device.Attendance`."""

    def __init__(self, client: End, terms: DeviceTerms) -> None:
        self._failure: Failure | None = None
        self._client = client
        self._terms = terms
        self._outside = Outside(terms.host)
        self._mailing = Mailing(client, terms, self._outside)
        self._belated = Belated()
        self._strangers = Strangers("an SMTP")
        self._guest = Guest(client, "an SMTP")
        self._mechanisms = mechanisms(terms.challenge) if terms.takes_logins else ()
        self._is_logged_in = False
        mailing = self._mailing
        self._does: dict[bytes, _Do] = {
            b"HELO": self._hello,
            b"EHLO": self._hello,
            b"MAIL": self._says(mailing.mail),
            b"RCPT": self._says(mailing.rcpt),
            b"DATA": self._says(lambda _: mailing.data()),
            b"BDAT": self._says(mailing.bdat),
            b"RSET": self._says(lambda _: mailing.rset()),
            b"AUTH": self._auth,
            b"STARTTLS": self._starttls,
            b"QUIT": self._quit,
        }
        self._words = {
            b"NOOP": answers.OK, b"HELP": answers.HELP, b"VRFY": answers.NO_VRFY,
        }  # fmt: skip

    @property
    def waits_for(self) -> Wait:
        """See `device.Attendance`."""
        return self._mailing.waits_for

    @property
    def leaves_server(self) -> bool:
        """See `device.Attendance`."""
        line = self._outside.line
        return line is not None and not line.has_news and not line.has_mail

    @property
    def refusals(self) -> tuple[str, ...]:
        """See `device.Attendance`."""
        return tuple(self._mailing.refusals)

    @property
    def kept(self) -> int:
        """See `device.Attendance`."""
        return self._mailing.kept

    @property
    def failure(self) -> Failure | None:
        """See `device.Attendance`."""
        return self._failure or self._outside.failure

    def talk(self, *, silently: bool) -> Errand[Wish]:
        """See `device.Attendance`."""
        self._client.outbox += b"" if silently else answers.GREETING
        try:
            wish = yield from self._serve()
        finally:
            self._mailing.end()
        line = self._outside.line
        if wish is Wish.LEAVE and line is not None and self.leaves_server:
            line.end.outbox += b"QUIT\r\n"  # nobody waits for what it says to that
        return wish

    def _serve(self) -> Errand[Wish]:
        wish: Wish | None = None
        while wish is None:
            try:
                command = yield from self._next()
                wish = Wish.LEAVE if command is None else (yield from self._obey(command))
            except Gone:
                wish = Wish.LEAVE
            except Misdialled as stranger:
                wish = self._fail(stranger)
        return wish

    def _next(self) -> Errand[Command | None]:
        """Hear a line; None: there will be none."""
        self._mailing.waits_for = Wait.COMMAND
        try:
            return parse((yield from read_line(self._client, LINE_LIMIT)))
        except Broken:
            if not self._client.ended:
                self._fail(
                    Misdialled(
                        f"a command of more than {LINE_LIMIT:,} octets is too long",
                        "RFC 5321 section 4.5.3.1.4 allows 512; is it a device that sends mail which connects here?",
                    )
                )
            return None

    def _fail(self, failure: Failure) -> Wish:
        self._failure = failure
        self._client.outbox += answers.farewell(failure.cause)
        return Wish.LEAVE

    def _obey(self, command: Command) -> Errand[Wish | None]:
        verb, words = command.verb, answers.UNKNOWN
        if self._belated.is_one(command):
            words = PASSED_OVER
        elif verb not in KNOWN:
            if (stranger := self._strangers.one_more()) is not None:
                return self._fail(stranger)
        elif self._terms.tls == "require" and verb not in BEFORE_TLS:
            words = answers.TLS_FIRST
        elif verb in self._does:
            return (yield from self._does[verb](command))
        else:
            words = self._words.get(verb, words)
        self._client.outbox += words
        return None

    def _says(self, do: Callable[[Command], Errand[bytes]]) -> _Do:
        """A command of a mail: its answer, unless there is no server to be had for it, and no queue."""

        def obey(command: Command) -> Errand[Wish | None]:
            words = yield from do(command)
            if command.verb in (b"DATA", b"BDAT"):
                self._belated.mail_over()
            if (failure := self._in_vain) is not None:
                return self._fail(failure)
            self._client.outbox += words
            return None

        return obey

    @property
    def _in_vain(self) -> Failure | None:
        return self._outside.failure if self._terms.drafts is None else None

    def _hello(self, command: Command) -> Errand[Wish | None]:
        yield from self._mailing.forget()
        extensions: Mapping[bytes, bytes] = {}
        if self._terms.tls != "require":
            self._mailing.waits_for = Wait.ANSWER
            line = yield from self._outside.reach()
            if line is not None:
                extensions = line.extensions
            elif (failure := self._in_vain) is not None:
                return self._fail(failure)
        is_old = command.verb == b"HELO"
        self._client.outbox += answers.HELO if is_old else answer(extensions, self._terms.tls, self._mechanisms)
        return None

    def _auth(self, command: Command) -> Errand[Wish | None]:
        """The device insists: it is its account's local password, or none."""
        if self._is_logged_in or not self._mechanisms:
            self._client.outbox += answers.KNOWN_LOGIN if self._is_logged_in else answers.NO_LOGIN
            return None
        login = yield from auth(self._guest, command.argument, self._terms.challenge)
        if login is None:
            return None
        want = Check(login)
        yield want
        self._is_logged_in = want.is_right is True
        if want.is_right is False:
            self._guest.refused()
        self._client.outbox += answers.OF_LOGIN[want.is_right]
        return Wish.LEAVE if self._guest.is_worn_out else None

    def _starttls(self, command: Command) -> Errand[Wish | None]:
        """TLS begins with us; the server has its own."""
        yield from self._mailing.forget()
        tls, wish = self._terms.tls, None
        if tls in ("off", "on"):
            words = answers.NO_TLS if tls == "off" else answers.IN_TLS
        elif command.argument:
            words = answers.NO_ARGUMENT
        else:
            words, wish = answers.READY_FOR_TLS, Wish.TLS  # what stands behind it goes into TLS, and fails there (S1)
        self._client.outbox += words
        return wish

    def _quit(self, _command: Command) -> Errand[Wish | None]:
        yield from self._mailing.forget()
        self._client.outbox += answers.BYE
        return Wish.LEAVE
