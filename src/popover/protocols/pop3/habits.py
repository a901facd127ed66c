"""What this service's clients did last time, so that the next one need not wait.

One `Habits` per service, kept by the gateway across sessions and dropped when the file is loaded anew. What
is in it is never a promise: a guess that does not come true costs some octets and makes the next one smaller.
"""

from __future__ import annotations

from popover.protocols.pop3.answers import PIPELINING, Capabilities

WIDEST = 256
"""Messages read ahead at most, however small: about what a link of 300 ms and 1 Mbit/s holds at 150 octets
each. The limit in octets, `read_ahead_bytes`, is met earlier by almost all mail."""

QUESTIONS = (b"CAPA", b"STAT", b"UIDL", b"LIST")
"""What may be asked ahead: without side effect in every server."""


class Habits:
    """What was learned of a service: its server's capabilities, its clients' questions, the width they earned.

    `before`, `after`: capabilities without and with a login, None while unknown. `questions`: those asked last
    time, in order. `width`: messages to read ahead from the first fetch on. `fetches`: clients do fetch.
    """

    __slots__ = ("after", "before", "fetches", "questions", "width")

    def __init__(self) -> None:
        self.before: Capabilities | None = None
        self.after: Capabilities | None = None
        self.questions: tuple[bytes, ...] = ()
        self.fetches = False
        self.width = 0

    @property
    def offers_little(self) -> bool:
        """The server is known to have no PIPELINING, neither before nor after the login."""
        return self.after is not None and PIPELINING not in self.after and not self.pipelines_before

    @property
    def pipelines_before(self) -> bool:
        """The server offered PIPELINING before the login."""
        return self.before is not None and PIPELINING in self.before

    def learn(self, questions: tuple[bytes, ...], *, fetched: bool, came_true: int, wasted: int, width: int) -> None:
        """Take over what a session showed, once it is over.

        `came_true`, `wasted`: guesses of messages that the client asked for, and that it did not.
        """
        self.questions = questions
        self.fetches = fetched
        if came_true or wasted:
            good = wasted * 4 <= came_true
            self.width = min(max(self.width, width), WIDEST) if good else self.width // 2

    def caution(self) -> None:
        """The server went away while guesses were under way: be slow until it has earned trust again."""
        self.width, self.questions, self.fetches = 0, (), False
        self.before = self.after = None
