"""What a session knows of the mailbox: which messages there are, how large, and which it has deleted."""

from __future__ import annotations

from array import array

from popover.protocols.pop3.answers import Listing

UNKNOWN = -1

STRIDE = 1000
"""Steps over deleted messages that one look takes at most, some 0.4 ms: a walk that has farther to go is not run ahead
of for a moment."""


class Mailbox:
    """Facts from the server's own words. `is_touched`: QUIT would delete something, or might.

    `exact`: whether a message that was fetched has the octets that LIST tells; None while none was compared.
    """

    __slots__ = ("_sizes", "_skip", "count", "deleted", "exact", "is_touched", "refused")

    def __init__(self) -> None:
        self.count = 0  # messages that exist, or 0 while that is unknown
        self.deleted: set[int] = set()  # in the client's eyes: what was answered +OK, by whomever
        self.refused = 0  # DELEs that we had answered +OK and that the server refused
        self.is_touched = False
        self.exact: bool | None = None
        self._sizes: array[int] | None = None
        self._skip: dict[int, int] = {}  # from a number that is not there towards the next that may be

    def learn_stat(self, line: bytes) -> None:
        """Read `+OK count size`. The count leaves out what was deleted: there are as many messages, or more."""
        words = line.split()
        if len(words) > 1 and words[1].isdigit() and len(words[1]) < 10:  # noqa: PLR2004 - 32 bits
            self.count = max(self.count, int(words[1]))

    def learn_list(self, listing: Listing) -> None:
        """Take over a whole answer to LIST; one that makes no sense teaches nothing."""
        if listing.is_sane and (self._sizes is None or len(listing.sizes) > len(self._sizes)):
            self._sizes = listing.sizes
            self._skip.clear()
            self.count = max(self.count, len(listing.sizes) - 1)

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

    def compare(self, number: int, octets: int) -> bool | None:
        """Whether a message that came has the octets that LIST tells; None if that tells nothing."""
        told = self.size(number)
        return None if told == UNKNOWN else told == octets

    def has(self, number: int) -> bool:
        """Whether this session has seen the message to exist, and has not deleted it."""
        if not 0 < number <= self.count or number in self.deleted:
            return False
        known = self._sizes
        return known is None or number >= len(known) or known[number] > 0

    def delete(self, number: int) -> None:
        """The message is deleted, or will be in a moment."""
        self.deleted.add(number)

    def undelete(self, number: int) -> None:
        """It is not after all."""
        self.deleted.discard(number)
        self._skip.clear()

    def after(self, number: int) -> int:
        """Find the next message that is not deleted; 0 for none, or none within STRIDE.

        What is passed over is remembered as a shortcut (path halving), so that a mailbox of which nearly all is deleted
        is walked over once, and not by each command.
        """
        number, skip = number + 1, self._skip
        for _ in range(STRIDE):
            if number > self.count:
                return 0
            if self.has(number):
                return number
            further = skip.get(number, number + 1)
            skip[number] = further = skip.get(further, further)
            number = further
        return 0

    def reset(self) -> None:
        """RSET was answered +OK: nothing is deleted any more."""
        self.deleted.clear()
        self._skip.clear()
        self.refused = 0
        self.is_touched = False
