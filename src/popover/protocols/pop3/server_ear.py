"""The server's ear: what its answers teach, and what they set going."""

from __future__ import annotations

from popover.protocols.pop3.ahead import Ahead
from popover.protocols.pop3.answers import capabilities, for_client, is_capabilities, soften
from popover.protocols.pop3.ask import Ask, Kind
from popover.protocols.pop3.commands import KNOWN
from popover.protocols.pop3.commands import ask as command
from popover.protocols.pop3.flights import Flights
from popover.protocols.pop3.leaving import Leaving
from popover.protocols.pop3.login import Login
from popover.protocols.pop3.mailbox import Mailbox
from popover.protocols.pop3.mending import Mending
from popover.protocols.pop3.questions import Questions
from popover.protocols.pop3.queue import Owed
from popover.protocols.pop3.state import State
from popover.protocols.pop3.way import Way

_FETCHES = (b"RETR", b"TOP")
_ANSWERED_HERE = (b"USER", b"DELE", b"QUIT")


class ServerEar:
    """Judges what has come (`queue.Judge`). Each part that an answer concerns is told of it here."""

    def __init__(  # noqa: PLR0913, PLR0917 - it is where all parts meet
        self,
        state: State,
        mailbox: Mailbox,
        owed: Owed,
        way: Way,
        ahead: Ahead,
        questions: Questions,
        login: Login,
        leaving: Leaving,
        mending: Mending,
    ) -> None:
        self._state = state
        self._mailbox = mailbox
        self._owed = owed
        self._way = way
        self._ahead = ahead
        self._questions = questions
        self._login = login
        self._leaving = leaving
        self._mending = mending
        self._has_told_stat = False  # to us, and it was asked nothing more
        self._flights = Flights(state, mailbox, owed, way, ahead)
        owed.judge = self

    def hold(self, ask: Ask, octets: int) -> None:
        """Octets are kept for a client that has not asked for them."""
        ahead = self._ahead
        ahead.held += octets
        if ahead.is_over or (ahead.is_full and self._owed.turns):
            ahead.drop(ask)  # the client waits for what comes behind it, or the server's LIST was not true

    def unasked(self) -> None:
        """From now on answers may come later than we think: go as a wire goes. A server that hangs up may say why; one
        that goes on to answer adds lines, and is never run ahead of again.
        """
        self._flights.be_careful()
        if self._leaving.has_found_out or self._leaving.is_told:
            self._state.manners.fail("adds nothing")
        elif not self._state.unasked_at:
            self._state.unasked_at = self._state.now

    def lost(self, ask: Ask) -> None:
        """The server has not heard what left in that flight."""
        self._flights.lost(ask)

    def wrong(self, ask: Ask, line: bytes) -> None:
        """Nobody knows any more which answer is whose."""
        if ask.flight is not None:
            self._state.manners.fail(ask.flight.ability)
        if self._leaving.is_finding_out:
            self._leaving.give_up(ask)
        else:
            self._mending.begin(ask, line)

    def judge(self, ask: Ask, line: bytes) -> None:
        """An answer is complete: what does it teach?"""
        verb, way, state = ask.verb, self._way, self._state
        way.answered(ask)
        self._questions.heard(ask)
        self._judge_additions(ask)
        if ask.kind is Kind.GUESS:
            self._ahead.landed(ask)
        elif ask.kind is Kind.OURS:
            self._judge_ours(ask)
        is_its = ask.flight is None or not ask.flight.is_wrong
        if is_its and not ask.has_body and verb not in (b"PASS", b"APOP", b"AUTH", b"QUIT"):
            state.manners.took(state.now - ask.since)
        state.is_odd |= not (ask.is_ok or line.startswith(b"-ERR"))
        if self._owed.is_loose or state.is_odd:
            self._flights.be_careful()
        if verb == b"CAPA":
            self._judge_capa(ask)
        elif verb in (b"PASS", b"APOP", b"AUTH", b"STLS"):
            self._login.judge(ask, line)
            self._after_login(ask)
        elif not ask.is_ok:
            self._judge_refusal(ask, line)
        elif verb not in KNOWN and state.logged_in:
            state.turns_plain = True  # "XTND XMIT": what follows may be a mail, or anything
        else:
            self._judge_success(ask, line)
        if ask.flight is not None and not ask.flight.missing:
            self._flights.judge(ask)

    def _judge_ours(self, ask: Ask) -> None:
        """Whether the client has gained a round trip by what we had answered, or has waited for what it had not asked.
        What it says behind a USER or a DELE may have waited for this answer as long as it would have itself.
        """
        is_awaited = self._leaving.is_awaited if ask.verb == b"QUIT" else self._way.keeps_waiting
        if ask.verb in _ANSWERED_HERE:
            if not is_awaited:
                self._state.spared.one()
        elif is_awaited:
            self._state.spared.none()

    def _judge_additions(self, ask: Ask) -> None:
        """Whether it says more than it is asked."""
        state = self._state
        if 0 < state.unasked_at <= ask.since:
            state.manners.fail("adds nothing")
        if self._has_told_stat and not state.unasked_at and ask.is_ok:
            state.manners.show("adds nothing")
        self._has_told_stat = ask.verb == b"STAT" and ask.kind is Kind.GUESS and not self._owed.asked

    # -- single answers --------------------------------------------------------------------------

    def _judge_success(self, ask: Ask, line: bytes) -> None:
        verb, mailbox = ask.verb, self._mailbox
        if verb == b"STAT":
            mailbox.learn_stat(line)
        elif verb == b"LIST" and ask.kind is Kind.OURS:
            self._way.tell(command(b"DELE %d" % ask.number), first=True)  # we had answered it, and it was not heard
        elif verb == b"LIST" and ask.listing is not None:
            mailbox.learn_list(ask.listing)
            if ask.kind is Kind.CLIENT and ask.listing.is_sane:
                self._flights.shows_lists(ask)
        elif verb in _FETCHES and ask.number:
            mailbox.count = max(mailbox.count, ask.number)
            if ask.octets and ask.kind is Kind.CLIENT:
                self._compare(ask)
        elif verb == b"DELE":
            mailbox.delete(ask.number)
        elif verb == b"RSET":
            mailbox.reset()
            mailbox.is_touched = bool(self._way.changes or self._way.has_deletions)
        elif verb == b"QUIT":
            self._leaving.answered(ask)

    def _compare(self, ask: Ask) -> None:
        """A mail went by: is it as long as LIST tells, and how fast is the line?"""
        octets = ask.octets - 1 - len(b".\r\n")
        is_as_told = self._mailbox.compare(ask.number, octets) if ask.counts_dots else None
        if is_as_told is not None and self._mailbox.exact is not False:
            self._mailbox.exact = is_as_told
        self._state.manners.carried(octets, self._state.now - ask.since)

    def _judge_capa(self, ask: Ask) -> None:
        state = self._state
        # One that is not in RFC 2449's form teaches nothing: what else such a server does in its own way, nobody knows.
        if ask.learnt is not None and (is_capabilities(ask.learnt) or ask.learnt.startswith(b"-ERR")):
            state.manners.learn(capabilities(bytes(ask.learnt)), logged_in=state.logged_in)
            state.is_informed = True
        if ask.needs_all and ask.kept:
            before = len(ask.kept)
            ask.kept[:] = self._softened(for_client(bytes(ask.kept), state.offers, state.hide))
            if not ask.is_claimed and not ask.is_dropped:
                self._ahead.held -= before - len(ask.kept)

    def _softened(self, answer: bytes) -> bytes:
        status, line_end, rest = answer.partition(b"\n")
        return (soften(status) if self._owed.softening else status) + line_end + rest

    def _after_login(self, ask: Ask) -> None:
        """What a login changes for the others."""
        if ask.has_body or ask.verb == b"STLS":
            return  # AUTH without a mechanism just asks for the list
        if not ask.is_ok:
            self._flights.be_careful()
        elif self._state.logged_in:
            self._questions.after_login()

    def _judge_refusal(self, ask: Ask, line: bytes) -> None:
        verb, mailbox = ask.verb, self._mailbox
        if ask is self._way.user_ask:
            if line[:4].upper() == b"-ERR":
                self._login.user_refusal = line
            return
        if verb == b"LIST" and ask.kind is Kind.OURS:
            return  # the message is deleted, as it was to be
        if verb in self._questions.asked and (ask.has_body or verb == b"STAT"):
            self._questions.asked.remove(verb)
        if verb == b"DELE" and ask.kind is Kind.OURS:
            mailbox.undelete(ask.number)
            mailbox.refused += 1
        if verb == b"LAST":
            self._state.habits.asks_last = False  # there is no last message that reading could move
        if verb == b"QUIT":
            self._leaving.answered(ask)
        if ask.is_guess or not ask.is_claimed or self._ahead:
            self._flights.be_careful()
