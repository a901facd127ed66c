"""What a client says: one line, its verb, its argument, and the shape of the answer it will get.

Tolerant, because the clients are old: LF for CRLF, lower case, blanks before and after, `AUTH ` with a
blank at its end (Outlook), blanks and 8-bit octets in a password.
"""

from __future__ import annotations

from typing import NamedTuple

from popover.protocols import sasl

LINE_LIMIT = 2048
"""Octets of a command with its line end that we answer ourselves, at the desk. RFC 2449 section 4 says 255."""

RESPONSE_LIMIT = 16 * 1024
"""Octets of a line that is for the server. RFC 4954 section 4 wants 12,288 for a response; Courier and Cyrus take
passwords of 7,000, be they tokens, and refuse those of 12,000 themselves."""

KNOWN = frozenset(b"APOP AUTH CAPA DELE LANG LAST LIST NOOP PASS QUIT RETR RSET STAT STLS TOP UIDL USER UTF8".split())
"""Verbs whose answer has a shape we know (RFC 1939, 1460, 2449, 2595, 5034, 6856)."""

_ALWAYS_MANY = frozenset((b"CAPA", b"RETR", b"TOP"))
_MANY_WHEN_BARE = frozenset((b"LIST", b"UIDL", b"AUTH", b"LANG"))
_PASSIVE = frozenset((b"STAT", b"LIST", b"UIDL", b"RETR", b"TOP", b"CAPA", b"NOOP", b"LAST"))


Key = tuple[bytes, bytes]


class Command(NamedTuple):
    """One line of a client. `verb` in upper case; `argument` without the blanks around it."""

    line: bytes
    verb: bytes
    argument: bytes

    def __repr__(self) -> str:  # it may hold a password
        return f"Command({self.verb!r})" if self.verb in KNOWN else "Command(unknown)"

    @property
    def key(self) -> Key:
        """What tells whether two commands ask the same."""
        return self.verb, self.argument

    @property
    def number(self) -> int:
        """The message it is about; 0 for none, or for one written in a way we do not read (`01`, `+1`)."""
        first = self.argument.partition(b" ")[0]
        if first.isdigit() and first[:1] != b"0" and len(first) < 10:  # noqa: PLR2004 - a number of 32 bits
            return int(first)
        return 0

    @property
    def has_body(self) -> bool:
        """Whether its +OK is followed by lines up to a dot. A -ERR never is (RFC 1939 section 3)."""
        return self.verb in _ALWAYS_MANY or (self.verb in _MANY_WHEN_BARE and not self.argument)

    @property
    def is_passive(self) -> bool:
        """Whether no other answer depends on its having been said."""
        return self.verb in _PASSIVE

    @property
    def may_add_a_layer(self) -> bool:
        """Whether after its +OK the connection may hold something else than POP3: AUTH GSSAPI, say, or STLS."""
        mechanism = self.argument.partition(b" ")[0].upper()
        if self.verb == b"AUTH":
            return sasl.may_add_a_layer(mechanism)
        return self.verb == b"STLS"


def parse(line: bytes) -> Command:
    """Take a client's line apart; `line` keeps its octets, line end included."""
    verb, _, argument = line.strip(b" \t\r\n").partition(b" ")
    return Command(line, verb.upper(), argument.strip(b" \t"))


def ask(words: bytes) -> Command:
    """Make a command of our own."""
    return parse(words + b"\r\n")
