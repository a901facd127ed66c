"""A table that stands in the configuration itself."""

from __future__ import annotations

import re
from collections.abc import Hashable

from popover.config.routes import Place, Static
from popover.routing.answers import Answer, Entry, Missing, Query


class StaticTable:
    """Names without a `*` are looked for first, then the others in their order."""

    is_quick = True

    def __init__(self, source: Static) -> None:
        self._exact = {name: place for name, place in source.routes if "*" not in name}
        self._patterns = [(name, _pattern(name), place) for name, place in source.routes if "*" in name]

    def depends_on(self, query: Query) -> Hashable:
        """Of the key alone."""
        return query.key

    async def find(self, query: Query) -> Answer:
        """Look in the file's own lines."""
        if place := self._exact.get(query.key):
            return _entry(query.key, place)
        for name, pattern, place in self._patterns:
            if pattern.fullmatch(query.key):
                return _entry(name, place)
        return Missing("routes")

    async def close(self) -> None:
        """There is nothing to let go of."""


def _entry(name: str, place: Place) -> Entry:
    return Entry(place.servers, place.user, where=f"routes: {name}")


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, name.split("*"))), re.DOTALL)
