"""Which servers could not be reached of late, and in what order those of a list are tried."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from popover.config import Server

KNOWN_LIMIT = 1000
"""Servers that are resting at once; a table that names more dead ones is of no use anyway."""


class Rested:
    """One for all tables of a gateway: a server is dead for whoever is led there."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: dict[Server, float] = {}
        self._turn: dict[tuple[Server, ...], int] = {}

    def failed(self, server: Server, rest_for: float) -> None:
        """It could not be reached: for so many seconds it is tried last."""
        self._until.pop(server, None)
        self._until[server] = self._clock() + rest_for
        if len(self._until) > KNOWN_LIMIT:
            del self._until[next(iter(self._until))]

    def answered(self, server: Server) -> None:
        """It has greeted."""
        self._until.pop(server, None)

    def is_resting(self, server: Server) -> bool:
        """Whether others are to be tried first. One whose time is over is tried again in its place."""
        return self._until.get(server, float("-inf")) > self._clock()

    def in_order(self, servers: Sequence[Server], *, in_turn: bool = False) -> tuple[Server, ...]:
        """The order to try them in: as listed, or each first in its turn; those that rest come last, and are not left
        out: if all are dead, one of them may have come back.
        """
        listed = tuple(servers)
        if in_turn and len(listed) > 1:
            first = self._turn.get(listed, 0) % len(listed)
            self._remember_turn(listed, first + 1)
            listed = listed[first:] + listed[:first]
        return tuple(sorted(listed, key=self.is_resting))

    def _remember_turn(self, listed: tuple[Server, ...], turn: int) -> None:
        self._turn.pop(listed, None)
        self._turn[listed] = turn
        if len(self._turn) > KNOWN_LIMIT:
            del self._turn[next(iter(self._turn))]
