"""The gateway in the place of a client: what it says to a talk's ears, and what it is told (`Reception.sign_in`)."""

from __future__ import annotations

from popover.config import Server
from popover.errors import SignInFailure
from popover.protocols import sasl_client
from popover.protocols.dialect import printable
from popover.protocols.login import Credentials
from popover.talk import Broken, End, More, Talk, read_line

OCTETS = 64 * 1024
"""Of all that a server may say while a login is under way. Capabilities and greetings have 0.2 to 2 KiB, and some
servers add a few words on policies."""

_ECHO = 8
"""Octets of a secret's beginning by which it is known again, for a server may cut what it repeats. Fewer may be a word
of the server's own, such as `pass`; and what is taken out there would tell how the secret begins."""

_SHORTEST = 4
"""Octets of a secret that is looked for as a whole; a shorter one is no secret."""


class Caller:
    """One. `me.outbox` is what a client would say, `me.inbox` what it would be told."""

    def __init__(self, me: End, credentials: Credentials, server: Server) -> None:
        self.me = me
        self.server = server
        self._left = OCTETS
        self._secrets: list[bytes] = []
        self._hush(credentials.secret)

    def say(self, line: bytes, secret: bytes = b"") -> None:
        """Say a line. `secret`: what of it is one, in another form."""
        self._hush(secret)
        self.me.outbox += line + b"\r\n"

    def _hush(self, secret: bytes) -> None:
        if len(secret) >= _SHORTEST:
            self._secrets.append(secret)

    def hushed(self, line: bytes) -> bytes:
        """Take out of what the server says what it repeats of a secret: some quote the command that they refuse, and
        what they say is shown to the client, or stands in the log.
        """
        for secret in self._secrets:
            begin = secret[:_ECHO]
            at = line.find(begin)
            while at >= 0:
                end = at + len(begin)
                while end < len(line) and line[end : end + 1] == secret[end - at : end - at + 1]:
                    end += 1
                line = line[:at] + b"***" + line[end:]
                at = line.find(begin, at + 3)
        return line

    def reasons(self, challenge: bytes) -> str:
        """Read why the server refuses a token; see `sasl_client.reasons`."""
        return self.hushed(sasl_client.reasons(challenge).encode("ascii", "replace")).decode()

    def line(self) -> Talk[bytes]:
        """Take the next line that the server says, line end included. Raises SignInFailure where none comes."""
        try:
            line = yield from read_line(self.me, max(self._left, 1))
        except Broken:
            if self.me.ended:
                raise self._gone() from None
            raise self.endless() from None
        self._left -= len(line)
        return line

    def octets(self, count: int) -> Talk[bytes]:
        """Take so many octets. Raises SignInFailure where they do not come."""
        me = self.me
        if count > self._left:
            raise self.endless()
        while len(me.inbox) < count:
            if me.ended:
                raise self._gone()
            yield More(me)
        self._left -= count
        octets = bytes(me.inbox[:count])
        del me.inbox[:count]
        return octets

    def endless(self) -> SignInFailure:
        """Say that the server says too much."""
        return SignInFailure(
            f"{self.server.host} does not come to an answer to the login: it sent more than {OCTETS:,} octets"
        )

    def _gone(self) -> SignInFailure:
        return SignInFailure(
            f"{self.server.host} closed the connection during the login", "it may be overloaded; try again later"
        )

    def shown(self, line: bytes) -> str:
        """Show what the server says, in words of ours."""
        return repr(printable(self.hushed(line), 200))

    def unwilling(self, what: str, line: bytes) -> SignInFailure:
        """Say that the server does not know this kind of login; nothing was wrong with name or secret."""
        return SignInFailure(
            f"{self.server.host} does not take {what}: it says {self.shown(line)}",
            "is it switched on there? some providers want that to be done on their web pages",
            needs_person=True,
        )
