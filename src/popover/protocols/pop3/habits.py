"""What this service's clients did last time, so that the next one need not wait.

One `Habits` per service, kept by the gateway across sessions and dropped when the file is loaded anew. What
is in it is never a promise: a guess that does not come true costs some octets and makes the next one smaller.
"""

from __future__ import annotations

from popover.protocols.pop3.answers import Capabilities

WIDEST = 256
"""Messages read ahead at most, however small: about what a link of 300 ms and 1 Mbit/s holds at 150 octets
each. The limit in octets, `read_ahead_bytes`, is met earlier by almost all mail."""

MISTRUST, MISTRUST_LIMIT = 4, 1024
"""Sessions that go step by step after a server went away in the midst of what we had asked by ourselves: four, and four
times as many each time it happens again. A server that can't bear it fails one session in a thousand at last."""

LESSONS = 50
"""Sessions after which a server's capabilities are asked as if unknown: it may have been updated, or refused once."""

QUESTIONS = (b"CAPA", b"STAT", b"UIDL", b"LIST")
"""What may be asked ahead: without side effect in every server."""


class Habits:
    """What was learned of a service: its server's capabilities, its clients' questions, the width they earned.

    `before`, `after`: capabilities without and with a login, None while unknown. `questions`: those asked last
    time, in order. `width`: messages to read ahead from the first fetch on. `fetches`: clients do fetch.
    `asks_last`: clients say LAST (RFC 1460), whose answer every RETR changes. `locks`: a login was refused because
    another session had the mailbox, so a client that has its answer to QUIT must find it free. `careful`: sessions
    that go step by step before anything is done ahead of a client again.
    """

    __slots__ = (
        "_lessons", "_mistrust", "after", "asks_last", "before", "careful", "fetches", "locks", "questions", "width",
    )  # fmt: skip

    def __init__(self) -> None:
        self.before: Capabilities | None = None
        self.after: Capabilities | None = None
        self.questions: tuple[bytes, ...] = ()
        self.fetches = False
        self.width = 0
        self.asks_last = self.locks = False
        self.careful = 0
        self._mistrust = MISTRUST
        self._lessons = 0

    def learn(self, questions: tuple[bytes, ...], *, fetched: bool, came_true: int, wasted: int, width: int) -> None:
        """Take over what a session showed, once it is over.

        `came_true`, `wasted`: guesses of messages that the client asked for, and that it did not.
        """
        self.questions = questions
        self.fetches = fetched
        self.careful = max(0, self.careful - 1)
        self._lessons += 1
        if self._lessons % LESSONS == 0:
            self.before = self.after = None
        if came_true or wasted:
            good = wasted * 4 <= came_true
            self.width = min(max(self.width, width), WIDEST) if good else self.width // 2

    def caution(self) -> None:
        """The server went away with questions of ours unanswered: it may be our fault, so go step by step a while."""
        self.width, self.questions, self.fetches = 0, (), False
        self.before = self.after = None
        self.careful = self._mistrust
        self._mistrust = min(self._mistrust * 4, MISTRUST_LIMIT)
