"""How many commands are not answered: one by one before the login, and behind it by what goes by unread."""

from __future__ import annotations

from popover.protocols.sieve.grammar import LITERAL, status

_HEAD = 8  # octets in which a status is told from a line of an answer
_TAIL = 32  # octets before a line end in which a literal is announced


class Passing:
    """One side's lines, each with its literals; nothing of them is kept."""

    def __init__(self) -> None:
        self._left = 0  # octets of a literal that are to come
        self._head = self._tail = b""

    def see(self, data: bytes) -> list[bytes]:
        """See a piece; how those begin that end in it."""
        ended, at = [], 0
        while at < len(data):
            if self._left:
                taken = min(self._left, len(data) - at)
                self._left -= taken
                at += taken
                continue
            cut = data.find(b"\n", at) + 1 or len(data)
            self._head += data[at : min(cut, at + _HEAD - len(self._head))]
            self._tail = (self._tail + data[max(at, cut - _TAIL) : cut])[-_TAIL:]
            at = cut
            if not self._tail.endswith(b"\n"):
                break
            literal, self._tail = LITERAL.search(self._tail), b""
            if literal is not None:
                self._left = int(literal[1])
            else:
                ended.append(self._head)
                self._head = b""
        return ended


class Count:
    """That of one session. `owed`: commands without an answer. `is_lost`: nobody can count any more."""

    def __init__(self) -> None:
        self.owed = 0
        self.is_lost = False
        self._said, self._answers = Passing(), Passing()

    def add(self) -> None:
        """A command goes to the server."""
        self.owed += 1

    def take(self) -> None:
        """One has its answer."""
        self.owed = max(self.owed - 1, 0)

    def said(self, words: bytes) -> None:
        """See commands go by."""
        if not self.is_lost:
            self.owed += len(self._said.see(words))

    def answered(self, words: bytes) -> None:
        """See answers go by."""
        if not self.is_lost:
            self.owed = max(self.owed - sum(bool(status(begin)) for begin in self._answers.see(words)), 0)
