"""Rooms of one kind, one per dialect, entered when they are wanted and no sooner: most gateways serve one dialect, and
each of the others would cost them half a megabyte (docs/benchmarks.md, "At rest"), and its part of every start.

Each import is written out where the rooms are: so mypy sees that a module is what it has to be, and import-linter who
knows whom.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

Room = TypeVar("Room")


class Rooms(Generic[Room]):
    """Rooms by the names of their dialects. `doors`: imports each."""

    def __init__(self, doors: Mapping[str, Callable[[], Room]]) -> None:
        self._doors = doors
        self._entered: dict[str, Room] = {}

    def __getitem__(self, dialect: str) -> Room:
        room = self._entered.get(dialect)
        if room is None:
            room = self._entered[dialect] = self._doors[dialect]()
        return room

    def __iter__(self) -> Iterator[str]:
        return iter(self._doors)
