"""A server is kept awake for a client that reads its mail, or thinks, and will go on."""

from __future__ import annotations

import math

from popover.config import Ahead as Wanted
from popover.protocols.pop3.leaving import Leaving
from popover.protocols.pop3.state import State
from popover.protocols.pop3.way import NOOP, Way

KEEP_ALIVE_FOR = 600.0
"""Seconds after a client's last word for which its server is kept awake: RFC 1939 section 3 wants no server to
log anybody out earlier, so it is what a client may count on; a client that died must not keep its mailbox locked."""


class KeepAlive:
    """That of one session."""

    def __init__(self, wanted: Wanted, state: State, way: Way, leaving: Leaving) -> None:
        self._pause = wanted.keep_alive
        self._state = state
        self._way = way
        self._leaving = leaving

    @property
    def due(self) -> float:
        """When the server is to hear a NOOP."""
        state = self._state
        if not self._pause or not state.logged_in or self._leaving.has_said or state.has_client_ended:
            return math.inf
        if state.unasked_at or state.manners.adds_lines:
            return math.inf
        at = state.server_spoke + self._pause
        return at if at - state.client_spoke <= KEEP_ALIVE_FOR and self._way.is_empty else math.inf

    def on_time(self) -> None:
        """Say it."""
        self._state.server_spoke = self._state.now
        self._way.tell(NOOP)
