"""What a session knows of the mailbox: which messages there are, how large, and which it has deleted."""

from __future__ import annotations

from array import array

from popover.protocols.pop3.answers import sizes

UNKNOWN = -1


class Mailbox:
    """Facts from the server's own words. `is_touched`: QUIT would delete something, or might."""

    __slots__ = ("_sizes", "count", "deleted", "is_touched", "refused")

    def __init__(self) -> None:
        self.count = 0  # messages that exist, or 0 while that is unknown
        self.deleted: set[int] = set()  # in the client's eyes: what was answered +OK, by whomever
        self.refused = 0  # DELEs that we had answered +OK and that the server refused
        self.is_touched = False
        self._sizes: array[int] | None = None

    def learn_stat(self, line: bytes) -> None:
        """Read `+OK count size`. The count leaves out what was deleted: there are as many messages, or more."""
        words = line.split()
        if len(words) > 1 and words[1].isdigit() and len(words[1]) < 10:  # noqa: PLR2004 - 32 bits
            self.count = max(self.count, int(words[1]))

    def learn_list(self, listing: bytes | bytearray) -> None:
        """Read a whole answer to LIST; one that makes no sense teaches nothing."""
        try:
            found = sizes(listing)
            fresh = array("Q", found)
        except (ValueError, IndexError, OverflowError):
            return
        if self._sizes is None or len(fresh) > len(self._sizes):
            self._sizes = fresh
            self.count = max(self.count, len(fresh) - 1)

    @property
    def knows_sizes(self) -> bool:
        """Whether a LIST was read."""
        return self._sizes is not None

    def size(self, number: int) -> int:
        """Octets of a message by LIST; UNKNOWN if it has not told, or if the message is gone."""
        known = self._sizes
        if known is None or not 0 < number < len(known) or number in self.deleted:
            return UNKNOWN
        return known[number] or UNKNOWN

    def has(self, number: int) -> bool:
        """Whether this session has seen the message to exist, and has not deleted it."""
        if not 0 < number <= self.count or number in self.deleted:
            return False
        known = self._sizes
        return known is None or number >= len(known) or known[number] > 0

    def after(self, number: int) -> int:
        """Find the next message that is not deleted; 0 for none."""
        number += 1
        while number <= self.count and not self.has(number):
            number += 1
        return number if number <= self.count else 0

    def reset(self) -> None:
        """RSET was answered +OK: nothing is deleted any more."""
        self.deleted.clear()
        self.refused = 0
        self.is_touched = False
