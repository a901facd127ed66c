"""The queue of owed answers: which command does this answer belong to, and are we inside its body?

The server answers in the order it was asked (RFC 2449 section 6.6), so the octets that come belong to the
oldest ask. The client is owed answers in the order it asked. Both orders are kept here, and octets that
are the client's turn go to it as they come, a status line in drips, too: a body costs no copy and is never looked at
line by line.

Servers end their lines with LF, say words that are neither +OK nor -ERR, or say more than they owe. While nothing of
ours is under way none of that does any harm: whatever comes is the client's, in the order in which it comes.
"""

from __future__ import annotations

from collections import deque

from popover.protocols.pop3.answers import CAPA_LIMIT, STATUS_LIMIT
from popover.protocols.pop3.ask import Ask, Kind, was_not_heard
from popover.protocols.pop3.body import Body
from popover.protocols.pop3.judge import Judge
from popover.protocols.pop3.mouth import Mouth
from popover.protocols.pop3.status import Status
from popover.talk import End

ANSWERS = 8
"""Answers heard in one go: some 0.1 ms of work, and then it is the others' turn. As many as commands
(`client_ear.BURST`)."""


class Owed:
    """What the server owes us (`asked`) and what we owe the client (`turns`), and the octets in between.

    `challenged`: AUTH waits for a response of the client. `is_loose`: an answer ended in a way that is not RFC 1939's.
    `is_lost`: nobody knows any more which answer is whose, and what comes is for whoever mends that. `is_nobodys`: the
    client has left, and what comes unasked is for nobody.
    """

    def __init__(self, client: End, *, softening: bool) -> None:
        self.asked: deque[Ask] = deque()
        self.turns: deque[Ask] = deque()
        self.challenged = self.is_loose = self.is_lost = self.is_nobodys = False
        self.judge: Judge
        self.softening = softening
        self._mouth = Mouth(client)
        self._body = Body()
        self._status = Status(softening=softening)
        self._line = b""  # the whole status line of the answer whose body comes
        self._was_blank = False  # an empty line is all that there is of an answer
        self._is_behind_half = False  # the rest of an answer may come that was taken for whole
        self._is_behind_ours = False  # the last answer in this piece was to a question that the client has not asked
        self._view = memoryview(b"")
        self._in_this_go = 0  # answers

    # -- the server's octets ---------------------------------------------------------------------

    def hear(self, view: memoryview) -> tuple[memoryview, memoryview]:
        """Take what the server says; give what the client is to get, uncopied, after its outbox; and what was not
        looked at: once it is lost, or after ANSWERS.
        """
        self._view = view
        self._mouth.begin(view)
        at, end = 0, len(view)
        self._in_this_go, self._is_behind_ours = 0, False
        while at < end and not self.is_lost and self._in_this_go < ANSWERS:
            if not self.asked:
                if not self.is_nobodys:
                    if not self._adds_to_ours(at):
                        self._mouth.pass_on(at, end)
                    self.judge.unasked()
                at = end
            else:
                at = self._hear_body(at) if self._body.is_open else self._hear_status(at)
        self._view = memoryview(b"")
        return self._mouth.finish(), view[at:]

    def _adds_to_ours(self, at: int) -> bool:
        """Whether this is a line more to an answer of ours: a client would take it for the answer to what it asks next,
        and be one behind from then on. What may say why the server goes is not.
        """
        return self._is_behind_ours and bytes(self._view[at : at + 3]) == b"+OK"

    def _hear_status(self, at: int) -> int:
        held = self._status.held
        piece = bytes(self._view[at : at + STATUS_LIMIT - len(held)])
        cut, ask = piece.find(b"\n"), self.asked[0]
        is_rest = self._is_behind_half and (held or piece)[:1] not in (b"+", b"-")
        if cut < 0:
            held += piece
            if self._is_next(ask) and not is_rest and (drip := self._status.drip(ask.verb)):
                self.say(drip)
            if len(held) >= STATUS_LIMIT:  # no answer of POP3, but perhaps one for the client
                words = bytes(held)
                self._give_words(ask, words)
                self._answered(ask, words)
            return at + len(piece)
        line, end = bytes(held) + piece[: cut + 1], at + cut + 1
        if is_rest:
            held.clear()
            self._is_behind_half = line.strip() != b"."
        elif not line.strip() and ask.kind is not Kind.CLIENT:
            held.clear()  # a line without a word answers nothing of ours
            self._was_blank = True
        elif was_not_heard(self.asked, line):
            held += piece[: cut + 1]
            self.judge.lost(ask)
            return self._hear_again(end)
        else:
            self._take_status(ask, line, at, end)
        return end

    def _hear_again(self, end: int) -> int:
        """A whole status line stands in `_status`: it belongs to the next ask."""
        line = bytes(self._status.held)
        self._status.held.clear()
        ask = self.asked[0]
        if self._is_next(ask):
            self.say(line)
        else:
            self._keep(ask, line)
        self._answered(ask, line)
        return end

    def _take_status(self, ask: Ask, line: bytes, at: int, end: int) -> None:
        said = self._status.said(ask.verb, line)
        if not self._status.held and said == line:
            self._give(ask, at, end)
        else:
            self._give_words(ask, said)
        self._answered(ask, line)

    def _answered(self, ask: Ask, line: bytes) -> None:
        """A status line has come."""
        self._status.clear()
        self._is_behind_half = False
        if ask.verb == b"AUTH" and (line.startswith(b"+ ") or line.strip() == b"+"):
            self.challenged = True
            return
        ask.is_ok = line[:3].upper() == b"+OK"  # poplib takes any "+", and some servers write it small
        if not ask.is_ok and ask.kind is Kind.CLIENT:  # this one was certainly meant as a refusal
            self._status.refuses(line)
        self.is_loose |= not line.endswith(b"\r\n")
        if ask.is_ok and ask.has_body and not ask.is_lost(line):
            self._line = line
            self._body.begin(line)
        else:
            self._finish(line)

    def _hear_body(self, at: int) -> int:
        ask = self.asked[0]
        end = self._body.hear(self._view, at, is_last=len(self.asked) == 1)
        if ask.octets:
            ask.octets += end - at
        if ask.counts_dots:  # for the first message of a session
            ask.octets -= self._body.stuffed(self._view[at:end])
        self._give(ask, at, end)
        if ask.needs_all and ask.kind is Kind.CLIENT and self._body.looks_whole:
            self.is_loose, self._body.is_open = True, False  # nobody has it yet, and no line of such a list is a dot
        if not self._body.is_open:
            self._finish(self._line)
        return end

    def client_goes_on(self) -> bool:
        """The client says something, or ends: if what it has of an answer looks whole to most clients, it is whole.
        Whether it was so.
        """
        if not self._body.looks_whole or not self.asked or not self._is_next(self.asked[0]):
            return False
        self.is_loose, self._body.is_open = True, False
        self._finish(self._line)
        return True

    # -- whose it is -----------------------------------------------------------------------------

    def _give(self, ask: Ask, at: int, end: int) -> None:
        """Octets of an answer: to the client if it is its turn, kept if they are wanted later."""
        if self._is_next(ask):
            self._mouth.pass_on(at, end)
        else:
            self._keep(ask, self._view[at:end])
        ask.learn(self._view[at:end])

    def _give_words(self, ask: Ask, words: bytes) -> None:
        if self._is_next(ask):
            self.say(words[self._status.given :])
        else:
            self._keep(ask, words)
        ask.learn(words)

    def _keep(self, ask: Ask, piece: memoryview | bytes) -> None:
        if ask.is_dropped:
            return
        ask.kept += piece
        if not ask.is_claimed:
            self.judge.hold(ask, len(piece))
        elif ask.needs_all and len(ask.kept) > CAPA_LIMIT:
            ask.needs_all = False
            self.catch_up()

    def _is_next(self, ask: Ask) -> bool:
        return bool(self.turns) and self.turns[0] is ask and not ask.is_held

    # -- the client's turn -----------------------------------------------------------------------

    def say(self, words: bytes | bytearray) -> None:
        """Give the client something that is not in the view."""
        self._mouth.say(words)

    def owe(self, ask: Ask) -> None:
        """The client is owed this answer, after those before."""
        self.turns.append(ask)
        self.catch_up()

    def settle(self, ask: Ask, words: bytes) -> None:
        """Answer an ask of the client that will not be sent."""
        ask.kept[:] = words
        ask.line, ask.is_done = b"", True
        self.catch_up()

    def give_half(self, ask: Ask, shown: bytes) -> None:
        """Give what there is of an answer to CAPA that does not end; `shown`: as the client may see it."""
        ask.needs_all = False
        ask.kept[:] = shown
        self.catch_up()

    @property
    def has_begun(self) -> bool:
        """There is something of the answer that is to come next, and not all of it."""
        return self._body.is_open or self._was_blank or bool(self._status.held)

    def end_half(self) -> None:
        """Take what there is of an answer for the whole: one of ours, with nothing else under way. A server that was
        only slow says the rest of its list before it answers the client, and no line of that begins like a status line.
        """
        self._is_behind_half = self._body.is_open or bool(self._status.held)  # who says empty lines may say another
        self._body.is_open = False
        self._status.clear()
        self.asked[0].learnt = None
        self._finish(b"-ERR\r\n")

    def catch_up(self) -> None:
        """Give the client all that is there and that it is its turn to get."""
        while self.turns:
            ask = self.turns[0]
            if ask.is_held or self.is_lost:
                return
            if ask.kept:
                self.say(ask.kept)
                ask.kept = bytearray()
            if not ask.is_done:
                return
            self.turns.popleft()

    def _finish(self, line: bytes) -> None:
        ask = self.asked.popleft()
        ask.is_done = True
        self._in_this_go += 1
        self._was_blank, self._is_behind_ours = False, not ask.is_claimed
        if ask.flight is not None:
            ask.flight.land(ask, line, self._status.refusals)
        self.judge.judge(ask, line)
        ask.learnt = ask.listing = None
        if ask.flight is not None and ask.flight.is_wrong:
            self.judge.wrong(ask, line)
        else:
            self.catch_up()

    # -- ends ------------------------------------------------------------------------------------

    def forget(self) -> list[Ask]:
        """Nobody knows whose answers come: give all that was asked, in its order, and expect nothing."""
        self.is_lost = True
        self._body.is_open = False
        self._status.clear()
        asked = list(self.asked)
        self.asked.clear()
        return asked

    def let_go(self) -> None:
        """From now on the client gets what comes as it comes: nothing is owed any more but what is there."""
        for ask in self.turns:
            ask.needs_all, ask.flight = False, None
        self.catch_up()
        self.say(self._status.rest())
        self._status.clear()
        self.turns.clear()
        self.asked.clear()

    def end(self) -> None:
        """The server has ended: what it had begun to say goes to the client, if it is certain to be its; and a login's
        answer, though nothing comes behind it: a server that takes one try may hang up at a wrong password.
        """
        for ask in self.turns:
            ask.needs_all, ask.behind = False, None
        if self._status.held and self.asked and self._is_next(self.asked[0]):
            self.say(self._status.rest())
            self._status.clear()
        self.catch_up()
