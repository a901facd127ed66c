"""Guesses: what to ask before the client does, what became of it, and when it must be thrown away.

Two kinds: the questions after a login (`questions.py`), and walks through the mailbox (`walk.py`): the client fetches
one message after the other, and the next ones are fetched while it digests this one. A walk begins with the second
message in order, or with the first where this client earned it before.
Its width doubles while guesses come true. All guesses of a session together are limited in octets, and those on their
way in the time that they take: whatever the client asks meanwhile must wait for them.
"""

from __future__ import annotations

from collections.abc import Iterator

from popover.config import Ahead as Wanted
from popover.protocols.pop3.answers import RICO, deletes_what_is_read
from popover.protocols.pop3.ask import Ask, Flight, Kind
from popover.protocols.pop3.commands import Command, Key, ask
from popover.protocols.pop3.habits import WIDEST
from popover.protocols.pop3.mailbox import UNKNOWN, Mailbox
from popover.protocols.pop3.manners import Shown
from popover.protocols.pop3.state import State
from popover.protocols.pop3.walk import Walk

FIRST_WIDTH = 2
"""Messages a walk reads ahead when it has just begun: one being digested, one on its way."""

OVER = 160 * 1024
"""Octets held at most beyond the limit. Reading stops where the limit is met, so that is one piece of the stream: all
that its scratch holds. A server whose LIST tells too little might else fill one piece after the other."""


