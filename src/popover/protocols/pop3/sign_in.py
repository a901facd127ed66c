"""How a client logs in: USER and PASS, APOP, AUTH; and what is done ahead of it meanwhile."""

from __future__ import annotations

from popover.protocols.pop3.answers import PIPELINING
from popover.protocols.pop3.commands import Command, user_of
from popover.protocols.pop3.hearing import ServerEar
from popover.protocols.pop3.outgoing import CAPA


class SignIn(ServerEar):
    """The client's side of a login, in the middle between the two ears. No password is kept, and none is looked at."""

    def _respond(self, line: bytes) -> None:
        """A line of an AUTH exchange goes through as it is."""
        self._owed.challenged = False
        if self._tells_user:  # what comes later may be a password
            self._tells_user = False
            self.user = user_of(self._mechanism, line)
        self._server.outbox += line

    def _say_user(self, command: Command) -> None:
        # What stands behind a blank may be a password that was typed into the wrong line.
        self.user = command.argument.partition(b" ")[0].decode("utf-8", "replace")
        out = self._out
        if out.is_careful or self.logged_in or not command.argument or not self._service.ahead.user_at_once:
            out.user_ask = None
            out.pass_on(command)
            return
        out.ahead.outdate(command)
        if not self._is_informed and (out.before is None or PIPELINING in out.before):
            self._is_informed = True
            out.guess(CAPA)
        out.user_refusal = b""
        out.user_ask = out.answer_early(command, b"+OK\r\n")

    def _log_in(self, command: Command) -> None:
        if command.verb == b"APOP":
            self.user = command.argument.partition(b" ")[0].decode("utf-8", "replace")
        self._out.ahead.drop_all()
        waits = self._out.pass_on(command)
        waits.needs_all = command.verb == b"PASS" and self._out.user_ask is not None
        if not self.logged_in:
            self._out.guess_questions()

    def _authenticate(self, command: Command) -> None:
        mechanism, _, response = command.argument.partition(b" ")
        self._mechanism = mechanism.upper()
        self.user = user_of(self._mechanism, response)
        self._tells_user = not response
        self._out.ahead.drop_all()
        self._out.pass_on(command)
