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
"""Octets of a client that are kept at most. A login has some 100, and with a token some 2,000."""

FAREWELL = 0.2
"""Seconds in which a server that says its farewell ends the connection, else it was an answer: two packets in a row,
and one retransmission."""

YOUNG = 1.0
"""Seconds in which a client that has said nothing yet is not what its server waited for."""


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
        self._since = 0.0

    def client_said(self, data: bytes | bytearray | memoryview) -> None:
        """Keep what the client says."""
        if self._said is not None:
            self._said += data
            if len(self._said) > KEPT:
                self._said = None

    def begin(self) -> None:
        """The client has come."""
        self._since = self._state.now

    def server_said(self, data: bytes | bytearray | memoryview) -> bytes | bytearray | memoryview:
        """Give what is to be heard of what the server says."""
        if self._said is None and not self._held:
            return data
        self._held += bytes(data)
        if self._said is None or self._held[:1] != b"-" or b"\n" in self._held[:-1]:
            return self.let_go()
        self.due = min(self.due, self._state.now + FAREWELL)  # from its first octet on
        return b""

    def let_go(self) -> bytes:
        """Give what was held back: it is an answer, or nothing can be done about it."""
        held, self._held, self.due = self._held, b"", math.inf
        self._said = None
        return held

    def server_ended(self) -> bytes:
        """Give what is to be heard before the end."""
        self.is_over = self.unheard is not None
        return b"" if self.is_over else self.let_go()

    @property
    def unheard(self) -> bytes | None:
        """All that the client has said, if none of it can have changed anything: the first of it was refused, or it was
        all about a login that nobody knows to have been heard. None: it is not to be said again.
        """
        state, way = self._state, self._way
        if self._said is None or state.begins_tls or state.turns_plain or state.failure is not None:
            return None
        if not self._said and state.now - self._since > YOUNG:
            return None  # it was this client that waited for too long
        may_change = way.changes or way.has_deletions or self._leaving.has_said
        return bytes(self._said) if self._held or not may_change else None
