"""A connection that stood ready may have died unnoticed, or die as its client comes: the server has not heard what the
client says, and on another connection that can be said once more. So it is kept until the server's first word.

A server that lets go who is idle may say so (`-ERR Autologout`), and that looks like an answer: a refusal as a first
word is held back for a moment, for the end that may follow.
"""

from __future__ import annotations

import math

from popover.protocols.pop3.leaving import Leaving
from popover.protocols.pop3.state import State
from popover.protocols.pop3.way import Way

KEPT = 4096
"""Octets of a client that are kept at most: two long commands (`commands.LINE_LIMIT`). A login has some 100."""

FAREWELL = 0.2
"""Seconds in which a server that says its farewell ends the connection, else it was an answer: two packets in a row,
and one retransmission."""


class Doubt:
    """That of one session. `is_over`: the server has left without an answer, and what was said can be said again."""

    def __init__(self, state: State, way: Way, leaving: Leaving, *, has_waited: bool) -> None:
        self.is_over = False
        self.due = math.inf
        self._state = state
        self._way = way
        self._leaving = leaving
        self._said = bytearray() if has_waited else None  # it may hold a password, and goes with the first word
        self._held = b""

    def client_said(self, data: bytes | bytearray | memoryview) -> None:
        """Keep what the client says."""
        if self._said is not None:
            self._said += data
            if len(self._said) > KEPT:
                self._said = None

    def server_said(self, data: bytes | bytearray | memoryview) -> bytes | bytearray | memoryview:
        """Give what is to be heard of what the server says."""
        if self._said and not self._held and bytes(data[:1]) == b"-":
            self._held, self.due = bytes(data), self._state.now + FAREWELL
            return b""
        return self.let_go() + bytes(data) if self._held else self._heard(data)

    def let_go(self) -> bytes:
        """Give what was held back: it is an answer, or nothing can be done about it."""
        held, self._held, self.due = self._held, b"", math.inf
        self._said = None
        return held

    def _heard(self, data: bytes | bytearray | memoryview) -> bytes | bytearray | memoryview:
        self._said = None
        return data

    def server_ended(self) -> bytes:
        """Give what is to be heard before the end."""
        self.is_over = bool(self.unheard)
        return b"" if self.is_over else self.let_go()

    @property
    def unheard(self) -> bytes:
        """All that the client has said, if none of it can have changed anything: the first of it was refused, or it was
        all about a login that nobody knows to have been heard.
        """
        state, way = self._state, self._way
        is_known = not (state.begins_tls or state.turns_plain) and state.failure is None
        may_change = way.changes or way.has_deletions or self._leaving.has_said
        return bytes(self._said or b"") if is_known and (self._held or not may_change) else b""
