"""What ManageSieve looks like (RFC 5804 section 4): lines, whose strings stand in quotes or, counted, behind them."""

from __future__ import annotations

import re

LIMIT = 64 * 1024
"""Octets of what is said before a login, in one go. A response of SASL may have 12,288 (RFC 4954 section 4),
capabilities have 1 to 2 KiB."""

QUOTED_LIMIT = 1024
"""Octets of a string in quotes; longer ones are literals."""

LITERAL = re.compile(rb"\{([0-9]{1,10})(\+?)\}\r?\n\Z")
HARMLESS = re.compile(rb"[ \t]*(?i:CAPABILITY|NOOP|LOGOUT)(?:[ \t][ -z|~]*)?\r?\n")
"""A command that holds no login, whatever a server takes for a line end, a string or a literal."""

_STATUS = re.compile(rb"(OK|NO|BYE)(?=[ \r\n])", re.IGNORECASE)
_BLANKS = re.compile(rb"[ \t\r\n]*")
_TOKEN = re.compile(rb'"((?:[^"\\\r\n]|\\.)*)"|\{([0-9]{1,10})\+?\}\r?\n|([^ \t\r\n"]+)')


def take(inbox: bytearray) -> bytes | None:
    """Take the first command or answer off what has come, literals and line end included; None: it is not whole."""
    end = 0
    while cut := inbox.find(b"\n", end) + 1:
        literal = LITERAL.search(inbox, end, cut)
        if literal is None:
            whole = bytes(inbox[:cut])
            del inbox[:cut]
            return whole
        end = cut + int(literal[1])
        if end > len(inbox):
            return None
    return None


def tokens(line: bytes) -> list[bytes]:
    """Give the words and strings of a whole command or answer, strings without what encloses them; those before a
    string that has no end.
    """
    found, at = [], 0
    while match := _TOKEN.match(line, _end_of_blanks(line, at)):
        at = match.end()
        if match[2] is not None:
            size = int(match[2])
            found.append(line[at : at + size])
            at += size
        else:
            found.append(match[3] if match[1] is None else re.sub(rb"\\(.)", rb"\1", match[1]))
    return found


def _end_of_blanks(line: bytes, at: int) -> int:
    blanks = _BLANKS.match(line, at)
    return at if blanks is None else blanks.end()


def status(line: bytes) -> bytes:
    """Give OK, NO or BYE in upper case, of an answer that is one; else nothing."""
    match = _STATUS.match(line)
    return match[1].upper() if match else b""


def string(octets: bytes) -> bytes:
    """Write a string: in quotes, or counted (non-synchronising) where it would not fit there."""
    if len(octets) > QUOTED_LIMIT or not octets.isascii() or any(octet < 32 for octet in octets):  # noqa: PLR2004 - a blank
        return b"{%d+}\r\n%s" % (len(octets), octets)
    return b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
