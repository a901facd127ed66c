"""What `--trace` shows of IMAP: commands by their verbs, answers by their status, of all else the size.

It hears what the client says and what it gets, and changes nothing (see protocols/overhear.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from popover.protocols.dialect import printable
from popover.protocols.imap.grammar import Command, literal_of_client, literal_of_server, name_of, parse
from popover.protocols.overheard import SHOWN, sizes
from popover.protocols.sasl import shown_mechanism
from popover.talk import take_line

LINE_LIMIT = 64 * 1024
"""Octets of one line; with more, sizes are all that is shown. As `grammar.LINE_LIMIT`."""

OWED_LIMIT = 10_000
"""Commands without an answer that are remembered, of a server that answers nothing."""

_SECRET = (b"LOGIN", b"AUTHENTICATE")
_STATUS = re.compile(rb"([^ \r\n]+) (OK|NO|BAD|BYE|PREAUTH)(?: \[([A-Z-]{1,20}))?(?=[ \]\r\n])", re.IGNORECASE)
_NUMBERED = re.compile(rb"\* \d+ (?:EXISTS|RECENT|EXPUNGE)\r?\n\Z", re.IGNORECASE)
_NUMBERS = re.compile(rb"[0-9:,*]+\Z")
_UNTAGGED = re.compile(rb"\* (?:\d+ )?[A-Z]{1,20}(?=[ \r\n])", re.IGNORECASE)


class Octets(NamedTuple):
    """A literal went by, or as much of one as came before something else did."""

    size: int


class _Ask(NamedTuple):
    """A command that is not answered yet. `is_quiet`: the words of an answer may repeat what is not shown of it
    (faults.md, 118).
    """

    verb: bytes
    is_quiet: bool


class Lines:
    """Takes one side's octets apart: whole lines, and the sizes of literals. `size_of`: a literal at a line's end."""

    def __init__(self, size_of: Callable[[bytes], int | None]) -> None:
        self.is_lost = False
        self.is_rest = False  # the next line goes on behind a literal
        self.left = 0
        self._size = 0
        self._size_of = size_of
        self._held = bytearray()

    def hear(self, data: bytes) -> Iterator[bytes | Octets]:
        """Give what is whole."""
        self._held += data
        while self._held:
            if self.left:
                step = min(self.left, len(self._held))
                del self._held[:step]
                self.left -= step
                if not self.left:
                    yield Octets(self._size)
                continue
            line = take_line(self._held)
            if not line:
                self.is_lost = len(self._held) > LINE_LIMIT
                return
            size = self._size_of(line)
            yield line
            self.is_rest = size is not None
            self.left = self._size = size or 0

    def refuse(self) -> None:
        """The literal that was announced does not come."""
        if self.left == self._size:
            self.left, self.is_rest = 0, False


class Imap:
    """Commands and status lines of IMAP (RFC 9051)."""

    def __init__(self) -> None:
        self._said = Lines(_size_of_clients)
        self._got = Lines(literal_of_server)
        self._owed: dict[bytes, _Ask] = {}  # by tag
        self._is_strange = False  # something was said that may be a secret in the wrong place
        self._last = Command(b"", b"", b"", is_sure=False)
        self._is_exchange = False
        self._challenges = 0  # that were not answered yet
        self._is_greeted = self._is_lost = False

    # -- the client ------------------------------------------------------------------------------

    def client_said(self, data: bytes) -> list[str]:
        """Show commands; of those with a secret only the verb and the name."""
        if self._is_lost:
            return [f"C: {len(data):,} octets"]
        lines = []
        for part in self._said.hear(data):
            if isinstance(part, Octets):
                lines.append(f"C: ... {part.size:,} octets")
            else:
                lines.append(f"C: {self._command(part)}")
        return lines + self._lose(self._said, "C", data)

    def _command(self, line: bytes) -> str:
        if self._is_exchange:
            self._is_strange |= not self._challenges
            self._challenges = max(self._challenges - 1, 0)
            return "*** (a response to AUTHENTICATE)"
        if self._said.is_rest:
            return f"... {len(line):,} octets, the rest of a command"
        if line.strip().upper() == b"DONE":
            return "DONE"
        command = self._last = parse(line)
        if not command.is_known:  # it may be anything, a password in the wrong place, too
            self._is_strange = True
            return f"({len(line):,} octets that are no command of IMAP)"
        shown, literal = _arguments(command), literal_of_client(line)
        if command.verb in _SECRET and literal is not None and not literal.waits:
            self._is_strange = True  # a server that knows no literals takes what follows for commands
        if len(self._owed) < OWED_LIMIT:
            self._owed[command.tag] = _Ask(command.verb, "***" in shown or command.verb in _SECRET)
        self._is_exchange = command.verb == b"AUTHENTICATE"
        self._challenges = 0
        return f"{printable(command.tag)} {command.verb.decode()}{shown}"

    # -- the server ------------------------------------------------------------------------------

    def client_got(self, data: bytes) -> list[str]:
        """Show status lines, and how long all else was."""
        if self._is_lost:
            return [f"S: {len(data):,} octets"]
        lines = []
        for part in self._got.hear(data):
            if isinstance(part, Octets):
                lines.append(f"S: ... {part.size:,} octets")
            elif self._got.is_rest:
                lines.append(f"S: ... {len(part):,} octets")
            else:
                lines.append(f"S: {self._answer(part)}")
        return lines + self._lose(self._got, "S", data)

    def _answer(self, line: bytes) -> str:
        word = line.split(b" ", 1)[0].strip()
        if not self._is_greeted:
            self._is_greeted = True
            return printable(line, SHOWN)
        if word == b"+":
            self._challenges += self._is_exchange
            return "+ *** (a challenge)" if self._is_exchange else "+"
        status = _STATUS.match(line)
        if word == self._last.tag and status is not None:
            self._is_exchange = False
            self._said.refuse()
            self._is_strange |= self._said.is_rest  # the rest of it may be taken for something else
        if word != b"*":
            return self._tagged(word, line, status)
        is_quiet = self._is_strange or any(ask.is_quiet for ask in self._owed.values())
        if status is not None:
            return _words(line, status, is_quiet=is_quiet)
        if _NUMBERED.match(line) or (not is_quiet and line[:13].upper() == b"* CAPABILITY "):
            return printable(line, SHOWN)
        kind = _UNTAGGED.match(line)
        return f"{kind[0].decode() if kind else '*'} ({len(line):,} octets)"

    def _tagged(self, tag: bytes, line: bytes, status: re.Match[bytes] | None) -> str:
        ask = self._owed.pop(tag, None)
        if ask is None or status is None:  # its tag may be a secret that was said in the place of a command
            return f"({len(line):,} octets that answer no command)"
        self._is_lost |= ask.verb == b"COMPRESS" and status[2].upper() == b"OK"
        return _words(line, status, is_quiet=ask.is_quiet)

    def _lose(self, lines: Lines, side: str, data: bytes) -> list[str]:
        """It is no IMAP that we understand: from now on sizes."""
        if not lines.is_lost:
            return []
        self._is_lost = True
        return [sizes(side, len(data), "IMAP")]


def _size_of_clients(line: bytes) -> int | None:
    literal = literal_of_client(line)
    return None if literal is None else literal.size


def _words(line: bytes, status: re.Match[bytes], *, is_quiet: bool) -> str:
    """What may be shown of a status line."""
    if not is_quiet:
        return printable(line, SHOWN)
    code = f" [{status[3].decode()}]" if status[3] else ""
    return f"{printable(status[1])} {status[2].decode()}{code}"


def _arguments(command: Command) -> str:
    """What may be shown of a command's arguments."""
    words = command.argument.split(b" ")
    if not command.argument:
        return ""
    shown: list[str] = []
    if command.verb == b"LOGIN":
        shown = [printable(name_of(command.argument)) or "***"]
    elif command.verb == b"AUTHENTICATE":
        shown = [shown_mechanism(words[0])]
        return " ".join(["", *shown, *["***"] * (len(words) > 1)])
    elif command.verb == b"UID" and parse(b"a " + words[0]).is_known:
        shown = [words.pop(0).decode().upper()]
    if command.verb != b"LOGIN" and words and _NUMBERS.match(words[0]):
        shown.append(words.pop(0).decode())
        if not words:
            return " ".join(["", *shown])
    return " ".join(["", *shown, "***"])
