"""EHLO and HELO: what the server's answer comes to, and one that is known already."""

from __future__ import annotations

from popover.protocols.smtp.capabilities import for_client, offers
from popover.protocols.smtp.commands import Command, parse
from popover.protocols.smtp.memory import Memory
from popover.protocols.smtp.queue import Ask
from popover.protocols.smtp.spare import taken_apart
from popover.protocols.smtp.state import State

_WORDS_LIMIT = 512
"""Octets of an EHLO that is said again to the server: RFC 5321 section 4.5.3.1.4 allows no more."""


class Hello:
    """How one client greets."""

    def __init__(self, state: State, memory: Memory) -> None:
        self._state = state
        self._memory = memory
        self._ahead: Command | None = None  # what the server has heard while it waited
        self._reply = b""
        self._last: Command | None = None  # what is not answered yet
        self._good = b""  # the first that was taken

    def start(self, ready: bytes) -> None:
        """Begin with what `say_hello` gave."""
        if ready:
            hello, self._reply = taken_apart(ready)
            self._ahead = parse(hello)

    def known(self, command: Command) -> bytes | None:
        """Give the answer, if the server has heard these very words on this connection, and nothing since."""
        if self._ahead is None or self._state.has_spoken or command.key != self._ahead.key:
            return None
        self._took(command)
        return self._for_client(self._reply) if command.verb == b"EHLO" else self._reply

    def asked(self, command: Command, ask: Ask) -> None:
        """It was passed on."""
        self._last = command
        if command.verb == b"EHLO":
            ask.change = self._for_client

    def judge(self, code: bytes) -> None:
        """The server has answered one that was passed on."""
        if code == b"250" and self._last is not None:
            self._took(self._last)
        elif code == b"503" and self._ahead is not None:
            self._memory.fail()  # a second one is too many for it, although it took two before

    def _took(self, command: Command) -> None:
        if not self._good and len(command.line) <= _WORDS_LIMIT and command.argument:
            self._good = b" ".join(command.key)

    def _for_client(self, reply: bytes) -> bytes:
        self._state.pipelines = offers(reply, b"PIPELINING")
        return for_client(reply, self._state.terms, offers_tls=self._state.offers_tls)

    def over(self) -> None:
        """Remember it for the next one, if this was a mail program."""
        if self._state.logged_in and self._good and self._state.terms.ahead.ask_ahead:
            self._memory.hello = self._good
