"""How long servers take to refuse a password: an unknown name is refused as late, for time tells who exists. Dry."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

KEPT = 50
"""Refusals that are remembered: a server that gets slower is followed within so many."""

LONGEST = 30.0
"""Seconds: what took longer had another reason, and a client's login_timeout is a minute."""


class Refusals:
    """Those of one table's servers. `choose`: picks one at random: so the times of unknown names are spread as the
    others are, with and without a connection that stood ready.
    """

    def __init__(self, choose: Callable[[Sequence[float]], float]) -> None:
        self._choose = choose
        self._last: deque[float] = deque(maxlen=KEPT)

    def note(self, seconds: float) -> None:
        """A server has refused a login, so long after it was said."""
        if seconds <= LONGEST:
            self._last.append(seconds)

    def seconds(self, usual: float) -> float:
        """Say how long an unknown name is to wait; `usual`: while no server has refused anybody."""
        return self._choose(self._last) if self._last else usual
