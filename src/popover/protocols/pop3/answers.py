"""What a server says: where an answer ends, what its capabilities are, and the words old clients cannot bear."""

from __future__ import annotations

import re
from array import array
from functools import lru_cache

from popover.protocols.reception import ClientTLS
from popover.protocols.sasl import is_bound

END = b"\r\n.\r\n"
"""What ends a body; the status line's own CRLF counts, for a body may be empty (RFC 1939 section 3)."""

STATUS_LIMIT = 4096
"""Octets of a status line. RFC 1939 section 3 says 512; what is longer is no POP3, and is passed on unread."""

CAPA_LIMIT = 16 * 1024
"""Octets of a whole answer to CAPA, line ends included; the longest on record is 0.4 KiB."""

PIPELINING = b"PIPELINING"
RICO = b"X-GOOGLE-RICO"  # Gmail, where RETR alone marks a message "popped" and hides it from later sessions
_WHOLE = (b"EXPIRE", b"IMPLEMENTATION", b"SASL")  # of all capabilities those whose arguments count

_USELESS = frozenset((b"STLS",))
"""Capabilities that are about the connection: the server's TLS is spoken already, and ours is another matter."""

_LOGINS = frozenset((b"USER", b"SASL"))
"""What a client is not to see where it has to begin TLS before it logs in (RFC 2595 section 4)."""

_ANSWERS_KEPT = 32
"""Answers to CAPA that are taken apart once for all sessions: a server has two, before the login and after it."""

Capabilities = frozenset[bytes]


@lru_cache(_ANSWERS_KEPT)
def capabilities(answer: bytes) -> Capabilities:
    """Read the names in an answer to CAPA, upper case, without their arguments but for those that count; none after
    -ERR.
    """
    if not answer.startswith(b"+OK"):
        return frozenset()
    lines = [line.upper().split() for line in answer.split(b"\n")[1:]]
    names = (b" ".join(words if words[0] in _WHOLE else words[:1]) for words in lines if words)
    return frozenset(names) - {b"."}


def deletes_what_is_read(known: Capabilities) -> bool:
    """Whether the server may remove a message, now or in some days, because it was fetched.

    RFC 2449 section 6.7: EXPIRE 0 allows it to take each RETR for a DELE. GNU Mailutils does so with TOP, too, and
    writes EXPIRE0; so any word that sounds like it counts.
    """
    return any(any(sign in name for sign in _SIGNS) and name != b"EXPIRE NEVER" for name in known)


_SIGNS = (b"EXPIRE", b"DELET", b"PURGE", b"RETAIN")


@lru_cache(_ANSWERS_KEPT)
def for_client(answer: bytes, tls: ClientTLS = "off", hide: tuple[str, ...] = ()) -> bytes:
    """Leave out of an answer to CAPA what cannot work through a gateway, and put in our own STLS where `tls` may begin;
    all else stays byte for byte. `hide`: names that this client is not to see.
    """
    if not answer.startswith(b"+OK"):
        return answer
    kept: list[bytes] = []
    gone = _USELESS | {name.encode() for name in hide} | (_LOGINS if tls == "require" else set())
    for line in answer.splitlines(keepends=True):
        words = line.split()
        name = words[0].upper() if words else b""
        if kept and name in gone:
            continue
        if name == b"SASL":
            good = [word for word in words[1:] if is_shown(word, tls, hide)]
            if not good:
                continue
            if len(good) < len(words) - 1:
                kept.append(b" ".join([words[0], *good]) + b"\r\n")
                continue
        if name == b"." and tls in {"offer", "require"} and "STLS" not in hide:
            kept.append(b"STLS\r\n")
        kept.append(line)
    return b"".join(kept)


def mechanisms_for_client(answer: bytes, tls: ClientTLS = "off", hide: tuple[str, ...] = ()) -> bytes:
    """Leave out of an answer to AUTH without a mechanism (RFC 5034 section 4), one a line, what CAPA does not show this
    client either; all else stays byte for byte.
    """
    status, *lines = answer.splitlines(keepends=True)
    if status[:3].upper() != b"+OK":
        return answer
    return status + b"".join(line for line in lines if line.strip() == b"." or is_shown(line.strip(), tls, hide))


def is_shown(mechanism: bytes, tls: ClientTLS, hide: tuple[str, ...]) -> bool:
    """Whether a client sees this mechanism. `hide` may name it alone, as IMAP does, or all of them (`SASL`)."""
    name = mechanism.upper()
    hidden = {name.decode("latin-1"), f"AUTH={name.decode('latin-1')}", "SASL"}
    return not is_bound(name, tls) and hidden.isdisjoint(hide)


