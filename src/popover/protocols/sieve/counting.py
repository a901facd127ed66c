"""Commands and answers as they go by unread, behind the login: which of them have come to their end."""

from __future__ import annotations

from popover.protocols.sieve.grammar import LITERAL

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
