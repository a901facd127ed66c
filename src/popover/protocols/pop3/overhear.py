"""What a trace may show of POP3: commands and status lines without secrets, and how long bodies were.

It hears what the client says and what it gets, and changes nothing (see protocols/overhear.py).
"""

from __future__ import annotations

import re
from collections import deque
from typing import NamedTuple

from popover.protocols.dialect import printable
from popover.protocols.overheard import SHOWN, Overheard
from popover.protocols.sasl import shown_mechanism
from popover.talk import take_line

LINE_LIMIT = 16 * 1024
"""Octets of one command or status line; with more, it is no POP3 we know, and sizes are all that is shown."""

_NUMBERS = frozenset((b"LIST", b"UIDL", b"RETR", b"TOP", b"DELE"))
_BARE = frozenset((b"CAPA", b"STAT", b"NOOP", b"RSET", b"QUIT", b"STLS", b"LAST", b"UTF8"))
_BODY = frozenset((b"CAPA", b"RETR", b"TOP"))
_BODY_WHEN_BARE = frozenset((b"LIST", b"UIDL", b"AUTH"))
_END = b"\r\n.\r\n"
_STATUS = re.compile(rb"(\+OK|-ERR)(?: (\[[A-Z/-]{1,20}\]))?")


class _Ask(NamedTuple):
    """One command that is not answered yet. `has_body`: a +OK has one. `quiet`: the words of the answer may repeat
    a secret (faults.md, 118), so only its status is shown.
    """

    verb: bytes = b""
    has_body: bool = False
    quiet: bool = True


class Pop3:
    """Commands and status lines of POP3 (RFC 1939, AUTH: RFC 5034)."""

    def __init__(self) -> None:
        self._owed: deque[_Ask] = deque()
        self._heard = Overheard("POP3")
        self._responses = 0  # lines said since AUTH, of which its challenges account for some
        self._challenges = 0
        self._body = -1  # octets of the body that comes; -1: none does
        self._greeted = False

    # -- the client ------------------------------------------------------------------------------

    def client_said(self, data: bytes) -> list[str]:
        """Show commands; of those with a secret only the verb."""
        if self._heard.is_lost:
            return [f"C: {len(data):,} octets"]
        self._heard.said += data
        lines = []
        while line := take_line(self._heard.said):
            lines.append(f"C: {self._command(line)}")
        if len(self._heard.said) > LINE_LIMIT:
            lines.append(self._heard.lose("C", len(self._heard.said)))
        return lines

    def _command(self, line: bytes) -> str:
        if self._owed and self._owed[-1].verb == b"AUTH":
            self._responses += 1
            return "*** (a response to AUTH)"
        words = line.split()
        verb = words[0].upper() if words else b""
        shown = _shown(verb, words)
        if shown is None:  # it may be anything, a password in the wrong place, too
            self._owed.append(_Ask())
            return f"({len(line):,} octets that are no command of POP3)"
        has_body = verb in _BODY or (verb in _BODY_WHEN_BARE and len(words) == 1)
        self._owed.append(_Ask(verb, has_body, verb == b"AUTH" or "***" in shown))
        if verb == b"AUTH":
            self._responses = self._challenges = 0
        return shown

    # -- the server ------------------------------------------------------------------------------

    def client_got(self, data: bytes) -> list[str]:
        """Show status lines, and how long bodies were."""
        if self._heard.is_lost:
            return [f"S: {len(data):,} octets"]
        self._heard.got += data
        lines: list[str] = []
        while self._heard.got and not self._heard.is_lost:
            if self._body >= 0:
                if not self._in_body(lines):
                    break
                continue
            line = take_line(self._heard.got)
            if not line:
                if len(self._heard.got) > LINE_LIMIT:
                    lines.append(self._heard.lose("S", len(self._heard.got)))
                break
            lines.append(f"S: {self._status(line)}")
        return lines

    def _in_body(self, lines: list[str]) -> bool:
        """Take what there is of a body; whether it is over."""
        at = self._heard.got.find(_END)
        if at < 0:
            keep = len(_END) - 1
            taken = max(len(self._heard.got) - keep, 0)
            self._body += taken
            del self._heard.got[:taken]
            return False
        self._body += at
        del self._heard.got[: at + len(_END)]
        lines.append(f"S: ... {self._body:,} octets")  # its last CRLF counts instead of the first
        self._body = -1
        return True

    def _status(self, line: bytes) -> str:
        if not self._greeted:
            self._greeted = True
            return printable(line, SHOWN)
        ask = self._owed[0] if self._owed else _Ask()
        if ask.verb == b"AUTH" and line.startswith(b"+ "):
            self._challenges += 1
            return "+ *** (a challenge)"
        found = _STATUS.match(line)
        if found is None:
            return self._heard.lose("S", len(line))[3:]
        if self._owed:
            self._owed.popleft()
        if ask.verb == b"AUTH":  # lines beyond those that its challenges asked for were commands, whatever they said
            self._owed.extend([_Ask()] * max(self._responses - self._challenges, 0))
        if found[1] == b"+OK" and ask.has_body:
            self._body = 0
            self._heard.got[:0] = b"\r\n"  # so that the dot that ends an empty body is found, too
        if ask.quiet:
            return b" ".join(word for word in found.groups() if word).decode()
        return printable(line, SHOWN)


def _shown(verb: bytes, words: list[bytes]) -> str | None:
    """What may be shown of a command; None: nothing."""
    name, arguments = verb.decode("latin-1"), words[1:]
    if verb in _BARE or verb in _NUMBERS:
        plain = not arguments or (verb in _NUMBERS and all(word.isdigit() for word in arguments))
        return " ".join([name, *(word.decode() for word in arguments)]) if plain else f"{name} ***"
    if verb == b"USER":
        return f"USER {printable(arguments[0], SHOWN)}" if len(arguments) == 1 else "USER ***"
    if verb == b"AUTH":
        shown = [shown_mechanism(mechanism) for mechanism in arguments[:1]]
        return " ".join([name, *shown, *["***"] * (len(arguments) > 1)])
    return f"{name} ***" if verb in (b"PASS", b"APOP") else None
