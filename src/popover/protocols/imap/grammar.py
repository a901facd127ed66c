"""What the lines of IMAP look like: commands, answers, and the literals at their ends (RFC 9051 section 9).

Tolerant, because the clients are old: LF for CRLF, lower case, several blanks.
"""

from __future__ import annotations

import re
from typing import NamedTuple

LINE_LIMIT = 64 * 1024
"""Octets of a client's line that is looked at as a whole; a longer one is passed on as it comes. RFC 2683 section
3.2.1.5 wants servers to take 8,000, Dovecot takes 64 KiB, and sets of UIDs grow long."""

NUMBER_LIMIT = (1 << 63) - 1
"""Octets of a literal: number64 (RFC 9051 section 9). What is more is no literal to any server."""

LITERAL = re.compile(rb"\{(\d{1,20})(\+?)\}\r?\n\Z")
"""The end of a client's line that goes on with so many octets, `+`: without waiting (RFC 7888). `~{n}` ends so, too."""

_OF_SERVER = re.compile(rb"\{(\d{1,20})\}\r?\n\Z")
_STATUS = re.compile(rb"(?:[^ \r\n]+ (?:OK|NO|BAD|BYE|PREAUTH)(?: (\[[^\]\r\n]*)?|\r?\n)|\+[ \r\n])", re.IGNORECASE)
_BEGIN = re.compile(rb"[ \t]*([^ \t\r\n]*)[ \t]*([^ \t\r\n]*)[ \t]*")  # of a command
_TAG = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\+]+\Z")
_VERB = re.compile(rb"[A-Z][A-Z0-9-]*\Z")

KNOWN = frozenset(
    # RFC 9051 and 3501
    b"CAPABILITY NOOP LOGOUT STARTTLS AUTHENTICATE LOGIN ENABLE SELECT EXAMINE CREATE DELETE RENAME SUBSCRIBE "
    b"UNSUBSCRIBE LIST LSUB NAMESPACE STATUS APPEND IDLE CHECK CLOSE UNSELECT EXPUNGE SEARCH FETCH STORE COPY MOVE UID "
    # extensions: RFC 2087, 2193, 2971, 4314, 4467, 4978, 5255, 5257, 5259, 5267, 5464, 5465, 5256, 7377, 8437, 8508
    b"GETQUOTA GETQUOTAROOT SETQUOTA RLIST RLSUB ID GETACL SETACL DELETEACL LISTRIGHTS MYRIGHTS GENURLAUTH RESETKEY "
    b"URLFETCH COMPRESS LANGUAGE COMPARATOR GETANNOTATION SETANNOTATION CONVERT CONVERSIONS CANCELUPDATE GETMETADATA "
    b"SETMETADATA NOTIFY SORT THREAD ESEARCH UNAUTHENTICATE REPLACE GETJMAPACCESS PROXYAUTH".split()
)
"""Commands of IMAP; besides, all that begin with an X (RFC 3501 section 6.5)."""


class Command(NamedTuple):
    """A command's first line. `verb` in upper case; `argument` without the blanks around it.

    `is_sure`: it has the shape of a command, so that its answer bears its tag.
    """

    tag: bytes
    verb: bytes
    argument: bytes
    is_sure: bool

    def __repr__(self) -> str:  # it may hold a password
        return f"Command({self.verb!r})" if self.is_known else "Command(unknown)"

    @property
    def is_known(self) -> bool:
        """It is one of IMAP's."""
        return self.is_sure and (self.verb in KNOWN or self.verb[:1] == b"X")


class Literal(NamedTuple):
    """What is announced at a line's end. `waits`: the client waits to be told to go on."""

    size: int
    waits: bool


def parse(line: bytes) -> Command:
    """Take a command's first line apart."""
    found = _BEGIN.match(line)
    tag, verb = found.groups() if found is not None else (b"", b"")
    verb = verb.upper()
    argument = line[found.end() if found is not None else 0 :].removesuffix(b"\n").removesuffix(b"\r").rstrip(b" \t")
    return Command(tag, verb, argument, bool(_TAG.match(tag) and _VERB.match(verb)))


def literal_of_client(line: bytes) -> Literal | None:
    """Find the literal with which a client's line goes on."""
    found = LITERAL.search(line)
    if found is None or int(found[1]) > NUMBER_LIMIT:
        return None
    return Literal(int(found[1]), waits=not found[2])


def literal_of_server(line: bytes) -> int | None:
    """Give the octets with which a server's line goes on; None: it is over.

    The words of a status line may end like one and are none; its code, while it is open, may hold one (BADCHARSET of
    RFC 3501 section 7.1).
    """
    found = _OF_SERVER.search(line)
    if found is None or int(found[1]) > NUMBER_LIMIT:
        return None
    status = _STATUS.match(line)
    if status is not None and (status[1] is None or line[status.end() : status.end() + 1] == b"]"):
        return None
    return int(found[1])


def name_of(argument: bytes) -> bytes:
    """Find the first word of LOGIN's arguments, an atom or quoted (RFC 9051 section 4.3); nothing for a literal."""
    quoted = re.match(rb'"((?:[^"\\\r\n]|\\.)*)"', argument)
    if quoted is not None:
        return re.sub(rb"\\(.)", rb"\1", quoted[1])
    atom = re.match(rb'[^\s"{]+', argument)
    return atom[0] if atom is not None else b""
