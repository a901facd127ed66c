"""Guesses: what to ask before the client does, what became of it, and when it must be thrown away.

Two kinds: the questions after a login (`Habits.questions`), and walks through the mailbox: the client fetches
one message after the other, by RETR or by TOP, and the next ones are fetched while it digests this one. A
walk begins with the second message in order, or with the first where this service's clients earned it before.
Its width doubles while guesses come true. All guesses of a session together are limited in octets.
"""

from __future__ import annotations

from collections.abc import Iterator

from popover.config import Service
from popover.protocols.pop3.answers import RICO, Capabilities, deletes_what_is_read
from popover.protocols.pop3.ask import Ask
from popover.protocols.pop3.commands import Command, Key, ask
from popover.protocols.pop3.habits import WIDEST, Habits
from popover.protocols.pop3.mailbox import UNKNOWN, Mailbox

FIRST_WIDTH = 2
"""Messages a walk reads ahead when it has just begun: one being digested, one on its way."""

OVER = 160 * 1024
"""Octets held at most beyond the limit. Reading stops where the limit is met, so that is one piece of the stream: all
that its scratch holds. A server whose LIST tells too little might else fill one piece after the other."""

_LINE = 80  # octets of a line of mail, generously: what TOP's lines are reckoned with
_HEADER = 8 * 1024  # octets of a header, likewise


class Walk:
    """A client on its way through the mailbox with one verb. `last`: where it is; `front`: how far we guessed."""

    __slots__ = ("front", "last", "lines", "verb", "width")

    def __init__(self, verb: bytes, lines: bytes) -> None:
        self.verb = verb
        self.lines = lines
        self.last = self.front = self.width = 0

    def command(self, number: int) -> Command:
        """Say what this walk asks of a message."""
        return ask(b"%s %d %s" % (self.verb, number, self.lines) if self.lines else b"%s %d" % (self.verb, number))

    def reckon(self, size: int) -> int:
        """Guess the octets of an answer, for a message of `size` octets."""
        if self.verb == b"TOP" and self.lines.isdigit() and len(self.lines) < 6:  # noqa: PLR2004 - 99999 lines are all
            return min(size, _HEADER + _LINE * int(self.lines))
        return size


class Ahead:
    """The guesses of one session. `held`: octets of answers that no one has asked for yet."""

    def __init__(self, service: Service, habits: Habits, mailbox: Mailbox) -> None:
        self.held = 0
        self.came_true = self.wasted = 0
        self._limit = service.ahead.read_ahead_bytes
        self._mode = service.ahead.read_ahead
        self._earned = habits.width
        self._habits = habits
        self._widest = 0
        self._mailbox = mailbox
        self._asks: dict[Key, Ask] = {}
        self._expected = 0  # octets of all guesses, held or on their way
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
        return bool(self._mode) and any(walk.width for walk in self._walks.values())

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
        for guess in list(self._asks.values()):
            about_all = guess.number == 0 and guess.verb != b"CAPA"
            if command.verb != b"DELE" or not command.number or about_all or guess.number == command.number:
                self.drop(guess)

    def _forget(self, guess: Ask) -> None:
        del self._asks[guess.command.key]
        self._expected -= guess.expected

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
            walk = self._walks[command.verb] = Walk(command.verb, lines)
            walk.width = self._earned
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
        for guess in list(self._asks.values()):
            if guess.verb == walk.verb and not walk.last < guess.number <= walk.front:
                self.drop(guess)

    def _may_fetch(self, verb: bytes, capabilities: Capabilities) -> bool:
        """Whether fetching a message that the client may not want after all does no harm."""
        if not self._mode or self._habits.asks_last or deletes_what_is_read(capabilities):
            return False
        return verb != b"RETR" or RICO not in capabilities or self._mode == "always"

    def wanted(self, capabilities: Capabilities) -> Iterator[Ask]:
        """Give the messages to fetch now, as far as width and octets allow."""
        for walk in self._walks.values():
            if not self._may_fetch(walk.verb, capabilities):
                continue
            under_way = sum(guess.verb == walk.verb for guess in self._asks.values())
            if under_way * 2 > walk.width:
                continue  # many in one flight cost less than one after the other
            while under_way < walk.width:
                number = self._mailbox.after(max(walk.front, walk.last))
                size = self._mailbox.size(number)
                if size == UNKNOWN or self.is_full or self._expected + walk.reckon(size) > self._limit:
                    break
                walk.front = number
                guess = Ask(walk.command(number), claimed=False)
                if not self.has(guess.command.key):
                    guess.expected = walk.reckon(size)
                    under_way += 1
                    yield guess
