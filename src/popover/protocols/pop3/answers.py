"""What a server says: where an answer ends, what its capabilities are, and the words old clients can't bear."""

from __future__ import annotations

import re
from functools import lru_cache

END = b"\r\n.\r\n"
"""What ends a body; the status line's own CRLF counts, for a body may be empty (RFC 1939 section 3)."""

STATUS_LIMIT = 4096
"""Octets of a status line. RFC 1939 section 3 says 512; what is longer is no POP3, and is passed on unread."""

CAPA_LIMIT = 16 * 1024
"""Octets of a whole answer to CAPA, line ends included; the longest on record is 0.4 KiB."""

PIPELINING = b"PIPELINING"
RICO = b"X-GOOGLE-RICO"  # Gmail, where RETR alone marks a message "popped" and hides it from later sessions
_EXPIRE = b"EXPIRE "  # of all capabilities the one whose argument counts

_USELESS = frozenset((b"STLS",))
"""Capabilities that are about the connection: there is no TLS inside to start."""

_BOUND = frozenset((b"EXTERNAL", b"GSSAPI", b"NTLM", b"KERBEROS_V4", b"GSS-SPNEGO"))
"""Mechanisms bound to a certificate, a host name or a channel: through a gateway they can only fail."""

_ANSWERS_KEPT = 32
"""Answers to CAPA that are taken apart once for all sessions: a server has two, before the login and after it."""

Capabilities = frozenset[bytes]


@lru_cache(_ANSWERS_KEPT)
def capabilities(answer: bytes) -> Capabilities:
    """Read the names in an answer to CAPA, upper case, without their arguments but for EXPIRE's; none after -ERR."""
    if not answer.startswith(b"+OK"):
        return frozenset()
    lines = [line.upper().split() for line in answer.split(b"\n")[1:]]
    names = (b" ".join(words[: 1 + (words[0] + b" " == _EXPIRE)]) for words in lines if words)
    return frozenset(names) - {b"."}


def deletes_what_is_read(known: Capabilities) -> bool:
    """Whether the server may remove a message, now or in some days, because it was fetched.

    RFC 2449 section 6.7: EXPIRE 0 allows it to take each RETR for a DELE; GNU Mailutils does so with TOP, too.
    """
    return any(name.startswith(_EXPIRE) and name != _EXPIRE + b"NEVER" for name in known)


@lru_cache(_ANSWERS_KEPT)
def for_client(answer: bytes) -> bytes:
    """Leave out of an answer to CAPA what can't work through a gateway; all else stays byte for byte."""
    kept = []
    for line in answer.splitlines(keepends=True):
        words = line.split()
        name = words[0].upper() if words else b""
        if name in _USELESS:
            continue
        if name == b"SASL":
            good = [word for word in words[1:] if not _is_bound(word.upper())]
            if not good:
                continue
            if len(good) < len(words) - 1:
                kept.append(b" ".join([words[0], *good]) + b"\r\n")
                continue
        kept.append(line)
    return b"".join(kept)


def _is_bound(mechanism: bytes) -> bool:
    return mechanism in _BOUND or mechanism.endswith(b"-PLUS")


_ERROR = re.compile(rb"(?i)error(?![^<]*>)")


def soften(line: bytes) -> bytes:
    """Say "fault" for "error" in a +OK line: Apple Mail 2 takes the word for a failure. As long as before.

    What stands in angle brackets stays: it may be APOP's timestamp.
    """
    return _ERROR.sub(b"fault", line) if line.startswith(b"+OK") else line


def sizes(listing: bytes | bytearray) -> list[int]:
    """Read an answer to LIST: sizes in octets by message number, 0 for a number that is not there.

    Raises ValueError for a listing that makes no sense.
    """
    found, gaps = [0], 0
    for line in bytes(listing).split(b"\r\n")[1:]:
        if line in (b".", b""):
            continue
        words = line.split()
        number, size = int(words[0]), int(words[1])
        if number < len(found) or size < 0:
            raise ValueError(line)
        gaps += number - len(found)
        if gaps > _GAPS:
            raise ValueError(line)
        found.extend([0] * (number - len(found)))
        found.append(size)
    return found


_GAPS = 10_000  # numbers missing in all; a listing that claims more would only cost memory
