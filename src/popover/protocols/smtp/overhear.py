"""What a trace may show of SMTP: commands and replies without secrets, and how long bodies were.

It only listens, with a queue of its own: nothing of what is done elsewhere depends on it, nor it on that. What it does
not know for sure to be harmless is shown by its size alone.
"""

from __future__ import annotations

import re
from collections import deque
from typing import NamedTuple

from popover.protocols.dialect import printable
from popover.protocols.overheard import SHOWN, Overheard
from popover.protocols.sasl import shown_mechanism
from popover.protocols.smtp.body import Body, Chunk, Dots
from popover.protocols.smtp.commands import KNOWN, LINE_LIMIT, Command, parse
from popover.talk import take_line

_OPEN = {
    b"EHLO": re.compile(rb"\S+"),
    b"HELO": re.compile(rb"\S+"),
    b"MAIL": re.compile(rb"(?i)FROM:\s*<.*"),
    b"RCPT": re.compile(rb"(?i)TO:\s*<.*"),
    b"BDAT": re.compile(rb"(?i)[0-9]+( LAST)?"),
}
"""Arguments that are shown where they look as they should."""


class _Ask(NamedTuple):
    """One thing that is not answered yet. `quiet`: the words of the answer may repeat a secret, and only its code is
    shown.
    """

    verb: bytes = b""
    quiet: bool = True


class Smtp:
    """Listens to one session, on its client's side. See `overhear.Overhearer`."""

    def __init__(self) -> None:
        self._heard = Overheard("SMTP")
        self._owed = deque([_Ask(quiet=False)])  # the greeting
        self._body: Body | None = None
        self._octets = 0
        self._waits = self._is_challenged = False

    # -- the client ------------------------------------------------------------------------------

    def client_said(self, data: bytes) -> list[str]:
        """Show commands; of those with a secret only the verb."""
        if self._heard.is_lost:
            return [f"C: {len(data):,} octets"]
        self._heard.said += data
        return self._hear()

    def _hear(self) -> list[str]:
        """Hear what waits, as far as it is known what it is."""
        lines: list[str] = []
        while self._heard.said and not self._heard.is_lost and not self._waits:
            if self._body is not None:
                lines += self._hear_body(self._body)
                continue
            line = take_line(self._heard.said)
            if not line:
                break
            lines.append(f"C: {self._command(line)}")
        if len(self._heard.said) > LINE_LIMIT * 4:
            lines.append(self._heard.lose("C", len(self._heard.said)))
        return lines

    def _hear_body(self, body: Body) -> list[str]:
        piece = bytes(self._heard.said)
        fed = body.feed(memoryview(piece))
        self._octets += fed.taken
        del self._heard.said[: fed.taken]
        if not fed.is_over:
            return []
        if not isinstance(body, Chunk):
            self._owed.append(_Ask(b".", quiet=False))
        self._body, octets, self._octets = None, self._octets, 0
        return [f"C: ... {octets:,} octets"]

    def _command(self, line: bytes) -> str:
        if self._is_challenged:
            self._is_challenged, self._waits = False, True
            return "*** (a response to AUTH)"
        command = parse(line)
        verb = command.verb
        self._waits = verb in (b"AUTH", b"DATA")
        if command.chunk:
            self._body = Chunk(command.chunk)
        if verb not in KNOWN:  # it may be anything, a password in the wrong place, too
            self._owed.append(_Ask())
            return f"({len(line):,} octets that are no command of SMTP)"
        shown = _shown(command)
        self._owed.append(_Ask(verb, verb == b"AUTH" or "***" in shown))
        return shown

    # -- the server ------------------------------------------------------------------------------

    def client_got(self, data: bytes) -> list[str]:
        """Show replies."""
        if self._heard.is_lost:
            return [f"S: {len(data):,} octets"]
        self._heard.got += data
        lines: list[str] = []
        while not self._heard.is_lost and (line := take_line(self._heard.got)):
            lines.append(f"S: {self._reply(line)}")
            lines += self._hear()  # what waited for it
        if len(self._heard.got) > LINE_LIMIT:
            lines.append(self._heard.lose("S", len(self._heard.got)))
        return lines

    def _reply(self, line: bytes) -> str:
        if not line[:3].isdigit():
            return self._heard.lose("S", len(line))[3:]
        ask = self._owed[0] if self._owed else _Ask()
        if line[3:4] != b"-":
            self._over(ask.verb, line[:1])
        if ask.verb == b"AUTH" and line[:1] == b"3":
            return "334 *** (a challenge)"
        return line[:3].decode() if ask.quiet else printable(line, SHOWN)

    def _over(self, verb: bytes, kind: bytes) -> None:
        """A reply is whole."""
        if verb == b"AUTH" and kind == b"3":
            self._is_challenged, self._waits = True, False
            return
        if self._owed:
            self._owed.popleft()
        if verb in (b"AUTH", b"DATA"):
            self._is_challenged = self._waits = False
        if verb == b"DATA" and kind == b"3":
            self._body = Dots()


def _shown(command: Command) -> str:
    """What may be shown of a command."""
    verb, name, argument = command.verb, command.verb.decode(), command.argument
    if verb == b"AUTH":
        mechanism, _, response = argument.partition(b" ")
        return " ".join([name, *[shown_mechanism(mechanism)] * bool(argument), *["***"] * bool(response)])
    if not argument:
        return name
    is_good = verb in _OPEN and _OPEN[verb].fullmatch(argument)
    return f"{name} {printable(argument, SHOWN)}" if is_good else f"{name} ***"
