"""The queue of owed answers: which command does this answer belong to, and are we inside its body?

The server answers in the order it was asked (RFC 2449 section 6.6), so the octets that come belong to the
oldest ask. The client is owed answers in the order it asked. Both orders are kept here, and octets that
are the client's turn go to it as they come: a body costs no copy and is never looked at line by line.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from popover.protocols.pop3.answers import CAPA_LIMIT, END, STATUS_LIMIT, soften
from popover.protocols.pop3.ask import Ask
from popover.talk import End

LEARN_LIMIT = 1024 * 1024
"""Octets of a LIST that are read for the sizes: some 70,000 messages."""

TAIL = 4096
"""Octets at the end of a piece in which the end of a body is looked for when nothing else was asked. Then it is the
last thing a server says, but for a line or two that nobody asked for. Searching all of it would cost 0.2 s of CPU a
GB, of 1.4."""

_EXACT = frozenset((b"UIDL", b"LIST", b"STAT"))  # answers that are data: a unique-id may well hold "error"

STRAIGHT = 4096
"""Octets from which handing a view on beats copying it into the outbox."""


class Owed:
    """What the server owes us (`asked`) and what we owe the client (`turns`), and the octets in between.

    `judge` is told of each ask whose answer is complete, with its status line; `hold` of octets that are kept for
    a client that has not asked for them. `is_lost`: something came that is no POP3; `is_broken`: and it can't be
    passed on either. `challenged`: AUTH waits for a response of the client.
    """

    def __init__(
        self, client: End, judge: Callable[[Ask, bytes], None], hold: Callable[[Ask, int], None], *, softening: bool
    ) -> None:
        self.asked: deque[Ask] = deque()
        self.turns: deque[Ask] = deque()
        self.is_lost = self.is_broken = False
        self.challenged = False
        self._client = client
        self._judge = judge
        self._hold = hold
        self._softening = softening
        self._status = bytearray()  # the beginning of a status line
        self._line = b""  # the whole status line of the answer whose body comes
        self._in_body = False
        self._carry = b""
        self._view = memoryview(b"")
        self._from = self._to = 0  # what of the view goes straight to the client

    # -- the server's octets ---------------------------------------------------------------------

    def hear(self, view: memoryview) -> memoryview:
        """Take what the server says; give what the client is to get, uncopied, after its outbox."""
        self._view, self._from, self._to = view, 0, 0
        at, end = 0, len(view)
        while at < end:
            if self.is_lost or not self.asked:
                if not self.is_broken:
                    self._pass_on(at, end)  # said unasked, or what we do not understand: not ours to judge
                break
            at = self._hear_body(at) if self._in_body else self._hear_status(at)
        straight = view[self._from : self._to]
        self._view = memoryview(b"")
        if len(straight) >= STRAIGHT:
            return straight
        self._client.outbox += straight
        return straight[:0]

    def _hear_status(self, at: int) -> int:
        piece = bytes(self._view[at : at + STATUS_LIMIT - len(self._status)])
        cut = piece.find(b"\n")
        if cut < 0:
            self._status += piece
            if len(self._status) >= STATUS_LIMIT:
                self.lose()
            return at + len(piece)
        line, end, ask = bytes(self._status) + piece[: cut + 1], at + cut + 1, self.asked[0]
        is_challenge = line.startswith(b"+ ") or line.strip() == b"+"
        if not line.startswith((b"+OK", b"-ERR")) and not (is_challenge and ask.verb == b"AUTH"):
            self._status += piece[: cut + 1]
            self.lose()
            return end
        said = soften(line) if self._softening and ask.verb not in _EXACT else line
        whole = not self._status and said == line
        self._status.clear()
        if whole:
            self._give(ask, at, end)
        else:
            self._give_words(ask, said)
        if is_challenge:
            self.challenged = True
            return end
        ask.is_ok = line.startswith(b"+OK")
        if ask.is_ok and ask.has_body:
            self._in_body, self._carry, self._line = True, b"\r\n", line
        else:
            self._finish(line)
        return end

    def _hear_body(self, at: int) -> int:
        view, ask, carry = self._view, self.asked[0], self._carry
        start = max(at, len(view) - TAIL) if len(self.asked) == 1 else at
        if start > at:
            carry = (carry + bytes(view[max(at, start + 1 - len(END)) : start]))[1 - len(END) :]
        chunk = b"".join((carry, view[start:]))
        found = chunk.find(END)
        over = found >= 0
        end = start + found + len(END) - len(carry) if over else len(view)
        self._carry = chunk[1 - len(END) :]
        self._give(ask, at, end)
        if over:
            self._in_body = False
            self._finish(self._line)
        return end

    def _give(self, ask: Ask, at: int, end: int) -> None:
        """Octets of an answer: to the client if it is its turn, kept if they are wanted later."""
        if self._is_next(ask):
            self._pass_on(at, end)
        else:
            self._keep(ask, self._view[at:end])
        if ask.learnt is not None:
            self._learn(ask, self._view[at:end])

    def _give_words(self, ask: Ask, words: bytes) -> None:
        if self._is_next(ask):
            self.say(words)
        else:
            self._keep(ask, words)
        if ask.learnt is not None:
            self._learn(ask, words)

    def _keep(self, ask: Ask, piece: memoryview | bytes) -> None:
        if ask.is_dropped:
            return
        ask.kept += piece
        if not ask.is_claimed:
            self._hold(ask, len(piece))
        elif ask.needs_all and len(ask.kept) > CAPA_LIMIT:
            ask.needs_all = False
            self._catch_up()

    def _learn(self, ask: Ask, piece: memoryview | bytes) -> None:
        if ask.learnt is not None:
            ask.learnt += piece
            if len(ask.learnt) > LEARN_LIMIT:
                ask.learnt = None

    def _is_next(self, ask: Ask) -> bool:
        return bool(self.turns) and self.turns[0] is ask and not ask.needs_all

    def _pass_on(self, at: int, end: int) -> None:
        if at != self._to:
            self._commit()
            self._from = at
        self._to = end

    def _commit(self) -> None:
        """What was to go straight must go into the outbox after all: other octets follow it."""
        self._client.outbox += self._view[self._from : self._to]
        self._from = self._to

    # -- the client's turn -----------------------------------------------------------------------

    def say(self, words: bytes | bytearray) -> None:
        """Give the client something that is not in the view."""
        self._commit()
        self._client.outbox += words

    def owe(self, ask: Ask) -> None:
        """The client is owed this answer, after those before."""
        self.turns.append(ask)
        self._catch_up()

    def settle(self, ask: Ask, words: bytes) -> None:
        """Answer an ask of the client that will not be sent."""
        ask.kept[:] = words
        ask.line, ask.is_done = b"", True
        self._catch_up()

    def _catch_up(self) -> None:
        """Give the client all that is there and that it is its turn to get."""
        while self.turns:
            ask = self.turns[0]
            if ask.needs_all and not ask.is_done:
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
        self._judge(ask, line)
        ask.learnt = None
        self._catch_up()

    def lose(self) -> None:
        """What comes is no POP3: give the client what it is owed so far, and from now on all as it comes.

        That is only right if the client has asked all that is still to be answered; else it would get answers
        to questions of ours, and the session `is_broken`.
        """
        self.is_broken = any(not ask.is_claimed for ask in self.asked)
        self.is_lost = True
        for ask in self.turns:
            ask.needs_all = False
        self._catch_up()
        if not self.is_broken:
            self.say(self._status)
        self._status.clear()
        self.turns.clear()
        self.asked.clear()

    def let_go(self) -> None:
        """From now on the client gets what comes as it comes: nothing is owed any more but what is there."""
        self.turns = deque(ask for ask in self.turns if ask.is_done)

    def end(self) -> None:
        """The server has ended: what it had begun to say goes to the client, if it is its turn."""
        if self._status and self.asked and self._is_next(self.asked[0]):
            self.say(self._status)
            self._status.clear()
        for ask in self.turns:
            ask.needs_all = False
        self._catch_up()
