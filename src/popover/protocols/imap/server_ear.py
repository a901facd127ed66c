"""The server's ear: finds the lines that matter in what a server says, wherever the octets are cut.

What does not matter is not looked at: a literal is counted, and lines that only tell of mail go by in one step of a
regular expression. So a fetched mail costs next to nothing, and it is known at any time where in an answer we are.
"""

from __future__ import annotations

import re
from typing import Protocol

from popover.protocols.imap.grammar import literal_of_server
from popover.talk import End

HOLD_LIMIT = 16 * 1024
"""Octets of a line that may matter and is held until it is whole: lists of capabilities reach 2 KiB. What goes on
longer is passed on as it comes."""

_TAIL = 32  # octets before a line end in which a literal is announced: `~{9223372036854775807}` and CRLF

# Whole lines of no concern: untagged, neither CAPABILITY nor a status, without a literal at their end. CONBP: with
# these letters CAPABILITY, OK, NO, BAD, BYE and PREAUTH begin. Not by possessive quantifiers, which would save a third:
# before Python 3.11.4 (Debian 12 has 3.11.2) they match what they must not.
_PASSING = re.compile(rb"(?:\* (?![CONBPconbp])[^\n]*\n(?<!\}\n)(?<!\}\r\n))*")
_LINE_END = re.compile(rb"\n")


class Judge(Protocol):
    """Who knows what a line means."""

    def judge(self, line: bytes) -> bytes:
        """Hear a whole line; give what the client gets for it."""

    def may_matter(self, begin: bytes) -> bool:
        """Whether a line that begins so is to be held until it is whole."""

    @property
    def is_deaf(self) -> bool:
        """From here on octets just pass."""


class ServerEar:
    """Hears one server. What the client gets stands in its outbox, and behind it what `hear` gives back."""

    def __init__(self, client: End, judge: Judge) -> None:
        self._client = client
        self._judge = judge
        self._held = bytearray()
        self._literal = 0
        self._is_inside = False  # in mid line
        self._tail = b""  # of that line

    @property
    def at_rest(self) -> bool:
        """All that the server has said are whole lines."""
        return not (self._held or self._literal or self._is_inside)

    def hear(self, view: memoryview) -> memoryview:
        """Hear more. Gives the rest of it that passes as it is, after what is in the client's outbox."""
        size = len(view)
        at = self._end_held(view) if self._held else 0
        since = at  # from here on nothing was taken out of `view` yet
        while at < size and not self._judge.is_deaf:
            if self._literal:
                step = min(self._literal, size - at)
                self._literal -= step
                at += step
            elif self._is_inside:
                at = self._go_on_inside(view, at)
            else:
                passing = _PASSING.match(view, at)
                at = passing.end() if passing is not None else at
                end = _LINE_END.search(view, at)
                if end is None:
                    return self._hold(view, since, at)
                line = bytes(view[at : end.end()])
                words = self._end_line(line)
                if words != line:
                    self._client.outbox += view[since:at]
                    self._client.outbox += words
                    since = end.end()
                at = end.end()
        return view[since:]

    def let_go(self) -> None:
        """The server says no more: give out what is held."""
        self._client.outbox += self._held
        self._held.clear()

    def _end_line(self, line: bytes) -> bytes:
        """A line is whole, or goes on with a literal. Give what the client gets for it."""
        self._announce(literal_of_server(line))
        return self._judge.judge(line)

    def _announce(self, literal: int | None) -> None:
        self._is_inside = literal is not None
        self._literal = literal or 0
        self._tail = b""

    def _go_on_inside(self, view: memoryview, at: int) -> int:
        """Pass the rest of a line by; give where it ends."""
        end = _LINE_END.search(view, at)
        stop = len(view) if end is None else end.end()
        tail = (self._tail + bytes(view[max(at, stop - _TAIL) : stop]))[-_TAIL:]
        if end is None:
            self._tail = tail
        else:
            self._announce(literal_of_server(tail))
        return stop

    def _hold(self, view: memoryview, since: int, at: int) -> memoryview:
        """The line that begins at `at` is not whole. Give what passes."""
        begin = bytes(view[at:])
        if begin and len(begin) <= HOLD_LIMIT and self._judge.may_matter(begin):
            self._held += begin
            return view[since:at]
        if begin:
            self._is_inside, self._tail = True, begin[-_TAIL:]
        return view[since:]

    def _end_held(self, view: memoryview) -> int:
        """Go on with a line that is held; give how much of `view` belongs to it."""
        end = _LINE_END.search(view)
        stop = len(view) if end is None else end.end()
        self._held += view[:stop]
        if end is not None:
            line = bytes(self._held)
            self._held.clear()
            self._client.outbox += self._end_line(line)
        elif len(self._held) > HOLD_LIMIT or not self._judge.may_matter(bytes(self._held)):
            self._is_inside, self._tail = True, bytes(self._held[-_TAIL:])
            self.let_go()
        return stop
