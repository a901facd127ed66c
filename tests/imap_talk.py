"""One session of IMAP on the dry floor, in a test's hands."""

from typing import Any

from hearing import taken
from popover.config import Ahead
from popover.protocols import imap
from popover.protocols.dialect import Terms
from popover.talk import End

SLOW = Ahead(warm=0, ask_ahead=False, quit_at_once=False)  # nothing is answered here that need not be
GREETING = b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n"


class Talk:
    """`keys`: of the terms. What is said and answered comes in these pieces, or in any others."""

    def __init__(
        self,
        greeting: bytes = GREETING,
        ready: bytes = b"",
        ahead: Ahead = SLOW,
        memory: imap.Memory | None = None,
        **keys: Any,
    ) -> None:
        self.client, self.server = End("client"), End("mail.example.com")
        self.memory = memory or imap.Memory()
        self.ears = imap.ears(self.client, self.server, Terms(ahead, "192.0.2.1", **keys), self.memory)
        self.now = 0.0
        self.ears.start(greeting, ready, self.now)
        self.greeted = taken(self.client)

    def say(self, *words: bytes) -> tuple[bytes, bytes]:
        """The client says this; what the client gets for it, and what the server hears."""
        heard = b"".join(self._heard(word) for word in words)
        return taken(self.client), heard

    def answer(self, *words: bytes) -> tuple[bytes, bytes]:
        """The server says this; what the client gets for it, and what the server hears."""
        got = b"".join(self._got(word) for word in words)
        return got, taken(self.server)

    def _heard(self, word: bytes) -> bytes:
        heard = taken(self.server, self.ears.client_said(bytearray(word), self.now))
        while self.ears.has_more:
            heard += taken(self.server, self.ears.client_said(b"", self.now))
        return heard

    def _got(self, word: bytes) -> bytes:
        got = taken(self.client, self.ears.server_said(bytearray(word), self.now))
        while self.ears.has_more:
            self.server.outbox += self.ears.client_said(b"", self.now)
            got += taken(self.client)
        return got

    def passes(self, command: bytes, answer: bytes) -> None:
        """A command and its answer go through as they are."""
        assert self.say(command) == (b"", command)
        assert self.answer(answer) == (answer, b"")

    def log_in(self) -> None:
        """As anna."""
        self.passes(b"l LOGIN anna secret\r\n", b"l OK in\r\n")
