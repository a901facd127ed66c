"""What is asked ahead of a client after its login, and the proofs that this may be done.

Every flight ends with STAT, whose answer is like no other's; so when as many answers have come as there were questions,
each of the shape that its question must get, none was lost and each is certain.
"""

from __future__ import annotations

from popover.config import Ahead as Wanted
from popover.protocols.pop3.ahead import Ahead
from popover.protocols.pop3.answers import for_client, soften
from popover.protocols.pop3.ask import Ask, Flight, Kind
from popover.protocols.pop3.commands import Command, ask
from popover.protocols.pop3.habits import QUESTIONS
from popover.protocols.pop3.mailbox import Mailbox
from popover.protocols.pop3.manners import Shown
from popover.protocols.pop3.state import State
from popover.protocols.pop3.way import CAPA, LIST, STAT, Way

REFUSALS_IN_A_ROW = 2
"""Questions in a row that leave with a login. If it fails, each of them is a bad command, and Dovecot hangs up at the
third in a row: a client could not try another password. A CAPA between them, which is right at any time, starts
its count anew, and costs no round trip."""

MANY = 1500
"""Messages from which UIDL and LIST are not asked ahead next time: some 64 KiB, which would be held until they are
whole, while a client that asks by itself sees them come."""


class Questions:
    """Those of one session. `asked`: what the client itself asked, for its habits."""

    def __init__(self, wanted: Wanted, state: State, mailbox: Mailbox, ahead: Ahead, way: Way) -> None:
        self.asked: list[bytes] = []
        self._wanted = wanted
        self._state = state
        self._mailbox = mailbox
        self._ahead = ahead
        self._way = way
        self._answered: set[bytes] = set()
        self._have_left = self._have_asked = False

    @property
    def of_last_time(self) -> tuple[bytes, ...]:
        """What this session's client asked, for its next."""
        if self._mailbox.count > MANY:
            return tuple(verb for verb in self.asked if verb in (b"CAPA", b"STAT"))
        return tuple(verb for verb in self.asked if verb in self._answered)

    def client_asks(self, command: Command) -> None:
        """Take note of a question of the client's."""
        is_question = command.verb in QUESTIONS and not command.argument and self._state.logged_in
        if is_question and command.verb not in self.asked and not self._ahead.has_walked:
            self.asked.append(command.verb)

    def heard(self, ask: Ask) -> None:
        """Take note of an answer."""
        if ask.is_ok and not ask.command.argument:
            self._answered.add(ask.verb)

    def was_told(self, answer: bytes) -> None:
        """Know what the server has answered to CAPA while it waited for its client."""
        state, ahead = self._state, self._ahead
        known = Ask(CAPA, Kind.GUESS)
        known.is_done = known.is_ok = True
        status, line_end, rest = for_client(answer, state.offers, state.hide).partition(b"\n")
        known.kept += (soften(status) if self._wanted.soften else status) + line_end + rest
        ahead.add(known)
        ahead.held += len(known.kept)
        state.is_informed = True

    # -- with the login --------------------------------------------------------------------------

    def behind_login(self, login: Ask) -> None:
        """A login has just left: let leave with it what the server has shown that it hears, or one question that shows
        whether it does.
        """
        state, keeps = self._state, self._state.manners.keeps
        if state.is_careful or state.logged_in or not self._wanted.ask_ahead or keeps is Shown.NO:
            return
        if self._way.unsent:
            return  # the client itself says more in the same piece, and may change what would be asked
        if login.verb == b"APOP" and not state.has_stamp:
            return  # to this server it is no command, and may have no answer: that to a question would be taken for it
        is_alone = not self._way.is_behind_others(login)
        if keeps is Shown.NOTHING:
            if is_alone:
                self._fly("keeps", [CAPA])
            return
        self._have_left = True
        flight = self._fly("keeps", [CAPA, *self._questions(), STAT])
        if not is_alone:
            login.behind = flight[0]

    def after_login(self) -> None:
        """The login was accepted: ask what has not left with it."""
        state = self._state
        if self._have_left or state.is_careful or not self._wanted.ask_ahead:
            return
        if state.habits.leaves_no_time and self._way.is_quiet:
            self._find_out()
        if state.manners.pipelines is not Shown.YES or not (self._way.is_quiet or self._way.is_trying):
            return
        questions = self._questions()
        if not questions and not self._way.is_trying:
            return
        self._have_left = True
        # Where a CAPA behind the login is yet to be answered, what comes next must be like no answer to a CAPA.
        first = [STAT] if self._way.is_trying else []
        self._fly("pipelines", [*first, *questions, STAT])

    def _find_out(self) -> None:
        """Ask now what is else asked when a client has left, if it asked something last time. Where all is well
        it waits for nothing, for that is what it asks first; where something gets lost, less than a second, and once.
        CAPA stands between the two others: of one message their answers may be the same words.
        """
        manners, known = self._state.manners, self._state.habits.questions
        first = [ask(verb) for verb in known if verb != b"CAPA"][:1]  # nothing that it may not bear is asked
        if manners.may_be_tried and first:
            about_one = b"LIST" in known and first == [STAT]
            self._fly("pipelines", [ask(b"LIST 1"), CAPA, STAT] if about_one else [*first, CAPA])
        elif manners.after is None and manners.knows_capa and not manners.offers_before:
            self._way.tell(CAPA)

    def list_for_walk(self) -> None:
        """A client that fetches messages without asking for their sizes: ask for it, where LIST is known to end; and
        what the server can, if it has not told in this session.
        """
        manners, knows_sizes = self._state.manners, self._mailbox.knows_sizes
        if not self._ahead.is_walking or self._have_asked or manners.pipelines is not Shown.YES:
            return
        if knows_sizes or manners.lists is Shown.YES:
            self._have_asked = True
            questions = [] if self._state.is_informed else [CAPA]
            self._fly("pipelines", [*questions, *([] if knows_sizes else [LIST]), STAT])

    def fetch_ahead(self) -> None:
        """Fetch the next messages of a client that walks through its mailbox."""
        if self._mailbox.knows_sizes and self._state.is_informed:
            for flight in self._ahead.wanted():
                self._way.fly(flight)
        else:
            self.list_for_walk()

    def _questions(self) -> list[Command]:
        habits = self._state.habits
        verbs = [verb for verb in habits.questions if verb not in (b"CAPA", b"STAT")]
        if (
            habits.fetches
            and self._wanted.read_ahead
            and self._ahead.does_no_harm(b"TOP")
            and b"LIST" not in verbs
            and self._state.manners.lists is Shown.YES
        ):
            verbs.append(b"LIST")
        return [ask(verb) for verb in verbs] or [STAT] * (b"STAT" in habits.questions)

    def _fly(self, ability: str, questions: list[Command]) -> list[Ask]:
        """Send a flight. What is asked twice, or is there already, is only a matter of proof."""
        flight = Flight(ability)
        asks: list[Ask] = []
        in_a_row = 0
        if questions[-2:] == [STAT, STAT]:
            del questions[-1]
        for question in questions:
            in_a_row = 0 if question is CAPA else in_a_row + 1
            if in_a_row > REFUSALS_IN_A_ROW and not self._state.logged_in:
                asks.append(self._for_proof(CAPA, flight))
                in_a_row = 1
            if self._ahead.has(question.key):
                asks.append(self._for_proof(question, flight))
            else:
                asks.append(Ask(question, Kind.GUESS, flight))
                self._ahead.add(asks[-1])
        self._way.fly(asks)
        return asks

    @staticmethod
    def _for_proof(question: Command, flight: Flight) -> Ask:
        one = Ask(question, Kind.GUESS, flight)
        one.is_dropped = True
        return one
