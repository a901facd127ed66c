"""How a client leaves: QUIT, and what is found out about a server when nobody waits for it any more.

QUIT of a session that deleted nothing is answered here, while the server is told. A login of the same user waits until
the server has heard it (`Memory.waits`), for the mailbox may be locked so long.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from popover.config import Ahead as Wanted
from popover.protocols.pop3.ahead import Ahead
from popover.protocols.pop3.ask import Ask, Flight, Kind
from popover.protocols.pop3.commands import Command, ask
from popover.protocols.pop3.mailbox import Mailbox
from popover.protocols.pop3.manners import Shown
from popover.protocols.pop3.questions import MANY
from popover.protocols.pop3.queue import Owed
from popover.protocols.pop3.state import State
from popover.protocols.pop3.way import CAPA, LIST, NOOP, STAT, Way

NOT_REMOVED = b"-ERR some deleted messages not removed\r\n"
"""RFC 1939 section 6, the answer to QUIT."""

FIND_OUT = 2.0
"""Seconds for all that is asked before QUIT is told: a server may never end what it says."""


class Leaving:
    """The end of one session. `has_said`: the client has said QUIT. `is_early`: and has its answer from us.

    `is_told`: the server has answered it. `is_awaited`: another session waits for that.
    """

    def __init__(self, wanted: Wanted, state: State, mailbox: Mailbox, owed: Owed, way: Way, ahead: Ahead) -> None:
        self.has_said = self.is_early = self.is_told = self.is_awaited = False
        self._wanted = wanted
        self._state = state
        self._mailbox = mailbox
        self._owed = owed
        self._way = way
        self._ahead = ahead
        self.on_wake: Callable[[], None] = lambda: None
        self._command: Command | None = None  # a QUIT that is yet to be told
        self._user = ""
        self._of_next_time: list[bytes] = []
        self._is_registered = self._has_asked = self._has_proved = self._is_asking = False
        self._gave_up_at = math.inf  # what was asked before QUIT is told
        self._may_hear_others = False  # some of that may yet be answered, and look like QUIT's answer

    def say(self, command: Command, user: str, of_next_time: list[bytes]) -> None:
        """QUIT. `of_next_time`: questions that may leave with this client's next login; their answers are looked at
        now, while nobody waits for them.
        """
        self.has_said = True
        self._of_next_time = of_next_time
        self._ahead.drop_all()
        state = self._state
        is_free = not (self._mailbox.is_touched or state.is_strange or self._way.has_deletions)
        is_free &= not (state.manners.adds_lines or state.unasked_at)
        is_free &= not self._way.has_clients  # who says it in one piece with more has its answer as soon without us
        if self._wanted.quit_at_once and is_free and state.memory.may_leave(state.visitor):
            self.is_early = True
            self._has_asked = self._has_proved = (
                not self._wanted.wants_to_know or state.is_careful or not state.logged_in
            )
            self._command, self._user = command, user
            self._way.owe(Ask.answered(command, b"+OK\r\n"))
            self.go_on()
            return
        self._way.pass_on(command).needs_all = True

    def go_on(self) -> None:
        """Nobody waits, and all was answered: find out what is unknown of this server, then tell it."""
        if self._command is None or self._way.has_clients:
            return
        if not self._is_registered:
            self._is_registered = True
            self._state.memory.leaves(self._user, self._state.visitor, self._hurry)
        if self._way.is_in_doubt:
            self._is_asking = True  # QUIT behind it might get lost
        elif self._way.has_guesses and not self._is_asking:
            self.tell()  # what was guessed is of no use any more, and may take long
        if not self._way.is_empty:
            return
        self._is_asking = True
        manners = self._state.manners
        if not self._has_asked and manners.after is None and manners.knows_capa:
            self._has_asked = True
            self._way.tell(CAPA)
        elif not self._has_proved and manners.pipelines is Shown.NOTHING and self.has_time:
            self._has_proved = True
            self._way.fly(self._proof())
        else:
            self.tell()

    @property
    def has_time(self) -> bool:
        """Something may be found out before the server is told: not where QUIT takes out what was fetched, for a server
        that ends the session at what it is asked does not hear it.
        """
        return self.is_early and (self._ahead.does_no_harm(b"RETR") or not self._ahead.has_walked)

    def _proof(self) -> list[Ask]:
        """Questions whose answers cannot be taken for each other's; one of a message, if there is one, names it.
        Another stands between it and STAT: `+OK 3 120`, said twice, would answer both. Some answer two that wait the
        other way round: of an even number STAT is one of such a pair, and has the other's answer then.
        """
        flight, number = Flight("pipelines"), self._mailbox.count
        about_one = [ask(b"LIST %d" % number)] if self._mailbox.has(number) else []
        between = [ask(verb) for verb in self._of_next_time]
        if self._wanted.read_ahead and 0 < number <= MANY and b"LIST" not in self._of_next_time:
            between.append(LIST)
        while not between or (len(about_one) + len(between)) % 2:
            between.append(NOOP)
        return [Ask(question, Kind.GUESS, flight) for question in (CAPA, *about_one, *between, STAT)]

    def tell(self) -> None:
        """Say QUIT to the server, after all that waits to be said."""
        if self._command is not None:
            command, self._command = self._command, None
            self._way.tell(command)

    @property
    def has_found_out(self) -> bool:
        """The server was asked all that there is to be found out before QUIT is told."""
        return self._is_asking and self._has_proved

    @property
    def is_finding_out(self) -> bool:
        """The server has been asked something before QUIT is told."""
        return self._is_asking and self._command is not None and not self._way.is_empty

    @property
    def due(self) -> float:
        """When what is asked before QUIT is told is given up; and when the answer to QUIT is, of a server that goes on
        with what it was asked before.
        """
        spoke, manners = self._state.server_spoke, self._state.manners
        if self._command is None:
            talks_on = spoke > self._gave_up_at + manners.usual and not self.is_told
            return self._gave_up_at + manners.patience if talks_on else math.inf
        if not (self.is_finding_out and self._owed.asked):
            return math.inf
        since = self._owed.asked[0].since
        return min(max(spoke, since) + manners.patience, since + FIND_OUT)

    def on_time(self) -> None:
        """Silence has lasted long enough, or the talk has."""
        if self._command is None:
            self.is_told = True  # it hears nothing, and nothing was deleted: the end is all that is left to tell it
        else:
            self.give_up(self._owed.asked[0])

    def give_up(self, asked: Ask) -> None:
        """What it was asked is not answered, or not as it should: never mind, QUIT is what counts. `asked`: the first
        that is not answered.
        """
        flight = asked.flight
        if flight is not None and flight.missing < len(flight.asks):  # it has answered some of it, and is not just slow
            self._state.manners.fail(flight.ability)
        self._tell_now()

    def _tell_now(self) -> None:
        """Say QUIT to the server behind what it has not answered."""
        self._gave_up_at = self._state.now
        self._may_hear_others |= not self._way.is_empty
        self._way.start_anew()
        self.tell()

    def answered(self, ask: Ask) -> None:
        """The server has answered QUIT; or what it was asked before that: then its end will tell who waits for it."""
        self.is_told = True
        if ask.is_claimed and ask.is_ok and self._mailbox.refused:
            ask.kept[:] = NOT_REMOVED
        if not self._may_hear_others:
            self.over()

    def _hurry(self) -> None:
        """Another session waits for this one to be over."""
        self.is_awaited = True
        if self.is_finding_out:
            self._tell_now()
            self._way.send()
            self.on_wake()

    def server_left(self) -> None:
        """The server has hung up: at what it was asked, perhaps, and it is not asked that again."""
        asked = self._owed.asked
        if self.is_finding_out and asked and asked[0].is_doubtful and asked[0].flight is not None:
            self._state.manners.fail(asked[0].flight.ability)
        self.over()

    def over(self) -> None:
        """The server knows, or is gone."""
        if self._is_registered:
            self._is_registered = False
            self._state.memory.has_left(self._user, self._state.visitor, self._hurry)
