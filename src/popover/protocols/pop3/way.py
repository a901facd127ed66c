"""The way to the server: what goes out, and when.

What leaves before an earlier answer is there must be certain to be answered in its turn, or certain to be noticed if it
is not. So of three kinds of commands (`ask.Kind`) each goes out when what is under way allows it:

    the client's   as it says them, but for answers of OURS that are still to come; behind guesses, which prove
                   themselves, of a kind that the server has shown to bear
    OURS           USER, DELE, QUIT answered here, a NOOP, a CAPA: when nothing else of this kind, and nothing of the
                   client's, is under way, nor a guess of a kind that the server has not shown to bear. A DELE may
                   follow others
    guesses        in flights, when nothing of the client's and nothing of OURS is under way

What changes the mailbox, or ends the session, leaves when all guesses that the client had claimed before are certain:
one that is not would be asked again, and must then get the answer that it would have got before.
The exceptions are the login's: PASS leaves with its USER, and a flight with its PASS, where the server has shown that
it hears all of that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from popover.protocols.pop3.answers import Listing
from popover.protocols.pop3.ask import Ask, Kind
from popover.protocols.pop3.commands import Command, ask
from popover.protocols.pop3.manners import Shown
from popover.protocols.pop3.queue import Owed
from popover.protocols.pop3.state import State
from popover.talk import End

CAPA, LIST, NOOP, STAT = ask(b"CAPA"), ask(b"LIST"), ask(b"NOOP"), ask(b"STAT")

UNANSWERED_LIMIT = 512
"""Commands on their way to the server, or waiting for it; more of the client's wait unread. Those that are answered at
once would else be without limit: some 400 octets each. What a piece of the stream may answer at once is limited by it,
too: some 8 ms of work."""

Decide = Callable[[Ask], bytes | None]
"""What to answer to a command in place of the server, now that it is its turn to be sent; None: send it."""


class Way:
    """Sends to one server. `on_turn`: is asked about logins when it is their turn, `may_log_in`: whether it is;
    `on_login`: is told when one has left, so that more may leave in the same piece.
    """

    def __init__(self, state: State, server: End, owed: Owed) -> None:
        self.unsent: deque[Ask] = deque()
        self.user_ask: Ask | None = None  # a USER that we have answered
        self.left_with_user: Ask | None = None  # a PASS in one piece with it
        self.pairs_login = False  # its PASS need not wait for its answer
        self.hold_user_until = 0.0  # its PASS comes in a moment, and both make one flight
        self.changes = 0  # DELE and RSET of the client, not yet answered
        self.last_owed = 0  # serial of the last ask that the client is owed
        self.has_spoken = False  # the server has heard something of the client that it may remember
        self.on_turn: Decide
        self.may_log_in: Callable[[], bool]
        self.on_login: Callable[[Ask], None]
        self._server = server
        self._state = state
        self._owed = owed
        self._serial = 0
        self._under_way = dict.fromkeys(Kind, 0)
        self._deletions = 0  # of OURS, under way
        self._doubtful = 0  # guesses of a kind that the server has not shown to bear, under way
        self._last_claimed: Ask | None = None
        self._last: Ask | None = None  # what was sent last

    # -- what is under way -----------------------------------------------------------------------

    @property
    def is_quiet(self) -> bool:
        """Nothing waits, and nothing but guesses that the server bears is under way: others may leave."""
        return not (self.unsent or self._doubtful or self._under_way[Kind.CLIENT] or self._under_way[Kind.OURS])

    @property
    def has_clients(self) -> bool:
        """Something that the client has asked is not answered by the server."""
        return bool(self._under_way[Kind.CLIENT]) or self.keeps_waiting

    @property
    def has_ours(self) -> bool:
        """The server has something to answer, or to hear, that the client did not ask, or has had its answer to."""
        ours = self._under_way[Kind.OURS] + self._under_way[Kind.GUESS]
        return bool(ours) or any(one.kind is not Kind.CLIENT for one in self.unsent)

    @property
    def keeps_waiting(self) -> bool:
        """Something that the client has asked is not sent yet."""
        return bool(self.unsent) and any(one.kind is Kind.CLIENT for one in self.unsent)  # most often there is nothing

    @property
    def is_ahead(self) -> bool:
        """The server is yet to answer what it would have been asked later, or never, without us. A NOOP alone has never
        hurt anybody.
        """
        return any(one.kind is not Kind.CLIENT and one.verb != b"NOOP" for one in self._owed.asked)

    @property
    def guessed_last(self) -> bool:
        """What was sent last was a guess, and nobody has asked that since."""
        return self._last is not None and self._last.is_guess and not self._last.is_claimed

    @property
    def is_full(self) -> bool:
        """So much waits for the server that nothing more may be heard."""
        return len(self.unsent) + len(self._owed.asked) >= UNANSWERED_LIMIT

    @property
    def is_empty(self) -> bool:
        """Nothing waits and nothing is under way."""
        return not self.unsent and not self._owed.asked

    @property
    def has_guesses(self) -> bool:
        """Guesses are under way."""
        return bool(self._under_way[Kind.GUESS])

    @property
    def is_in_doubt(self) -> bool:
        """Guesses are under way of a kind that the server has not shown to bear."""
        return bool(self._doubtful)

    @property
    def has_deletions(self) -> bool:
        """Deletions that we have answered are under way, or wait to be."""
        return bool(self._deletions) or any(one.verb == b"DELE" and one.kind is Kind.OURS for one in self.unsent)

    @property
    def is_trying(self) -> bool:
        """A CAPA that left with the login is all that is under way: it may have got lost."""
        asked = self._owed.asked
        return len(asked) == 1 and asked[0].flight is not None and asked[0].flight.ability == "keeps"

    def is_behind_others(self, one: Ask) -> bool:
        """Whether something that was sent before this is not answered."""
        return self._owed.asked[0] is not one

    def answered(self, one: Ask) -> None:
        """Take note of an answer that is complete, or that will never come."""
        self._under_way[one.kind] -= 1
        self.changes -= one.kind is Kind.CLIENT and one.verb in _CHANGES
        self._deletions -= one.kind is Kind.OURS and one.verb == b"DELE"
        self._doubtful -= one.is_doubtful

    def forget(self) -> list[Ask]:
        """Give all that is under way, in its order, and know of nothing that is."""
        asked = self._owed.forget()
        for one in asked:
            self.answered(one)
        return asked

    def start_anew(self) -> None:
        """Expect nothing of what is under way; whatever still comes is nobody's."""
        self.forget()
        self._owed.is_lost, self._owed.is_nobodys = False, True

    # -- commands --------------------------------------------------------------------------------

    def pass_on(self, command: Command) -> Ask:
        """Ask what the client asks."""
        if self._under_way[Kind.GUESS]:  # its answer comes behind those
            self._state.spared.none()
        one = Ask(command, Kind.CLIENT)
        self.changes += one.verb in _CHANGES
        self.enqueue(one)
        self.owe(one)
        return one

    def owe(self, one: Ask) -> None:
        """The client is owed this answer next."""
        self.last_owed = max(self.last_owed, one.serial)
        if one.is_guess:
            self._last_claimed = one
        self._owed.owe(one)

    def answer_early(self, command: Command, words: bytes) -> Ask:
        """Answer the client now, and tell the server without passing its answer on."""
        quiet = self.tell(command)
        self._owed.owe(Ask.answered(command, words))
        return quiet

    def tell(self, command: Command, *, first: bool = False) -> Ask:
        """Say something to the server whose answer the client does not get; `first`: before all that waits."""
        quiet = Ask(command, Kind.OURS)
        quiet.is_dropped = True
        self.enqueue(quiet, first=first)
        return quiet

    def enqueue(self, one: Ask, *, first: bool = False) -> None:
        """Let a command wait for its turn to be sent."""
        self._serial += 1
        one.serial = self._serial
        if not one.command.is_passive:
            one.waits_for = self._last_claimed
        if one.verb == b"CAPA":
            one.needs_all, one.learnt = one.kind is not Kind.OURS, bytearray()
        elif one.verb == b"AUTH" and one.has_body:
            one.needs_all = True
        elif one.verb == b"LIST" and one.has_body:
            one.listing = Listing()
        if first:
            self.unsent.appendleft(one)
        else:
            self.unsent.append(one)

    def send(self) -> None:
        """Send what may be sent now."""
        while self.unsent and not self._owed.is_lost and not self.unsent[0].waits and self._may_send(self.unsent[0]):
            one = self.unsent.popleft()
            if one.verb == b"PASS" and self._under_way[Kind.OURS]:
                self.left_with_user = one
            if one.kind is Kind.CLIENT and one.verb in _DECIDED and (words := self.on_turn(one)) is not None:
                self._owed.settle(one, words)
                continue
            self._send(one)
            if one.verb in _LOGINS:
                self.on_login(one)

    def fly(self, asks: list[Ask]) -> None:
        """Send a flight, now."""
        for one in asks:
            self.enqueue(one)
            self._send(self.unsent.pop())

    def _send(self, one: Ask) -> None:
        self._last = one
        self._server.outbox += one.line
        one.line = b""
        one.since = self._state.now
        self._under_way[one.kind] += 1
        self._deletions += one.kind is Kind.OURS and one.verb == b"DELE"
        self.has_spoken = self.has_spoken or (one.kind is not Kind.GUESS and one.verb != b"CAPA")
        if one.kind is Kind.GUESS and one.flight is not None:
            manners = self._state.manners
            one.is_doubtful = manners.has_shown(one.flight.ability) is not Shown.YES
            one.is_doubtful |= one.verb == b"STAT" and not manners.adds_nothing
            self._doubtful += one.is_doubtful
        self._owed.asked.append(one)

    def _may_send(self, one: Ask) -> bool:
        if self._doubtful:  # a line more behind what is under way would be taken for the answer to this
            return False
        under_way = self._under_way
        clients, ours, guesses = under_way[Kind.CLIENT], under_way[Kind.OURS], under_way[Kind.GUESS]
        if one is self.user_ask:
            held = len(self.unsent) == 1 and self._state.now < self.hold_user_until
            return not (held or clients or ours or guesses)
        if one.kind is Kind.CLIENT:
            if ours and not (one.verb == b"PASS" and ours == 1 and self.may_leave_with_user):
                return False
            return one.verb not in _DECIDED or self.may_log_in()
        if one.verb == b"DELE":
            return not clients and ours == self._deletions
        return not (clients or ours)

    @property
    def may_leave_with_user(self) -> bool:
        """Whether PASS may leave right behind the USER that is under way."""
        is_behind = bool(self._owed.asked) and self._owed.asked[-1] is self.user_ask
        pairs = self.pairs_login or len(self.unsent) > 1  # a client that says more in the same piece shows nothing
        may = pairs and self._state.manners.pipelines_before is Shown.YES
        return is_behind and may and not self._state.is_careful


_CHANGES = frozenset((b"DELE", b"RSET"))
_DECIDED = frozenset((b"PASS", b"AUTH", b"APOP"))
_LOGINS = frozenset((b"PASS", b"APOP"))
