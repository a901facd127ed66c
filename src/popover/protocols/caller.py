"""The gateway in the place of a client: what it says to a talk's ears, and what it is told (`Reception.sign_in`)."""

from __future__ import annotations

from popover.config import Server
from popover.errors import SignInFailure
from popover.protocols.dialect import printable
from popover.talk import Broken, End, Talk, read_line

OCTETS = 64 * 1024
"""Of all that a server may say while a login is under way. Capabilities and greetings have 0.2 to 2 KiB, and some
servers add a few words on policies."""


class Caller:
    """One. `me.outbox` is what a client would say, `me.inbox` what it would be told."""

    def __init__(self, me: End, server: Server) -> None:
        self.me = me
        self.server = server
        self._left = OCTETS

    def say(self, line: bytes) -> None:
        """Say a line."""
        self.me.outbox += line + b"\r\n"

    def line(self) -> Talk[bytes]:
        """Take the next line that the server says, line end included. Raises SignInFailure where none comes."""
        try:
            line = yield from read_line(self.me, max(self._left, 1))
        except Broken:
            if self.me.ended:
                raise SignInFailure(
                    f"{self.server.host} closed the connection during the login",
                    "it may be overloaded; try again later",
                ) from None
            raise self.endless() from None
        self._left -= len(line)
        return line

    def endless(self) -> SignInFailure:
        """Say that the server says too much."""
        return SignInFailure(
            f"{self.server.host} does not come to an answer to the login: it sent more than {OCTETS:,} octets"
        )

    def unwilling(self, what: str, line: bytes) -> SignInFailure:
        """Say that the server does not know this kind of login; nothing was wrong with name or secret."""
        return SignInFailure(
            f"{self.server.host} does not take {what}: it says {printable(line, 200)!r}",
            "is it switched on there? some providers want that to be done on their web pages",
            needs_person=True,
        )

    def unsayable(self, what: str) -> SignInFailure:
        """Say that these credentials have a form that the dialect has no words for."""
        return SignInFailure(f"{what} can't be said to {self.server.host}", needs_person=True)
