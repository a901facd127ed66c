"""How a client logs in: USER and PASS, APOP, AUTH. No password is kept, and none is looked at."""

from __future__ import annotations

import math
from collections.abc import Callable

from popover.config import Ahead as Wanted
from popover.protocols.pop3.ahead import Ahead
from popover.protocols.pop3.answers import is_shown, mechanisms_for_client
from popover.protocols.pop3.ask import Ask
from popover.protocols.pop3.commands import Command
from popover.protocols.pop3.manners import Shown
from popover.protocols.pop3.queue import Owed
from popover.protocols.pop3.state import State
from popover.protocols.pop3.way import CAPA, Way
from popover.protocols.sasl import user_of
from popover.talk import End

HOLD_USER = 0.5
"""Seconds for which a USER that was answered waits for its PASS: programs say it at once, and whoever takes longer (a
person, a password prompt) has a server that would log out who is idle (hMailServer on a spare)."""

LOCK_WAIT = 10.0
"""Seconds for which a login waits at most for the server's answer to the last session's QUIT, which holds the mailbox.
Without us the client would have waited for it before it came again."""


class Login:
    """The login of one session. `user`: the name, as far as it is known. `wait_until`: see `may_log_in`.

    `user_refusal`: what the server said to a USER that we had answered.
    """

    def __init__(self, wanted: Wanted, state: State, server: End, owed: Owed, way: Way, ahead: Ahead) -> None:
        self.user = ""
        self.user_refusal = b""
        self.wait_until = 0.0
        self.on_free: Callable[[], None] = lambda: None
        self._wanted = wanted
        self._state = state
        self._server = server
        self._owed = owed
        self._way = way
        self._ahead = ahead
        self._mechanism = b""  # of an AUTH under way
        self._tells_user = False  # the next line of the client's side of it may hold the user's name
        self._response = b""  # one that waits for the mailbox
        self._waits_as = ""  # the name whose mailbox it waits for
        way.on_turn, way.may_log_in = self._decide, self.may_log_in

    @property
    def is_exchange(self) -> bool:
        """An AUTH is under way: what the client says is no command."""
        return bool(self._mechanism)

    @property
    def awaits_response(self) -> bool:
        """The server waits for a line of the exchange."""
        return self._owed.challenged and not self._response

    # -- the client's side -----------------------------------------------------------------------

    def say_user(self, command: Command) -> None:
        """USER: answered here, and sent with its PASS where the server has shown that it hears both."""
        self._is(_name(command))
        way, state = self._way, self._state
        if state.is_careful or state.logged_in or not command.argument or not self._wanted.user_at_once:
            way.user_ask = None
            way.pass_on(command)
            return
        self._ahead.outdate(command)
        self.user_refusal = b""
        way.pairs_login = state.manners.pipelines_before is Shown.YES and not self._is_to_be_tried
        way.hold_user_until = state.now + HOLD_USER if way.pairs_login else 0.0
        way.user_ask = way.answer_early(command, b"+OK\r\n")

    @property
    def _is_to_be_tried(self) -> bool:
        """Whether this login is to show that what is behind PASS is heard: PASS then waits for the answer to USER, so
        that the question behind it cannot be taken for anything else (`questions.behind_login`).
        """
        return self._wanted.ask_ahead and self._state.manners.keeps is Shown.NOTHING

    def say_login(self, command: Command) -> None:
        """PASS or APOP."""
        if command.verb == b"APOP":
            if self._state.has_stale_stamp:
                self._owed.owe(Ask.answered(command, _STALE))
                return
            self._is(_name(command))
        self._ahead.drop_all()
        waits = self._way.pass_on(command)
        waits.needs_all = command.verb == b"PASS" and self._way.user_ask is not None and not self._way.user_ask.is_done

    def say_auth(self, command: Command) -> None:
        """AUTH."""
        if not command.argument:
            self._ask_auth(command)
            return
        mechanism, _, response = command.argument.partition(b" ")
        self._mechanism = mechanism.upper()
        self._is(user_of(self._mechanism, response))
        self._tells_user = not response
        self._ahead.drop_all()
        self._way.pass_on(command)

    def _ask_auth(self, command: Command) -> None:
        """AUTH without a mechanism, which some servers hang up at: their CAPA must be known first. Not where one has
        said more than it was asked: the rest of that would be taken for the answer.
        """
        manners = self._state.manners
        may_ask = self._wanted.wants_to_know and not (self._state.logged_in or self._state.unasked_at)
        if may_ask and manners.before is None and manners.knows_capa is not False:
            self._way.tell(CAPA)
        self._way.pass_on(command)

    def respond(self, line: bytes) -> None:
        """A line of an AUTH exchange goes through as it is."""
        if self._tells_user:  # what comes later may be a password
            self._tells_user = False
            self._is(user_of(self._mechanism, line))
            if not self.may_log_in():
                self._response = line
                return
        self._owed.challenged = False
        self._server.outbox += line

    # -- whose turn it is ------------------------------------------------------------------------

    def may_log_in(self) -> bool:
        """Whether the mailbox is free, as far as we know: the last session of this user has its answer to QUIT from us,
        and the server may not have heard it yet.
        """
        if self.wait_until:
            return self._state.now >= self.wait_until
        if self.user and self._state.memory.waits(self.user, self._free):
            self.wait_until, self._waits_as = self._state.now + LOCK_WAIT, self.user
            self._state.spared.none()
            return False
        return True

    def _free(self) -> None:
        """The mailbox is free."""
        if self.wait_until:
            self.on_free()

    def go_on(self) -> None:
        """The mailbox is free: the next look tells whether it still is."""
        self.wait_until = 0.0
        self._respond_now()

    def go_on_anyway(self) -> None:
        """The wait was long enough."""
        self.wait_until = -math.inf
        self._respond_now()

    def over(self) -> None:
        """The session is over: nobody waits."""
        if self._waits_as:
            self._state.memory.waits_no_more(self._waits_as, self._free)
        self.on_free = lambda: None

    def _respond_now(self) -> None:
        if self._response:
            self._owed.challenged = False
            self._server.outbox += self._response
            self._response = b""

    def _decide(self, ask: Ask) -> bytes | None:
        """Answer a login in place of the server, if that is to be."""
        if ask.verb == b"PASS" and self.user_refusal:  # it has no such user, and gets no password
            words, self.user_refusal = self.user_refusal, b""
            self._state.is_careful = True
            return words
        if ask.verb == b"AUTH" and ask.has_body and not self._state.manners.bears_auth:
            return self._mechanisms()
        return None

    def _mechanisms(self) -> bytes:
        """What AUTH without a mechanism would list, by CAPA's SASL line (RFC 5034 section 4)."""
        state = self._state
        names = [name for name in state.manners.mechanisms if is_shown(name, state.tls, state.hide)]
        return b"".join((b"+OK\r\n", *(name + b"\r\n" for name in names), b".\r\n")) if names else b"-ERR say CAPA\r\n"

    # -- the server's side -----------------------------------------------------------------------

    def judge(self, ask: Ask, line: bytes) -> None:
        """A login was answered."""
        if ask.has_body:  # AUTH without a mechanism just asks for the list
            if ask.needs_all and ask.kept:
                ask.kept[:] = mechanisms_for_client(bytes(ask.kept), self._state.tls, self._state.hide)
            return
        if ask.verb == b"AUTH":
            self._mechanism = b""
            self._response = b""
            self._owed.challenged = False  # a server that has waited long enough for the response says -ERR
        if ask.is_ok and ask.command.may_add_a_layer:
            self._state.turns_plain = True
            return
        refusal, self.user_refusal = self.user_refusal, b""
        if ask.is_ok:
            self._state.logged_in = True
            if self.user.isascii() and self.user.isprintable() and " " not in self.user:
                self._state.memory.somebody = self.user
        elif ask.verb == b"PASS" and refusal:
            ask.kept[:] = refusal
        elif not line.startswith(b"-ERR"):
            self._state.is_strange = True

    def server_left(self) -> None:
        """The server has hung up: if it was at a name that it had refused, the client is told that, for its USER was
        answered here.
        """
        turns = self._owed.turns
        if self.user_refusal and turns and turns[0].verb == b"PASS" and not self._owed.has_begun:
            self._owed.settle(turns[0], self.user_refusal)

    def _is(self, user: str) -> None:
        """The client has said who it is; what it says behind its login does not change that."""
        state = self._state
        if state.logged_in:
            return
        self.user = user
        state.habits = state.memory.habits((state.visitor, user))
        state.is_careful |= bool(state.habits.careful)


_STALE = b"-ERR [SYS/TEMP] the server was called anew when TLS began, please connect again\r\n"
"""To an APOP whose digest is over the stamp of a connection that is no more: the server would call it a wrong password.
RFC 3206 section 3: nothing is wrong with name or password, and later it may work; a client's other logins work now."""


def _name(command: Command) -> str:
    """What stands behind a blank or a tab may be a password that was typed into the wrong line."""
    words = command.argument.split(None, 1)
    return words[0].decode("utf-8", "replace") if words else ""
