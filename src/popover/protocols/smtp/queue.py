"""The queue of owed answers: which command does this answer belong to?

The server answers in the order in which it was asked, one reply a command, however many lines it has (RFC 2920 section
3.1); the client is owed answers in the order in which it asked. Answers of ours take their turn in the same queue.
Octets go to the client as they come, in drips, too; only what may be changed is held until it is whole.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from popover.talk import End

HELD_LIMIT = 64 * 1024
"""Octets of a reply that are held to be changed; a longer one passes unchanged. Gmail's EHLO has some 250."""

_HEAD = 4  # octets of a line that say what it is: code and mark

_SYNTAX = (b"500", b"501", b"502", b"503")  # what a server says to an empty line, if it says anything


class Ask:
    """One thing that is owed an answer. `words`: the answer, if it is ours. `is_quiet`: the client does not get it.

    `change`: makes the client's answer of the server's, which is held for it. `on_said`: called when an answer of ours
    has been given. `is_doubtful`: some servers do not answer it.
    """

    __slots__ = ("change", "held", "is_doubtful", "is_quiet", "mechanism", "on_said", "verb", "words")

    def __init__(self, verb: bytes, words: bytes | None = None) -> None:
        self.verb = verb
        self.words = words
        self.mechanism = b""
        self.is_quiet = self.is_doubtful = False
        self.change: Callable[[bytes], bytes] | None = None
        self.on_said: Callable[[], None] | None = None
        self.held = bytearray()


class Judge(Protocol):
    """Is told what the answers come to."""

    def judge(self, ask: Ask, code: bytes) -> bool:
        """A reply is complete, `code` its last line's. Whether the ask is over with it."""

    def unasked(self, words: bytes) -> None:
        """The server speaks, and nothing is owed that we know of: see what it may be about. `words`: how it begins."""

    def malformed(self) -> None:
        """A line came that is none of a reply's: nobody knows whether it ends one."""


class Owed:
    """What is owed, oldest first, and the server's octets on their way to the client.

    `is_nobodys`: the client has left, and what comes unasked is for nobody.
    """

    def __init__(self, client: End) -> None:
        self.turns: deque[Ask] = deque()
        self.is_nobodys = False
        self.judge: Judge
        self._client = client
        self._head = b""  # of the line that comes
        self._is_stray = False  # in the middle of a line that nobody asked for

    @property
    def is_owed(self) -> bool:
        """The client waits for an answer."""
        return any(not ask.is_quiet for ask in self.turns)

    def owe(self, ask: Ask) -> None:
        """Let this be answered after all that is owed already."""
        self.turns.append(ask)
        self._catch_up()

    # -- the server's octets ---------------------------------------------------------------------

    def hear(self, data: bytes) -> None:
        """Take what the server says, a line or a piece of one at a time."""
        at = 0
        while at < len(data):
            if not self.turns and not self._is_stray:
                self.judge.unasked(data[at:])
            cut = data.find(b"\n", at) + 1 or len(data)
            piece, at = data[at:cut], cut
            if self._is_stray or not self.turns:
                self._is_stray = not piece.endswith(b"\n")
                self._client.outbox += b"" if self.is_nobodys else piece
            elif self.turns[0].is_doubtful:
                self._doubt(self.turns[0], piece)
            else:
                self._take(self.turns[0], piece)

    def _take(self, ask: Ask, piece: bytes) -> None:
        self._give(ask, piece)
        self._head += piece[: max(_HEAD - len(self._head), 0)]
        if not piece.endswith(b"\n"):
            return
        head, self._head = self._head, b""
        if not head[:3].isdigit() or len(head) < _HEAD:
            self.judge.malformed()
        elif head[3:] != b"-":
            is_over = self.judge.judge(ask, head[:3])
            self._settle(ask)
            if is_over and self.turns and self.turns[0] is ask:
                self.turns.popleft()
                self._catch_up()

    def _doubt(self, ask: Ask, piece: bytes) -> None:
        """See whether this answers what many do not answer, or what was said behind it."""
        ask.held += piece
        if not piece.endswith(b"\n") and len(ask.held) < HELD_LIMIT:
            return
        line = bytes(ask.held)
        ask.held.clear()
        ask.is_doubtful = False
        others = [one for one in self.turns if one.words is None and one is not ask]
        if others and line[:3] not in _SYNTAX:
            self.turns.popleft()
            self._catch_up()
            ask = self.turns[0]
        self._take(ask, line)

    def _give(self, ask: Ask, piece: bytes) -> None:
        if ask.is_quiet:
            return
        if ask.change is None:
            self._client.outbox += piece
            return
        ask.held += piece
        if len(ask.held) > HELD_LIMIT:
            ask.change = None
            self._settle(ask)

    def _settle(self, ask: Ask) -> None:
        """Give what was held."""
        held = bytes(ask.held)
        ask.held.clear()
        self._client.outbox += ask.change(held) if ask.change is not None and held else held

    # -- the client's turn -----------------------------------------------------------------------

    def _catch_up(self) -> None:
        """Give answers of ours whose turn has come."""
        while self.turns and (words := self.turns[0].words) is not None:
            ask = self.turns.popleft()
            self._client.outbox += words
            if ask.on_said is not None:
                ask.on_said()

    def let_go(self) -> None:
        """From now on the client gets what comes as it comes."""
        for ask in self.turns:
            self._client.outbox += ask.held if ask.words is None else ask.words
            if ask.on_said is not None:
                ask.on_said()
        self.turns.clear()
        self._head = b""

    def end(self) -> None:
        """The server has ended: what it had begun to say is all there will be."""
        if self.turns:
            ask = self.turns[0]
            ask.change = None
            self._settle(ask)
