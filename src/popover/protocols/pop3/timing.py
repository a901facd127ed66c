"""What is done when nobody has said anything for a while, and when that is."""

from __future__ import annotations

import math

from popover.protocols.pop3.keep_alive import KeepAlive
from popover.protocols.pop3.leaving import Leaving
from popover.protocols.pop3.login import Login
from popover.protocols.pop3.mending import Mending
from popover.protocols.pop3.state import State
from popover.protocols.pop3.way import Way


class Timing:
    """That of one session. It asks each part that waits for something."""

    def __init__(
        self, state: State, way: Way, login: Login, leaving: Leaving, mending: Mending, awake: KeepAlive
    ) -> None:
        self._state = state
        self._way = way
        self._login = login
        self._leaving = leaving
        self._mending = mending
        self._awake = awake

    @property
    def due(self) -> float:
        """When something is to be done by itself."""
        way, login = self._way, self._login
        if self._state.is_plain:
            return math.inf
        due = self._mending.due
        if login.wait_until > 0:
            due = min(due, login.wait_until)
        if way.unsent and way.unsent[0] is way.user_ask and way.hold_user_until > self._state.now:
            due = min(due, way.hold_user_until)
        return min(due, self._leaving.due, self._awake.due)

    def on_time(self) -> None:
        """Do what is due."""
        now = self._state.now
        if 0 < self._login.wait_until <= now:
            self._login.go_on_anyway()
        if now >= self._mending.due:
            self._mending.on_time()
        if now >= self._leaving.due:
            self._leaving.on_time()
        if now >= self._awake.due:
            self._awake.on_time()
