"""Flights whose answers have come, or got lost: what they show of the server, and what becomes of their questions."""

from __future__ import annotations

from popover.protocols.pop3.again import ask_again
from popover.protocols.pop3.ahead import Ahead
from popover.protocols.pop3.answers import octets_of_mail
from popover.protocols.pop3.ask import Ask
from popover.protocols.pop3.mailbox import Mailbox
from popover.protocols.pop3.queue import Owed
from popover.protocols.pop3.state import State
from popover.protocols.pop3.way import Way


class Flights:
    """Those of one session."""

    def __init__(self, state: State, mailbox: Mailbox, owed: Owed, way: Way, ahead: Ahead) -> None:
        self._state = state
        self._mailbox = mailbox
        self._owed = owed
        self._way = way
        self._ahead = ahead

    def judge(self, last: Ask) -> None:
        """All its answers have come."""
        flight, manners = last.flight, self._state.manners
        if flight is None or flight.is_wrong:
            return
        if flight.ability == "reads ahead":
            self._judge_message(flight.asks[0])
        if flight.is_void:
            for ask in flight.asks:
                self._give_up(ask)
        elif self._state.logged_in:
            if flight.shows:
                manners.show(flight.ability)
                self.shows_lists(*flight.asks)
            manners.carried(sum(len(ask.kept) for ask in flight.asks), self._state.now - last.since)

    def shows_lists(self, *asks: Ask) -> None:
        """An answer to LIST has come whole, and the next one in its turn, or the client goes on."""
        if any(ask.verb == b"LIST" and ask.has_body and ask.is_ok for ask in asks):
            self._state.manners.show("lists")

    def _judge_message(self, message: Ask) -> None:
        """A mail has come, and the answer behind it names it. Its octets must be those of LIST, too, unless this
        server's LIST is known not to tell them.
        """
        mailbox, flight = self._mailbox, message.flight
        if flight is None or flight.is_void or message.is_dropped:
            return
        is_as_told = mailbox.compare(message.number, octets_of_mail(message.kept)) if message.verb == b"RETR" else None
        if is_as_told is False and mailbox.exact is not False:
            if mailbox.exact:
                self._state.manners.fail("reads ahead")
            flight.is_proven, flight.is_void = False, True

    def lost(self, ask: Ask) -> None:
        """The server has not heard what left in that flight: never again, and ask what the client waits for."""
        asked, flight = self._owed.asked, ask.flight
        lost: list[Ask] = []
        while asked and asked[0].flight is flight:
            lost.append(asked.popleft())
            self._way.answered(lost[-1])
            self._ahead.landed(lost[-1])
        for one in self._owed.turns:
            if one.behind in lost:
                one.behind = None
        # What has been answered in this flight will not be proven any more, and somebody may wait for it.
        for one in reversed(lost if flight is None else flight.asks):
            self._give_up(one)
        if flight is not None:
            self._state.manners.fail(flight.ability)

    def _give_up(self, ask: Ask) -> None:
        """An answer is not certain: throw it away, and ask again what the client waits for."""
        if ask in self._owed.turns:
            ask_again(ask, self._state, self._owed, self._way)
        else:
            self._ahead.drop(ask)
        self.be_careful()

    def be_careful(self) -> None:
        """Go step by step from now on."""
        self._state.is_careful = True
        self._ahead.drop_all()
