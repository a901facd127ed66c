"""The client's ear: its commands, one line each, and to whom each is a matter."""

from __future__ import annotations

from collections.abc import Callable

from popover.config import Ahead as Wanted
from popover.errors import Misdialled
from popover.protocols.pop3.ahead import Ahead
from popover.protocols.pop3.ask import Ask
from popover.protocols.pop3.commands import KNOWN, RESPONSE_LIMIT, Command, parse
from popover.protocols.pop3.leaving import Leaving
from popover.protocols.pop3.login import Login
from popover.protocols.pop3.mailbox import Mailbox
from popover.protocols.pop3.manners import Shown
from popover.protocols.pop3.questions import Questions
from popover.protocols.pop3.queue import Owed
from popover.protocols.pop3.state import State
from popover.protocols.pop3.stls import Stls
from popover.protocols.pop3.way import Way
from popover.protocols.strangers import Strangers
from popover.talk import End, take_line

TURNS_LIMIT = 512
"""Commands of a client that pipelines, not yet answered; more wait unread. A mailbox of 500 messages fits."""

BURST = 8
"""Commands heard in one go: some 0.3 ms of work, and then it is the others' turn. With 4 nobody waits less."""


class ClientEar:
    """Hears one client. What it says and is not heard yet stands in the end's inbox."""

    def __init__(  # noqa: PLR0913, PLR0917 - it is where all parts meet
        self,
        wanted: Wanted,
        state: State,
        mailbox: Mailbox,
        client: End,
        owed: Owed,
        way: Way,
        ahead: Ahead,
        questions: Questions,
        login: Login,
        leaving: Leaving,
    ) -> None:
        self.has_more = False
        self._wanted = wanted
        self._state = state
        self._mailbox = mailbox
        self._client = client
        self._owed = owed
        self._way = way
        self._ahead = ahead
        self._questions = questions
        self._login = login
        self._leaving = leaving
        stls = self._stls = Stls(state, owed, way)
        self._strangers = Strangers("a POP3")
        self._matters: dict[bytes, Callable[[Command], object]] = {
            b"USER": login.say_user, b"PASS": login.say_login, b"APOP": login.say_login, b"AUTH": login.say_auth,
            b"STLS": stls.say, b"RETR": self._fetch, b"TOP": self._fetch, b"DELE": self._delete,
            b"QUIT": self._quit,
        }  # fmt: skip
        if state.tls == "require":  # nothing of what is said before TLS is for the server
            self._matters |= dict.fromkeys(KNOWN, stls.refuse) | {
                b"CAPA": stls.tell_capabilities, b"STLS": stls.say, b"QUIT": self._quit,
            }  # fmt: skip

    def let_go(self) -> None:
        """Hear no more: what it keeps here knows it, and only the garbage collector could free the two."""
        self._matters.clear()

    @property
    def has_room(self) -> bool:
        """More may be heard."""
        return len(self._owed.turns) < TURNS_LIMIT and not self._way.is_full

    @property
    def wants(self) -> bool:
        """More may be read from the client."""
        return self.has_room and len(self._client.inbox) < RESPONSE_LIMIT

    def listen(self) -> None:
        """Hear the lines that have come, as far as they may be heard now."""
        inbox = self._client.inbox
        self.has_more = False
        for _ in range(BURST):
            if not inbox or not self._may_listen:
                return
            line = take_line(inbox, RESPONSE_LIMIT)
            if not line:
                if len(inbox) >= RESPONSE_LIMIT:
                    self._state.failure = Misdialled(
                        f"a command of more than {RESPONSE_LIMIT:,} octets is too long",
                        "RFC 2449 section 4 allows 255; is it a mail program that connects here?",
                    )
                return
            if self._login.is_exchange:
                self._login.respond(line)
            else:
                self._command(parse(line))
        self.has_more = bool(inbox) and self._may_listen

    @property
    def _may_listen(self) -> bool:
        state = self._state
        is_over = state.turns_plain or state.begins_tls or self._leaving.has_said
        if is_over or state.failure is not None or not self.has_room:
            return False
        return not self._login.is_exchange or self._login.awaits_response

    def _command(self, command: Command) -> None:
        verb = command.verb
        if self._client.inbox or self._owed.turns:
            self._state.spared.no_more()
        if self._owed.client_goes_on():
            self._state.is_careful = True
            self._ahead.drop_all()
        if verb in KNOWN:
            self._matters.get(verb, self._ask)(command)
        else:
            self._unknown(command)

    def _quit(self, command: Command) -> None:
        next_time = [verb for verb in self._questions.of_last_time if verb not in (b"CAPA", b"STAT")]
        self._leaving.say(command, self._login.user, next_time)
        self._client.inbox.clear()

    def _unknown(self, command: Command) -> None:
        """What it does, and whether it is answered at all (Stalwart passes over empty lines), nobody knows."""
        state = self._state
        state.is_strange = state.is_careful = True
        self._ahead.drop_all()
        if not command.verb and state.tls != "require":
            state.turns_plain = True
            self._client.inbox[:0] = command.line
            return
        if not state.logged_in:
            state.failure = self._strangers.one_more()
            if state.failure is not None:
                return
        if state.tls == "require":
            self._stls.refuse(command)
        else:
            self._way.pass_on(command)

    def _ask(self, command: Command) -> Ask:
        if command.verb == b"LAST":
            self._state.habits.asks_last = True
        self._questions.client_asks(command)
        return self._claim(command) or self._way.pass_on(command)

    def _claim(self, command: Command) -> Ask | None:
        """Give what is there already, or on its way, if it is still true. Behind an own question that is not answered a
        client's next one goes to the server: for its answer it may wait before we see the other's end.
        """
        self._ahead.outdate(command)
        found = None if self._way.has_clients else self._ahead.claim(command.key, self._way.last_owed)
        if found is not None and found.is_done and found.flight is not None and found.flight.is_void:
            found = None
        if found is not None:
            self._way.owe(found)
            if not self._owed.turns:  # it was here, all of it
                self._state.spared.one()
        return found

    def _fetch(self, command: Command) -> None:
        found = self._claim(command)
        if found is None:
            asked = self._way.pass_on(command)
            asked.octets = 1
            asked.counts_dots = command.verb == b"RETR" and self._mailbox.exact is None and self._mailbox.knows_sizes
        if command.number and self._state.logged_in:
            self._ahead.step(command, came_true=found is not None)

    def _delete(self, command: Command) -> None:
        way, mailbox, state = self._way, self._mailbox, self._state
        number = command.number
        is_sure = state.logged_in and not state.is_careful and state.manners.pipelines is Shown.YES
        is_settled = not way.changes and not way.has_clients
        exists = number and b" " not in command.argument and mailbox.has(number)
        mailbox.is_touched = True
        self._ahead.outdate(command)
        if self._wanted.dele_at_once and is_sure and is_settled and exists:
            mailbox.delete(number)
            way.answer_early(command, b"+OK message %d deleted\r\n" % number)
        else:
            way.pass_on(command)
