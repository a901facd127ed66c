"""What a client says: one line, its verb, its argument.

Tolerant, because the clients are old: LF for CRLF, lower case, blanks before and after, `HELO` with nothing behind it,
`MAIL FROM:<@>` (Lotus). What stands behind a verb is the server's to judge.
"""

from __future__ import annotations

import re
from typing import NamedTuple

LINE_LIMIT = 16 * 1024
"""Octets of a command with its line end, or of a line of an AUTH exchange. RFC 5321 section 4.5.3.1.4 says 512 and more
with extensions, RFC 4954 section 4 wants 12,288; tokens grow. Postfix reads 2,048, and longer lines in pieces."""

KNOWN = frozenset(
    b"ATRN AUTH BDAT BURL DATA EHLO ETRN EXPN HELO HELP MAIL NOOP QUIT RCPT RSET SAML SEND SOML STARTTLS TURN VRFY "
    b"XCLIENT XFORWARD".split()
)
"""Verbs that some mail program says (RFC 5321, 821, 1985, 2645, 3030, 3207, 4468, 4954; XCLIENT and XFORWARD are
Postfix's)."""

HELLOS = frozenset((b"EHLO", b"HELO"))

REVERSALS = frozenset((b"TURN", b"ATRN"))
"""After these client and server change places (RFC 821 section 3.8, RFC 2645)."""

BEFORE_TLS = HELLOS | {b"NOOP", b"RSET", b"QUIT", b"HELP", b"STARTTLS"}
"""What a client may say before TLS where it is required: RFC 3207 section 4, and what changes nothing."""

_HEADER = re.compile(rb"[!-9;-~]+:")
_BREAK = re.compile(rb"[\x00\x0b\x0c\r]")
_CHUNK = re.compile(rb"[0-9]{1,20}")


class Command(NamedTuple):
    """One line of a client. `verb` in upper case; `argument` without the blanks around it."""

    line: bytes
    verb: bytes
    argument: bytes

    def __repr__(self) -> str:
        """Show no argument: it may hold a secret."""
        return f"Command({self.verb[:10]!r})"

    @property
    def key(self) -> tuple[bytes, bytes]:
        """What tells whether two commands say the same."""
        return self.verb, self.argument

    @property
    def chunk(self) -> int:
        """Octets that follow at once: those of BDAT (RFC 3030 section 2), whatever the server says to it."""
        first = self.argument.partition(b" ")[0]
        return int(first) if self.verb == b"BDAT" and _CHUNK.fullmatch(first) else 0

    @property
    def may_be_two(self) -> bool:
        """To a server that takes a CR for a line's end (RFC 5321 section 2.3.8 forbids that), say."""
        return _BREAK.search(self.line.rstrip(b"\r\n")) is not None

    @property
    def is_header(self) -> bool:
        """It looks like a line of a mail's header (RFC 5322 section 2.2), which no command does."""
        return self.verb not in KNOWN and _HEADER.match(self.line) is not None

    @property
    def is_folded(self) -> bool:
        """It looks like the second line of a header's field (RFC 5322 section 2.2.3)."""
        return self.line[:1] in (b" ", b"\t") and bool(self.verb)


def parse(line: bytes) -> Command:
    """Take a client's line apart; `line` keeps its octets, line end included."""
    words = line.strip(b" \t\r\n").split(None, 1)
    verb = words[0].upper() if words else b""
    return Command(line, verb, words[1] if len(words) > 1 else b"")
