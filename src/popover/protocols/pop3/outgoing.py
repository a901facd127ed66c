"""What goes to the server, and when: one command after the other, or many in a flight where that is allowed."""

from __future__ import annotations

from collections import deque

from popover.config import Service
from popover.protocols.pop3.ahead import Ahead
from popover.protocols.pop3.answers import PIPELINING, Capabilities
from popover.protocols.pop3.ask import Ask
from popover.protocols.pop3.commands import KNOWN, Command, ask
from popover.protocols.pop3.habits import Habits
from popover.protocols.pop3.mailbox import Mailbox
from popover.protocols.pop3.queue import Owed
from popover.talk import End

CAPA, LIST, NOOP = ask(b"CAPA"), ask(b"LIST"), ask(b"NOOP")

UNANSWERED_LIMIT = 1024
"""Commands on their way to the server, or waiting for it. Those that are answered at once would else be without limit:
some 400 octets each. A client that deletes 1,000 messages in one go may."""

REFUSALS_IN_A_ROW = 2
"""Questions in a row that leave with a login. If it fails, each of them is a bad command, and Dovecot hangs up at the
third in a row: a client could not try another password. A CAPA between them, which is right at any time, starts
its count anew, and costs no round trip."""

_CHANGES = frozenset((b"DELE", b"RSET"))
_BARRIERS = frozenset((b"AUTH", b"STLS", b"QUIT"))
_GUESSES = frozenset((b"CAPA", b"STAT", b"UIDL", b"LIST", b"RETR", b"TOP"))


