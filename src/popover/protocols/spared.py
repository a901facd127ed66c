"""What running ahead has spared one client of waiting, in round trips to its server: never more than is certain.

An answer counts that stood here, whole, when its client asked for it, and one of ours (USER, DELE, QUIT, LOGOUT) for
which nobody had to wait later. Not one that was on its way. What may have cost the client something is not weighed
against it: then nothing is told of the whole session.
"""

from __future__ import annotations


class Spared:
    """One talk's. `round_trips`: the count."""

    __slots__ = ("_goes_on", "round_trips")

    def __init__(self) -> None:
        self.round_trips = 0
        self._goes_on = True

    def one(self) -> None:
        """The client has not waited for the server, where it would have waited for an answer."""
        self.round_trips += self._goes_on

    def no_more(self) -> None:
        """The client does not wait for its answers: what it is spared from now on, nobody knows."""
        self._goes_on = False

    def none(self) -> None:
        """The client has to wait for something that it has not asked: what it has gained in all, nobody knows."""
        self._goes_on, self.round_trips = False, 0
