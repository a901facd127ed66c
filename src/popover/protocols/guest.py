"""One client at the desk: its lines, and how much of us it may ask for before it has logged in."""

from __future__ import annotations

from popover.errors import Misdialled
from popover.protocols.strangers import Strangers
from popover.talk import Broken, End, More, Talk, read_line

LINES_LIMIT = 100
"""Lines of one client without a login, those of AUTH's exchanges among them. A mail program says ten at most; one that
waits keeps nobody busy by saying NOOP, and its time is up with `login_timeout`."""

REFUSED_LIMIT = 5
"""Logins of one connection that may be refused: a program that tries one mechanism after the other, and a person who
types a password anew. nginx ends a session after 5 mistakes, Dovecot slows down after the first."""


class Gone(Exception):  # noqa: N818 - a state of the talk: nobody is there any more
    """The client has ended."""


class Guest:
    """One connection's. `dialect` with its article: "a POP3"."""

    def __init__(self, client: End, dialect: str) -> None:
        self._client = client
        self._dialect = dialect
        self._strangers = Strangers(dialect)
        self._lines = self._refused = 0

    def say(self, words: bytes) -> None:
        """Tell the client; whole lines without the last line end."""
        self._client.outbox += words + b"\r\n"

    def line(self, limit: int) -> Talk[bytes]:
        """Take its next line, of `limit` octets at most, line end included. Raises Gone, and Misdialled for what a mail
        program does not say.
        """
        self._lines += 1
        if self._lines > LINES_LIMIT:
            raise Misdialled(f"{LINES_LIMIT} lines and no login", f"is it {self._program} that connects here?")
        try:
            return (yield from read_line(self._client, limit))
        except Broken:
            if self._client.ended:
                raise Gone from None
            raise self.too_long(limit) from None

    def octets(self, count: int) -> Talk[bytes]:
        """Take so many octets: those of a literal. Raises Gone."""
        inbox = self._client.inbox
        while len(inbox) < count:
            if self._client.ended:
                raise Gone
            yield More(self._client)
        octets = bytes(inbox[:count])
        del inbox[:count]
        return octets

    def too_long(self, limit: int) -> Misdialled:
        """Say that it said more in one line than it may."""
        return Misdialled(
            f"a command of more than {limit:,} octets is too long", f"is it {self._program} that connects here?"
        )

    def strange(self) -> None:
        """It has said a command that is none. Raises Misdialled for one too many; nothing is echoed."""
        misdialled = self._strangers.one_more()
        if misdialled is not None:
            raise misdialled

    def refused(self) -> None:
        """A login of its was refused."""
        self._refused += 1

    @property
    def is_worn_out(self) -> bool:
        """It has had as many tries as it gets."""
        return self._refused >= REFUSED_LIMIT

    @property
    def _program(self) -> str:
        return f"a mail program that speaks {self._dialect.split()[1]}"
