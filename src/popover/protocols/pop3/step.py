"""In step again: where an answer is another's, all is thrown away up to one that can only be to what is asked now.

That is one to CAPA, after a moment of silence. Nothing that a server says of itself looks like it. If other answers to
CAPA may be yet to come, or it is refused, a STAT behind them tells which was the last.
"""

from __future__ import annotations

import math
import re

from popover.protocols.pop3.answers import is_stat
from popover.protocols.pop3.ask import Ask
from popover.protocols.pop3.state import State
from popover.protocols.pop3.way import CAPA, STAT
from popover.talk import End

HUSH = 0.2
"""Seconds of silence after which a server has said all that it had to say: TCP retransmits after 0.2 s at the least."""

ANSWER = 10.0
"""Seconds for the answer to CAPA, which needs no mailbox."""

HEARD_LIMIT = 64 * 1024
"""Octets that are looked at for answers to CAPA, the last ones; the longest on record is 0.4 KiB."""

_CAPABILITIES = re.compile(rb"\+OK[^\r\n]*\r\n(?:[A-Za-z][^\r\n]*\r\n)+\.\r\n")


class Step:
    """That of one session. `due`: when `on_time` is to be called. `has_failed`: the server does not answer."""

    def __init__(self, state: State, server: End) -> None:
        self.due = math.inf
        self.has_failed = False
        self._state = state
        self._server = server
        self._heard = bytearray()
        self._until = 0.0
        self._lists = self._stats = 0  # answers to CAPA and STAT that are yet to come, unless they are lost
        self._may_be_in_step = self._is_asked = self._is_last_asked = False

    def begin(self, line: bytes, lost: list[Ask], *, is_asked: bool) -> None:
        """Nobody knows whose answers come. `line`: the status line that could not be right; `lost`: what was asked;
        `is_asked`: the last of that is a CAPA, after a silence.
        """
        now = self._state.now
        self._heard = bytearray(line)
        self._lists = sum(one.verb == b"CAPA" for one in lost)
        self._stats = sum(one.verb == b"STAT" for one in lost)
        self._may_be_in_step, self._is_asked, self._is_last_asked = is_asked, False, False
        self._until = now + ANSWER
        self.due = now + HUSH

    def hear(self, view: memoryview) -> bool:
        """Hear what nobody knows whose it is. Whether we are in step again."""
        self._heard += view
        del self._heard[:-HEARD_LIMIT]
        if not self._is_asked:
            self.due = min(self._state.now + HUSH, self._until)
        if not self._may_be_in_step:
            return False
        if self._is_last_asked:
            return self._hear_last()
        found = list(_CAPABILITIES.finditer(self._heard))
        is_whole = bool(found) and found[-1].end() == len(self._heard)
        if is_whole and len(found) >= self._lists:
            return True
        if (is_whole or self._ends_with_refusal) and self._state.logged_in and self._is_asked:
            self._is_last_asked = True
            self._server.outbox += STAT.line
        return False

    def _hear_last(self) -> bool:
        if not self._ends_with_status:
            return False
        if self._ends_with_stat and sum(is_stat(line) for line in bytes(self._heard).splitlines()) > self._stats:
            return True
        self.due = self._state.now + self._state.manners.patience  # it may be an answer that is late
        return False

    @property
    def _ends_with_refusal(self) -> bool:
        """Some know CAPA before the login alone."""
        return self._ends_with_status and bytes(self._heard).splitlines()[-1].startswith(b"-")

    @property
    def _ends_with_stat(self) -> bool:
        return is_stat(bytes(self._heard).splitlines()[-1])

    @property
    def _ends_with_status(self) -> bool:
        """Some say `+ count octets`, or refuse: with silence behind it that is an answer, too."""
        return self._heard.endswith(b"\n") and bytes(self._heard).splitlines()[-1].startswith((b"+", b"-"))

    def on_time(self) -> bool:
        """Silence has lasted long enough, or too long. Whether we are in step again."""
        if not self._is_asked:
            self._is_asked = self._may_be_in_step = True
            self._lists += 1
            self._server.outbox += CAPA.line
            self.due = self._state.now + ANSWER
            return False
        self.has_failed = not (self._is_last_asked and self._ends_with_status)
        return not self.has_failed