class Outgoing:
    """The way to the server. `is_careful`: no guesses and no early answers any more, everything step by step."""

    def __init__(self, service: Service, habits: Habits, server: End, owed: Owed) -> None:
        self.mailbox = Mailbox()
        self.ahead = Ahead(service, habits, self.mailbox)
        self.before: Capabilities | None = habits.before
        self.after: Capabilities | None = habits.after
        self.is_careful = bool(habits.careful)
        self.logged_in = False
        self.unsent: deque[Ask] = deque()
        self.user_ask: Ask | None = None  # a USER that we have answered
        self.user_refusal = b""  # what the server said to it
        self._server = server
        self._service = service
        self._habits = habits
        self._owed = owed
        self._login_sent = False
        self._serial = 0
        self._last_owed = 0  # serial of the last ask that the client is owed
        self._hurries = False  # of what is under way not all was said step by step
        self._changes = 0  # DELE and RSET of the client, not yet answered
        self._asked_capa = self._asked_questions = self._asked_list = False

    @property
    def pipelines(self) -> bool:
        """Whether a command may be sent before the one in front of it is answered."""
        before = self.before is not None and PIPELINING in self.before
        after = self.after is not None and PIPELINING in self.after
        if self.logged_in:
            return after
        return before and (after or not self._login_sent)

    @property
    def is_useful(self) -> bool:
        """Whether it is of any use to know the server's capabilities."""
        service = self._service
        return (
            service.ahead.ask_ahead
            or bool(service.ahead.read_ahead)
            or service.ahead.user_at_once
            or service.ahead.dele_at_once
        )

    def unanswered(self, verb: bytes, *, claimed: bool) -> bool:
        """Whether such a command is still under way."""
        return any(
            one.verb == verb and one.is_claimed is claimed for some in (self._owed.asked, self.unsent) for one in some
        )

    @property
    def is_settled(self) -> bool:
        """Whether the server has answered each DELE and RSET of the client."""
        return not self._changes

    @property
    def is_full(self) -> bool:
        """So much waits for the server that nothing more may be heard."""
        return len(self.unsent) + len(self._owed.asked) >= UNANSWERED_LIMIT

    @property
    def is_ahead(self) -> bool:
        """Whether the server is yet to answer what it would have been asked later, or never, without us."""
        return self._hurries and bool(self._owed.asked)

    @property
    def waits_for_capa(self) -> bool:
        """Whether everything waits for the answer to a CAPA of ours, which is a matter of no time. The client may have
        asked for it since: if the server has lost what came behind a login, it still waits for our sake.
        """
        first = self._owed.asked[0] if self._owed.asked else None
        return first is not None and first.verb == b"CAPA" and (first.is_guess or not first.is_claimed)

    def answered(self, one: Ask) -> None:
        """Take note of an answer that is complete."""
        self._changes -= one.is_claimed and one.verb in _CHANGES

    # -- commands --------------------------------------------------------------------------------

    def pass_on(self, command: Command) -> Ask:
        """Ask what the client asks; give it what is there already, if that is still true."""
        self.ahead.outdate(command)
        found = self.ahead.claim(command.key, self._last_owed)
        if found is None:
            found = Ask(command, claimed=True)
            self.enqueue(found)
        self._last_owed = max(self._last_owed, found.serial)
        self._owed.owe(found)
        return found

    def answer_early(self, command: Command, words: bytes) -> Ask:
        """Answer the client now, and tell the server without passing its answer on."""
        quiet = self.tell(command)
        self._owed.owe(Ask.answered(command, words))
        return quiet

    def tell(self, command: Command) -> Ask:
        """Say something to the server whose answer the client does not get."""
        quiet = Ask(command, claimed=False)
        quiet.is_dropped = True
        self.enqueue(quiet)
        return quiet

    def enqueue(self, one: Ask) -> None:
        """Let a command wait for its turn to be sent."""
        self._serial += 1
        one.serial = self._serial
        self._changes += one.is_claimed and one.verb in _CHANGES
        if one.verb == b"CAPA":
            one.needs_all, one.learnt = True, bytearray()
        elif one.verb == b"LIST" and one.has_body:
            self._asked_list, one.learnt = True, bytearray()
        self.unsent.append(one)

    def send(self) -> None:
        """Send what may be sent now."""
        while self.unsent and not self._must_wait(self.unsent[0]):
            one = self.unsent.popleft()
            if one.verb == b"PASS" and self.user_refusal:
                words, self.user_refusal = self.user_refusal, b""
                self.be_careful()
                self._owed.settle(one, words)  # it has no such user, and gets no password
                continue
            self._login_sent |= one.verb in (b"PASS", b"APOP")
            self._server.outbox += one.line
            one.line = b""
            ours = one.is_guess or (not one.is_claimed and one.verb != b"NOOP")  # a NOOP has never hurt anybody
            self._hurries = bool(self._owed.asked) or ours
            self._owed.asked.append(one)

    def _must_wait(self, one: Ask) -> bool:
        asked = self._owed.asked
        if one is self.user_ask and len(self.unsent) == 1 and self.pipelines:
            return True  # its PASS comes in a moment, and both make one flight
        if not asked:
            return False
        if one.verb == b"QUIT" and any(other.verb == b"DELE" and not other.is_claimed for other in asked):
            return True  # it commits: what we have said about deletions must be known to be true
        last = asked[-1].verb
        return not self.pipelines or last in _BARRIERS or last not in KNOWN

    # -- guesses ---------------------------------------------------------------------------------

    def guess(self, command: Command) -> None:
        """Ask something that the client may ask later."""
        if not self.ahead.has(command.key):
            self._guess(Ask(command, claimed=False))

    def _guess(self, one: Ask) -> None:
        one.is_guess = True
        self.ahead.add(one)
        self.enqueue(one)

    def guess_questions(self) -> None:
        """Ask behind a login, or after it, what this service's clients asked last time."""
        if self.is_careful or not self.is_useful or (self.after is not None and PIPELINING not in self.after):
            return
        if not self._asked_capa:
            self._asked_capa = True
            self.guess(CAPA)
        if self.after is None or self._asked_questions or not self._service.ahead.ask_ahead:
            return
        self._asked_questions = True
        questions = [ask(question) for question in self._habits.questions]
        if self._habits.fetches and self._service.ahead.read_ahead:
            questions.append(LIST)
        in_a_row = 0
        for question in questions:
            if question.verb != b"CAPA" and not self.logged_in:
                if in_a_row == REFUSALS_IN_A_ROW:
                    self.tell(CAPA)
                    in_a_row = 0
                in_a_row += not self.ahead.has(question.key)
            self.guess(question)

    def guess_messages(self) -> None:
        """Fetch the next messages of a client that walks through its mailbox."""
        if self.is_careful or not self.logged_in or not self.pipelines:
            return
        if not self.mailbox.knows_sizes:
            if self.ahead.is_walking and not self._asked_list:
                self.guess(LIST)
            return
        for one in self.ahead.wanted(self.after or frozenset()):
            self._guess(one)

    def give_up_guesses(self) -> None:
        """Throw away what nobody has asked for."""
        self.ahead.drop_all()
        self.unsent = deque(one for one in self.unsent if not (one.is_dropped and one.verb in _GUESSES))

    def be_careful(self) -> None:
        """Go step by step from now on."""
        self.is_careful = True
        self.give_up_guesses()
