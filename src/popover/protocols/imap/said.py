"""A client's command as a whole, at the desk: literals are asked for, and stand in it as strings.

Only LOGIN needs them there (RFC 9051 section 9, `astring`). Any other command is answered before it could send one; a
literal that comes unasked (RFC 7888) goes by.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

from popover.protocols.guest import Guest
from popover.protocols.imap.grammar import LITERAL, Command, literal_of_client, parse
from popover.talk import Talk

LINE_LIMIT = 16 * 1024
"""Octets of a line, and of a command with its literals. RFC 2683 section 3.2.1.5 wants servers to take 8,000; an
AUTHENTICATE with a token has 4,000."""

LITERAL_LIMIT = 4096
"""Octets of a literal: what LITERAL- allows without asking (RFC 7888 section 5), twice the longest password."""

_STRING = re.compile(rb'"((?:[^"\\]|\\.)*)"|([^\s"][^\s]*)', re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_SPECIAL = re.compile(rb'(["\\])')


class Said(NamedTuple):
    """A command, and what stands behind its verb, with literals made strings, without blanks and line end around it."""

    command: Command
    argument: bytes

    def __repr__(self) -> str:  # it may hold a password
        return f"Said({self.command!r})"


def hear(guest: Guest, takes_literals: Collection[bytes]) -> Talk[Said | None]:
    """Hear one command to its end, or up to a literal that its verb is not to send: it gets its answer instead (RFC
    9051 section 4.3). None: it was too long, and has its answer. Raises what `Guest.line` raises.
    """
    line = yield from guest.line(LINE_LIMIT)
    command = parse(line)
    argument = line.split(None, 2)[2] if len(line.split(None, 2)) > 2 else b""  # noqa: PLR2004 - tag and verb
    is_wanted = command.is_sure and command.verb in takes_literals
    is_long = False
    while (literal := literal_of_client(line)) is not None:
        is_long |= literal.size > LITERAL_LIMIT or len(argument) > LINE_LIMIT
        if literal.waits:
            if is_long or not is_wanted:
                break
            guest.say(b"+ go on")
        elif literal.size > LINE_LIMIT:
            raise guest.too_long(LINE_LIMIT)
        octets = yield from guest.octets(literal.size)
        line = yield from guest.line(LINE_LIMIT)
        if is_wanted and not is_long:
            argument = LITERAL.sub(b"", argument) + quoted(octets) + line
    if is_long:
        guest.say((command.tag if command.is_sure else b"*") + b" BAD that is too long")
        return None
    return Said(command, argument.strip(b" \t\r\n"))


def strings(argument: bytes) -> list[bytes]:
    """Read what stands in an argument: atoms, and quoted strings (RFC 9051 section 4.3). Old clients say passwords as
    atoms that are none by the RFC: all that begins without a quote and has no blank in it counts.
    """
    found, at = [], 0
    while at < len(argument):
        one = _STRING.match(argument, at)
        if one is None:
            return []
        found.append(_ESCAPED.sub(rb"\1", one[1]) if one[1] is not None else one[2])
        at = one.end()
        if at < len(argument) and argument[at : at + 1] not in b" \t":
            return []
        while argument[at : at + 1] in (b" ", b"\t"):
            at += 1
    return found


def quoted(octets: bytes) -> bytes:
    """Write octets as a quoted string."""
    return b'"' + _SPECIAL.sub(rb"\\\1", octets) + b'"'