class Ahead:
    """The guesses of one session. `held`: octets of answers that no one has asked for yet."""

    def __init__(self, wanted: Wanted, state: State, mailbox: Mailbox) -> None:
        self.held = 0
        self.came_true = self.wasted = 0
        self._limit = wanted.read_ahead_bytes
        self._mode = wanted.read_ahead
        self._state = state
        self._widest = 0
        self._mailbox = mailbox
        self._asks: dict[Key, Ask] = {}
        self._expected = 0  # octets of all guesses, held or on their way
        self._on_their_way = 0  # octets of those whose answers are not whole
        self._walks: dict[bytes, Walk] = {}

    @property
    def width(self) -> int:
        """The widest that a walk of this session came to."""
        return self._widest

    @property
    def is_full(self) -> bool:
        """No more may be held for a client that did not ask."""
        return self.held >= self._limit

    @property
    def is_over(self) -> bool:
        """More is held than one piece can bring after the limit is met."""
        return self.held > self._limit + OVER

    @property
    def is_walking(self) -> bool:
        """Something is to be read ahead, once the sizes are known."""
        return bool(self._mode) and any(walk.width and self.does_no_harm(walk.verb) for walk in self._walks.values())

    @property
    def has_walked(self) -> bool:
        """The client fetched something."""
        return bool(self._walks)

    def __bool__(self) -> bool:
        return bool(self._asks)

    def add(self, guess: Ask) -> None:
        """Remember a guess that leaves now."""
        self._asks[guess.command.key] = guess
        self._expected += guess.expected
        self._on_their_way += guess.expected
        if guess.number and (walk := self._walks.get(guess.verb)):
            walk.guesses += 1

    def landed(self, guess: Ask) -> None:
        """Its answer is whole."""
        self._on_their_way -= guess.expected

    def has(self, key: Key) -> bool:
        """Whether this was asked ahead already."""
        return key in self._asks

    def claim(self, key: Key, after: int) -> Ask | None:
        """Find the guess that the client asks now: one that is there, or comes after all it is owed (`after`)."""
        guess = self._asks.get(key)
        if guess is None:
            return None
        self._forget(guess)
        if not guess.is_done and guess.serial < after:
            self._drop(guess)
            return None
        guess.is_claimed = True
        self.held -= len(guess.kept)
        if guess.number:
            self.came_true += 1
        return guess

    def drop(self, guess: Ask) -> None:
        """Give one guess up: what came of it is thrown away, and so is what still comes."""
        if self._asks.get(guess.command.key) is guess:
            self._forget(guess)
        self._drop(guess)

    def drop_all(self) -> None:
        """Give all guesses up."""
        for guess in list(self._asks.values()):
            self.drop(guess)

    def outdate(self, command: Command) -> None:
        """Give up the answers that `command` may make stale. DELE changes the lists and its own message."""
        if command.is_passive:
            return
        number = command.number
        if command.verb != b"DELE" or not number:
            for guess in list(self._asks.values()):
                if guess.verb != b"CAPA":
                    self.drop(guess)
            return
        stale = [(verb, b"") for verb in _LISTS] + [(verb, b"%d" % number) for verb in (b"LIST", b"UIDL")]
        stale += [walk.command(number).key for walk in self._walks.values()]
        for key in stale:
            if (found := self._asks.get(key)) is not None:
                self.drop(found)

    def _forget(self, guess: Ask) -> None:
        del self._asks[guess.command.key]
        self._expected -= guess.expected
        if guess.number and (walk := self._walks.get(guess.verb)):
            walk.guesses -= 1

    def _drop(self, guess: Ask) -> None:
        if not guess.is_dropped:
            guess.is_dropped = True
            self.held -= len(guess.kept)
            guess.kept.clear()
            self.wasted += guess.number > 0

    # -- walks -----------------------------------------------------------------------------------

    def step(self, command: Command, *, came_true: bool) -> None:
        """The client fetches a message: its walk goes on, or begins anew somewhere else."""
        number, lines = command.number, command.argument.partition(b" ")[2].strip()
        walk = self._walks.get(command.verb)
        goes_on = False
        if walk is None or walk.lines != lines:
            if walk is not None:
                walk.front = 0
                self._pass_by(walk)
            walk = self._walks[command.verb] = Walk(command.verb, lines)
            walk.width = self._state.habits.width
        elif number != self._mailbox.after(walk.last):
            walk.width //= 2
        else:
            goes_on = came_true
            if came_true or not walk.width:
                walk.width = max(FIRST_WIDTH, min(walk.width * 2, WIDEST))
        walk.front = max(walk.front, number) if came_true else number
        walk.last = number
        self._widest = max(self._widest, walk.width)
        if not goes_on:
            self._pass_by(walk)

    def _pass_by(self, walk: Walk) -> None:
        """Guesses that the walk has left out will not come true."""
        if walk.guesses:
            for guess in [one for one in self._asks.values() if one.verb == walk.verb and one.number]:
                if not walk.last < guess.number <= walk.front:
                    self.drop(guess)

    @property
    def may_fetch(self) -> bool:
        """Whether messages may be read ahead at all."""
        habits = self._state.habits
        waits = bool(habits.commits_first) and self._mailbox.is_touched
        return bool(self._mode) and not (self._state.is_careful or habits.asks_last or waits)

    def does_no_harm(self, verb: bytes) -> bool:
        """Whether fetching a message that the client may not want after all changes nothing."""
        known = self._state.manners.after or frozenset()
        if deletes_what_is_read(known) or deletes_what_is_read(self._state.manners.before or frozenset()):
            return False
        return verb != b"RETR" or RICO not in known or self._mode == "always"

    def wanted(self) -> Iterator[list[Ask]]:
        """Give the flights that fetch messages now, as far as width and octets allow: each a message, and behind it
        `LIST n`, whose answer names the message and so proves that what came before it was the answer to RETR n. The
        first of a server has a STAT behind it, so that LIST is not the last; and another LIST between them, for
        `+OK 3 27`, said twice, would answer both.
        """
        manners = self._state.manners
        if manners.reads_ahead is Shown.NO:
            return
        for walk in self._walks.values():
            if not self.does_no_harm(walk.verb) or walk.guesses * 2 > walk.width:
                continue  # many in one flight cost less than one after the other
            width = walk.width if manners.reads_ahead is Shown.YES else min(walk.width, 1)
            while walk.guesses < width:
                number = self._mailbox.after(max(walk.front, walk.last))
                size = self._mailbox.size(number)
                if size == UNKNOWN or not self._has_room(walk.reckon(size)):
                    break
                walk.front = number
                command = walk.command(number)
                if not self.has(command.key):
                    yield self._flight(command, walk.reckon(size))

    def _has_room(self, octets: int) -> bool:
        if self.is_full or self._expected + octets > self._limit:
            return False
        return self._on_their_way + octets <= self._state.manners.at_once

    def _flight(self, command: Command, octets: int) -> list[Ask]:
        flight = Flight("reads ahead")
        message = Ask(command, Kind.GUESS, flight)
        message.expected = octets
        self.add(message)
        proofs = [ask(b"LIST %d" % message.number)]
        if self._state.manners.reads_ahead is not Shown.YES:
            # Some answer LIST in its turn only if nothing waits behind it, and some twice if something does.
            proofs += (self._another(message.number), _STAT)
        for proof in proofs:
            Ask(proof, Kind.GUESS, flight).is_dropped = True
        return flight.asks

    def _another(self, number: int) -> Command:
        """Ask what has another answer than `LIST number`, and than STAT."""
        others = (number - 1, self._mailbox.after(number))
        return next((ask(b"LIST %d" % other) for other in others if self._mailbox.has(other)), _NOOP)


_LISTS = (b"STAT", b"LIST", b"UIDL", b"LAST")
_NOOP, _STAT = ask(b"NOOP"), ask(b"STAT")
