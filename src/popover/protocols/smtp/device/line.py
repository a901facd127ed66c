"""A server that is signed in: asked, and heard. Lock-step, for a device waits for each answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from popover.protocols.smtp.sign_in import HELLO
from popover.talk import Broken, End, Talk, read_line

REPLY_LIMIT = 16 * 1024
"""Octets of a whole reply. RFC 5321 section 4.5.3.1.5 allows 512 a line; EHLO's answers have some 20 lines."""

_CODE = 3


class Reply(NamedTuple):
    """What a server said: `words` whole, as they came; none: its connection was lost."""

    words: bytes

    @property
    def kind(self) -> bytes:
        """The first digit of its code; of a loss, and of what is no reply, that of a trouble which may pass."""
        code = self.words[:_CODE]
        return code[:1] if len(code) == _CODE and code.isdigit() else b"4"

    @property
    def is_leaving(self) -> bool:
        """The server goes away (RFC 5321 section 3.8)."""
        return self.words[:_CODE] == b"421" or not self.words

    @property
    def text(self) -> str:
        """For people: on one line, the code at its front."""
        lines = self.words.decode("utf-8", "replace").splitlines()
        if not lines:
            return "the connection was lost"
        return " ".join([lines[0][:_CODE], *(line[_CODE + 1 :].strip() for line in lines)])


LOST = Reply(b"")


class Line:
    """One connection to a server. `has_mail`: it has heard a MAIL, and nothing that ends it. `is_lost`: nothing more is
    to be said to it.
    """

    def __init__(self, end: End) -> None:
        self.end = end
        self.extensions: Mapping[bytes, bytes] = {}  # keyword -> what stands behind it
        self.has_mail = False
        self._is_given_up = False

    @property
    def is_lost(self) -> bool:
        """See above."""
        return self._is_given_up or (self.end.ended and not self.end.inbox)

    @property
    def has_news(self) -> bool:
        """The server has said something, or has ended, and nobody has asked."""
        return self._is_given_up or self.end.ended or bool(self.end.inbox)

    def give_up(self) -> None:
        """Nobody knows any more what the server takes for what."""
        self._is_given_up = True

    def ask(self, words: bytes) -> Talk[Reply]:
        """Say one line, without its end, and hear the answer. A go-ahead (3xx) belongs to DATA, and a 2xx does not: who
        says it there has lost count.
        """
        if self.is_lost:
            return LOST
        self.end.outbox += words + b"\r\n"
        reply = yield from self.reply()
        if reply.kind not in (b"4", b"5", b"3" if words == b"DATA" else b"2"):
            self.give_up()
            return LOST
        return reply

    def reply(self) -> Talk[Reply]:
        """Hear a whole reply; LOST where there is none."""
        words = b""
        try:
            while True:
                line = yield from read_line(self.end, max(REPLY_LIMIT - len(words), 1))
                words += line
                if line[_CODE : _CODE + 1] != b"-":
                    break
        except Broken:
            self.give_up()
            return LOST
        reply = Reply(words)
        if reply.is_leaving or not words[:_CODE].isdigit():
            self.give_up()
        return reply

    def say_hello(self) -> Talk[Reply]:
        """Say EHLO behind the login, and learn what the server can. One that does not bear a second one (503) can do
        all that a mail needs, as far as anybody knows.
        """
        reply = yield from self.ask(b"EHLO " + HELLO)
        if reply.kind == b"2":
            rows = [line[_CODE + 1 :].strip().partition(b" ") for line in reply.words.split(b"\n")[1:]]
            self.extensions = {word.upper(): behind.strip() for word, _, behind in rows if word}
        return reply

    def start_over(self) -> Talk[None]:
        """End what may be left of another mail."""
        if self.has_mail and not self.is_lost:
            yield from self.ask(b"RSET")
        self.has_mail = False
