"""What one client did last time, so that it need not wait this time.

Of each client and login alone: nobody sees what was learned of another, nor switches anything off for one. What is in
it is never a promise: a guess that does not come true costs some octets and makes the next one smaller.
"""

from __future__ import annotations

WIDEST = 256
"""Messages read ahead at most, however small: about what a link of 300 ms and 1 Mbit/s holds at 150 octets
each. The limit in octets, `read_ahead_bytes`, is met earlier by almost all mail."""

MISTRUST, MISTRUST_LIMIT = 4, 1024
"""Sessions that go step by step after one that ended in the midst of what we had asked by ourselves: four, and four
times as many each time it happens again. A server that cannot bear it fails one session in a thousand at last."""

QUESTIONS = (b"CAPA", b"STAT", b"UIDL", b"LIST")
"""What may be asked ahead: without side effect in every server."""

FIRST_COMMIT = 1024
"""Sessions in which nothing is read ahead behind a DELE, after one that ended with deletions not carried out, in the
midst of what we had asked by ourselves: they have waited for the next session, and are not to again for a week (a
session in ten minutes), or for more than a year (two a day)."""


class Habits:
    """One client's. `questions`: those asked last time, in order. `width`: messages to read ahead from the first fetch
    on. `fetches`: it does fetch. `asks_last`: it says LAST (RFC 1460), whose answer every RETR changes. `careful`:
    sessions that go step by step before anything is done ahead of it again. `leaves_no_time`: when it has left there is
    nothing to be found out of the server any more, for it deletes, or goes without QUIT. `commits_first`: sessions in
    which nothing is read ahead behind a DELE.
    """

    __slots__ = (
        "_mistrust",
        "asks_last",
        "careful",
        "commits_first",
        "fetches",
        "leaves_no_time",
        "questions",
        "width",
    )

    def __init__(self) -> None:
        self.questions: tuple[bytes, ...] = ()
        self.fetches = False
        self.width = 0
        self.asks_last = False
        self.careful = 0
        self.commits_first = 0
        self.leaves_no_time = False
        self._mistrust = MISTRUST

    def learn(self, questions: tuple[bytes, ...], *, fetched: bool, came_true: int, wasted: int, width: int) -> None:
        """Take over what a session showed, once it is over.

        `came_true`, `wasted`: guesses of messages that the client asked for, and that it did not.
        """
        self.questions = questions
        self.fetches = fetched
        self.careful = max(0, self.careful - 1)
        self.commits_first = max(0, self.commits_first - 1)
        if came_true or wasted:
            good = wasted * 4 <= came_true
            self.width = min(max(self.width, width), WIDEST) if good else self.width // 2

    def caution(self, *, has_deleted: bool) -> None:
        """The session ended with questions of ours unanswered: it may be our fault, so go step by step a while.
        `has_deleted`: with deletions that the server has not carried out, for it has heard no QUIT.
        """
        if has_deleted:
            self.commits_first = FIRST_COMMIT
        self.width, self.questions, self.fetches = 0, (), False
        self.careful = self._mistrust
        self._mistrust = min(self._mistrust * 4, MISTRUST_LIMIT)