_ERROR = re.compile(rb"(?i)error(?![^<]*>)")


def soften(line: bytes) -> bytes:
    """Say "fault" for "error" in a +OK line: Apple Mail 2 takes the word for a failure. As long as before.

    What stands in angle brackets stays: it may be APOP's timestamp.
    """
    return _ERROR.sub(b"fault", line) if line.startswith(b"+OK") else line


def not_to_be_softened(begin: bytes | bytearray) -> int:
    """Of the beginning of a status line, count the octets that `soften` will not change, whatever comes behind them."""
    found = _MAY_BE_SOFTENED.search(begin)
    return found.start() if found else len(begin)


_MAY_BE_SOFTENED = re.compile(rb"(?i)error|(?:erro|err|er|e)\Z")

_STAMP = re.compile(rb"<[^<>\s]+@[^<>\s]*>")


def stamp_of(greeting: bytes) -> bytes:
    """Find APOP's timestamp, which has the form of a message-id (RFC 1939 section 7); empty for none."""
    found = _STAMP.search(greeting)
    return found[0] if found else b""


# -- shapes: what an answer must look like to be the answer to its question --------------------------------------

_STAT = re.compile(rb"\+OK \d{1,19} \d{1,19}(?!\d)")
_CAPABILITIES = re.compile(rb"\+OK[^\r\n]*\r\n(?:(?:[A-Za-z]|-(?!ERR))[^\r\n]*\r\n)*\.\r\n")
_LISTING = re.compile(rb"\+OK[^\r\n]*\r\n(?:[1-9]\d{0,9} [^\r\n]+\r\n)*\.\r\n")


def is_stat(line: bytes) -> bool:
    """Whether a status line can be the answer to STAT, `+OK count octets` (RFC 1939 section 5)."""
    return _STAT.match(line) is not None


def is_capabilities(answer: bytes | bytearray) -> bool:
    """Whether a whole answer is a list of capabilities (RFC 2449 section 5), every line a word."""
    return _CAPABILITIES.fullmatch(answer) is not None


def is_listing(answer: bytes | bytearray) -> bool:
    """Whether a whole answer is one to LIST or UIDL, every line a number and a word."""
    return _LISTING.fullmatch(answer) is not None


def names(line: bytes, number: int) -> bool:
    """Whether a status line is the answer to `LIST number`, which repeats the number (RFC 1939 section 5)."""
    words = line.split(None, 3)
    return len(words) > 2 and words[0] == b"+OK" and words[1] == b"%d" % number and words[2].isdigit()  # noqa: PLR2004


def octets_of_mail(answer: bytes | bytearray) -> int:
    """Count the octets of the message in a whole answer to RETR, as LIST counts them: without the status line, the dots
    that were stuffed, and the end (RFC 1939 section 3 and 11).
    """
    begin = answer.find(b"\n") + 1
    body = len(answer) - begin - 3
    return body - answer.count(b"\n..", begin - 1)


class Listing:
    """An answer to LIST, read as it comes: `sizes` in octets by message number, 0 for a number that is not there.

    One that makes no sense, or goes beyond LISTED messages, teaches nothing from there on: `is_sane`.
    """

    __slots__ = ("_gaps", "_rest", "is_sane", "sizes")

    def __init__(self) -> None:
        self.sizes = array("Q", (0,))
        self.is_sane = True
        self._gaps = 0
        self._rest: bytes | None = None  # of a line that is not whole; None: the status line is yet to come

    def feed(self, piece: memoryview | bytes) -> None:
        """Read some more."""
        data = (self._rest or b"") + bytes(piece)
        *lines, rest = data.split(b"\n")
        if self._rest is None:
            if not lines:
                return
            del lines[0]
        self._rest = rest[:_LINE]
        try:
            for line in lines:
                if self.is_sane and line != b".\r":
                    self._take(line)
        except (ValueError, IndexError, OverflowError):
            self.is_sane = False

    def _take(self, line: bytes) -> None:
        words = line.split()
        number, size = int(words[0]), int(words[1])
        gap = number - len(self.sizes)
        self._gaps += gap
        if gap < 0 or size < 0 or self._gaps > _GAPS or number > LISTED:
            raise ValueError(line)
        self.sizes.extend([0] * gap)
        self.sizes.append(size)


LISTED = 100_000
"""Messages of a LIST that are read: 8 octets each. A walk through more is not run ahead of."""

_LINE = 80  # octets of a line of LIST; a longer one makes no sense
_GAPS = 10_000  # numbers missing in all; a listing that claims more would only cost memory
