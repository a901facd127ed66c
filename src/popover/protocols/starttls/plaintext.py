"""What a server says before TLS: bounded, looked at for one thing, and thrown away.

Anybody on the way may have said it. So nothing of it reaches the client, nothing is learned from it, and all that is
not the exact positive answer ends the session, for the client with a temporary failure in our own words. What the
server said stands, escaped, in the operator's log alone. The rules U1 to U13, which the tests name, are answers to the
attacks of "Why TLS Is Better Without STARTTLS" (USENIX Security 2021).
"""

from __future__ import annotations

from popover.config import DialectName, scheme_of
from popover.errors import ServerFailure, TLSFailure
from popover.protocols.dialect import printable
from popover.protocols.greeting import GREETING_LIMIT
from popover.talk import End, More, Talk, take_line

OCTETS = GREETING_LIMIT
"""Of all that a server may say in plain text: a greeting, for SMTP the answer to one EHLO, and the answer to STARTTLS
are 200 to 1,500."""

LINES = 100
"""Likewise. An EHLO of Exchange has 15 lines; mail programs were driven into endless loops here (U10)."""

_TLS = (b"\x15\x03", b"\x16\x03")  # an alert, a handshake: RFC 8446 section 5.1
_GREETINGS: tuple[tuple[bytes, DialectName], ...] = ((b"+OK", "pop3"), (b"* OK", "imap"), (b"220", "smtp"))


class Plaintext:
    """A server before TLS. All that it raises is a ServerFailure, or a TLSFailure where TLS was refused."""

    def __init__(self, server: End, dialect: DialectName) -> None:
        self.server = server
        self._dialect = dialect
        self._octets, self._lines = OCTETS, LINES
        self._has_greeted = False

    def line(self) -> Talk[bytes]:
        """Take the next line, its end included."""
        inbox = self.server.inbox
        while not (line := take_line(inbox, self._octets)):
            if inbox.startswith(_TLS):
                raise self._speaks_tls()
            if len(inbox) >= self._octets:
                raise self._endless(f"{OCTETS:,} octets")
            if self.server.ended:
                raise self._closed()
            yield More(self.server)
        self._octets -= len(line)
        self._lines -= 1
        if self._lines < 0:
            raise self._endless(f"{LINES} lines")
        return line

    def ask(self, command: bytes) -> None:
        """Say one command. What has come before it was asked for is no answer to it (U5)."""
        self._has_greeted = True
        if self.server.inbox:
            raise TLSFailure(
                f"{self.server.name} answered before it was asked, in plain text",
                f"{_SOMEBODY}; {_said(self.server.inbox)}",
            )
        self.server.outbox += command + b"\r\n"

    def agreed(self) -> None:
        """The server has agreed to TLS; whatever stands behind its answer was not sealed (U4)."""
        if self.server.inbox:
            raise TLSFailure(
                f"{self.server.name} agreed to TLS and went on in plain text",
                f"{_SOMEBODY}; {_said(self.server.inbox)}",
            )

    def refused(self, line: bytes) -> TLSFailure:
        """Say that this is not the answer after which TLS begins (U1)."""
        return TLSFailure(
            f"{self.server.name} does not begin TLS (STARTTLS refused)",
            f"no login goes out without TLS; does the provider name a port with TLS from the first octet on "
            f"({scheme_of(self._dialect, 'tls')}://)? if others can use STARTTLS there, somebody on the way removes "
            f"it; {_said(line)}",
        )

    def stranger(self, line: bytes) -> ServerFailure:
        """Say that this is not a greeting after which a session could begin."""
        name = self.server.name
        if line.startswith(_TLS):
            return self._speaks_tls()
        for greeting, dialect in _GREETINGS:
            if dialect != self._dialect and line.startswith(greeting):
                return ServerFailure(
                    f"{name} speaks {dialect.upper()} on that port",
                    f"write {scheme_of(dialect, 'starttls')}://, or name another port; {_said(line)}",
                )
        if line.startswith((b"-ERR", b"* BYE", b"4", b"5")):
            return ServerFailure(
                f"{name} refuses the connection", f"it may be overloaded, or not serve this address; {_said(line)}"
            )
        return ServerFailure(
            f"{name} does not greet as a mail server does",
            f"is the port right? another kind of server answers there; {_said(line)}",
        )

    def _closed(self) -> ServerFailure | TLSFailure:
        name = self.server.name
        if self._has_greeted:
            return TLSFailure(
                f"{name} closed the connection instead of beginning TLS",
                f"does it offer STARTTLS? else write {scheme_of(self._dialect, 'tls')}://, or try again later",
            )
        if self.server.inbox:
            return self.stranger(bytes(self.server.inbox))
        return ServerFailure(
            f"{name} closed the connection before its greeting",
            "it may be overloaded, or it may not serve this address; try again later. Does it speak TLS from the first "
            f"octet on? then write {scheme_of(self._dialect, 'tls')}://",
        )

    def _endless(self, size: str) -> ServerFailure:
        return ServerFailure(
            f"{self.server.name} does not come to TLS: it sent more than {size} in plain text",
            f"is the port right? {_said(self.server.inbox)}",
        )

    def _speaks_tls(self) -> ServerFailure:
        return ServerFailure(
            f"{self.server.name} speaks TLS from the first octet on, on that port",
            f"write {scheme_of(self._dialect, 'tls')}:// instead of {scheme_of(self._dialect, 'starttls')}://",
        )


_SOMEBODY = "somebody on the way may have put it there, and nothing of it was used: is this network to be trusted?"


def _said(octets: bytes | bytearray) -> str:
    return f"it said {printable(octets)!r}"
