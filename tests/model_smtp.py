"""SMTP without a socket: a talk through the ears, and a server to talk with that keeps to the letter."""

from dataclasses import replace

from hearing import taken
from popover.config import Ahead
from popover.protocols import Terms
from popover.protocols.smtp import Ears, Memory
from popover.talk import End

GREETING = b"220 mail.example.com ESMTP\r\n"
VISITOR = "192.168.1.7"
TERMS = Terms(Ahead(), VISITOR)
EHLO = b"250-mail.example.com\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250 8BITMIME\r\n"


class Talk:
    """Ears, and what both sides have got of them so far."""

    def __init__(self, memory: Memory | None = None, ready: bytes = b"", **changes: object) -> None:
        self.client, self.server = End("client"), End("server")
        self.memory = memory or Memory()
        terms = replace(TERMS, **changes)  # type: ignore[arg-type]
        self.ears = Ears(self.client, self.server, terms, self.memory)
        self.ears.start(GREETING, ready, 0.0)
        assert self.got() == GREETING

    def got(self) -> bytes:
        """What the client has got since the last call."""
        return taken(self.client)

    def heard(self) -> bytes:
        """What the server has heard since the last call."""
        return taken(self.server)

    def say(self, *pieces: bytes) -> tuple[bytes, bytes]:
        """The client says something: what it gets, and what the server hears."""
        heard = b""
        for piece in pieces:
            straight = bytes(self.ears.client_said(piece, 0.0))
            heard += self.heard() + straight
            while self.ears.has_more:
                straight = bytes(self.ears.client_said(b"", 0.0))
                heard += self.heard() + straight
        return self.got(), heard

    def answer(self, *pieces: bytes) -> tuple[bytes, bytes]:
        """The server says something: what the client gets, and what the server hears."""
        got = b""
        for piece in pieces:
            straight = bytes(self.ears.server_said(piece, 0.0))
            got += self.got() + straight
        heard = self.heard()
        while self.ears.has_more:
            straight = bytes(self.ears.client_said(b"", 0.0))
            heard += self.heard() + straight
        return got + self.got(), heard

    def ask(self, words: bytes, reply: bytes) -> bytes:
        """The client says one line that goes to the server as it is; what it gets for this reply."""
        assert self.say(words) == (b"", words)
        got, heard = self.answer(reply)
        assert heard == b""
        return got

    def in_mail(self) -> "Talk":
        """As far as the answer to DATA."""
        for words, reply in (
            (b"EHLO me\r\n", EHLO), (b"MAIL FROM:<a@x>\r\n", b"250 ok\r\n"), (b"RCPT TO:<b@x>\r\n", b"250 ok\r\n"),
            (b"DATA\r\n", b"354 go on\r\n"),
        ):  # fmt: skip
            assert self.ask(words, reply) == reply
        return self


class Model:
    """A server: octets in, octets out. `refuses`: verbs that get a 5xx. It knows no end of a mail but CRLF.CRLF."""

    def __init__(self, ehlo: bytes = EHLO, refuses: frozenset[bytes] = frozenset()) -> None:
        self.mails: list[bytes] = []
        self._ehlo = ehlo
        self._refuses = refuses
        self._inbox = b""
        self._in_mail = False
        self._chunk = -1
        self._auth = 0  # lines of an AUTH LOGIN that are to come

    def hear(self, data: bytes) -> bytes:
        """Take what is said, and answer."""
        self._inbox += data
        answers = b""
        while (answer := self._next()) is not None:
            answers += answer
        return answers

    def _next(self) -> bytes | None:
        if self._chunk >= 0:
            if len(self._inbox) < self._chunk:
                return None
            self._inbox, self._chunk = self._inbox[self._chunk :], -1
            return b"500 no chunks\r\n" if b"BDAT" in self._refuses else b"250 taken\r\n"
        if self._in_mail:
            found = (b"\r\n" + self._inbox).find(b"\r\n.\r\n")
            if found < 0:
                return None
            self.mails.append(self._inbox[:found])
            self._inbox, self._in_mail = self._inbox[found + 3 :], False
            return b"250-queued\r\n250 as %d\r\n" % len(self.mails)
        line, end, rest = self._inbox.partition(b"\n")
        if not end:
            return None
        self._inbox = rest
        return self._auth_line() if self._auth else self._command(line)

    def _auth_line(self) -> bytes:
        self._auth -= 1
        return b"235 in\r\n" if not self._auth else b"334 UGFzc3dvcmQ6\r\n"

    def _command(self, line: bytes) -> bytes:
        words = line.split() or [b""]
        verb = words[0].upper()
        if verb == b"BDAT" and len(words) > 1 and words[1].isdigit():
            self._chunk = int(words[1])
            return b""
        if verb in self._refuses:
            return b"550-not here\r\n550 nor there\r\n"
        if verb == b"DATA":
            self._in_mail = True
            return b"354 go on\r\n"
        if verb == b"AUTH" and len(words) > 2:
            return b"235 in\r\n"
        if verb == b"AUTH":
            self._auth = 2
            return b"334 VXNlcm5hbWU6\r\n"
        known = {b"EHLO": self._ehlo, b"QUIT": b"221 bye\r\n"}
        return known.get(verb, b"250 ok\r\n" if verb in _TAKEN else b"500 what\r\n")


_TAKEN = (b"HELO", b"MAIL", b"RCPT", b"NOOP", b"RSET", b"VRFY")
