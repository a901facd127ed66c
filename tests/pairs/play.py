"""Plays: a pair's sessions through the tunnel and through popover, and what was different."""

import asyncio
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pairs.clients import CLIENTS, hurried
from pairs.compare import Difference, differences
from pairs.excuses import Played
from pairs.servers import SERVERS
from pairs.servers.base import Pop3
from pairs.stage import Stage, Way
from pairs.talk import LONGER, converse
from parts.certificates import Authority

# One after the other, so that popover has learned, and has a spare: the first without one, then with, then in a row.
SESSIONS = {"on": 4, "off": 2}
FEW = 3

# Sessions at the same time: most of them wait.
AT_ONCE = 300

# Seconds in which a server's side of a session has ended, when its client has; so much is waited for at most.
SETTLING = 1.5
SETTLING_LONGER = 3.5

_PAUSE = 0.15  # between two sessions: a spare may be there


class Pair(NamedTuple):
    """Who plays with whom, and what popover does meanwhile."""

    server: str
    client: str
    features: str = "on"

    def __str__(self) -> str:
        return f"{self.server}/{self.client}/{self.features}"


def meet(server: str, client: str) -> bool:
    """Whether these two can be compared: not where the tunnel itself would give another answer each time."""
    return not (SERVERS[server].alone and CLIENTS[client].__module__ == hurried.__name__)


class Plays:
    """Plays pairs, many at once; `found` holds what was different, by pair."""

    def __init__(self, stage: Stage) -> None:
        self.found: dict[Pair, list[Difference]] = {}
        self.sessions = 0
        self._stage = stage
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._direct: dict[tuple[str, str], asyncio.Task[list[Played]]] = {}

    async def play(self, pairs: Iterable[Pair]) -> None:
        """Play all of them."""
        wanted = list(pairs)
        ways = await self._stage.through_popover([(SERVERS[pair.server](), pair.features) for pair in wanted])
        await asyncio.gather(*[self._one(pair, way) for pair, way in zip(wanted, ways, strict=True)])

    async def _one(self, pair: Pair, way: Way[Pop3]) -> None:
        key = (pair.server, pair.client)
        if key not in self._direct:
            self._direct[key] = asyncio.ensure_future(self._through_tunnel(pair))
        direct = await self._direct[key]
        kind = SERVERS[pair.server]
        found = [] if kind.changes else _named("the tunnel itself", differences(direct[0], direct[1], kind, "off"))
        for number in range(0 if found else SESSIONS.get(pair.features, FEW)):
            reference = direct[number if kind.changes else 0]
            played = await self._session(way, pair.client, number, LONGER)
            found = differences(reference, played, kind, pair.features)
            if found and reference.record.end == "gave up":
                reference = await self._session(self._stage.through_tunnel(kind()), pair.client, number, LONGER)
                found = differences(reference, played, kind, pair.features)
            if found:
                found = _named(f"session {number + 1}", found)
                break
            if number % 2 == 0:
                await asyncio.sleep(_PAUSE)
        self.found[pair] = found

    async def _through_tunnel(self, pair: Pair) -> list[Played]:
        kind = SERVERS[pair.server]
        way = self._stage.through_tunnel(kind())
        count = max(SESSIONS.values()) if kind.changes else 2
        return [await self._session(way, pair.client, number, 0) for number in range(count)]

    async def _session(self, way: Way[Pop3], client: str, number: int, longer: float) -> Played:
        async with self._gate:
            way.server.begin(number)
            record = await converse(CLIENTS[client], way.port, way.server.patience, self._stage.meter, longer)
            self.sessions += 1
            return Played(record, await way.server.state(SETTLING_LONGER if longer else SETTLING))


def _named(where: str, found: list[Difference]) -> list[Difference]:
    return [Difference(f"{where}: {item.words}", item.timing) for item in found]


async def play(pairs: Iterable[Pair], authority: Authority) -> Plays:
    """Play these pairs on a stage of their own; those that were late are played again, alone."""
    with tempfile.TemporaryDirectory() as directory:
        async with Stage(authority, Path(directory)) as stage:
            plays = Plays(stage)
            await plays.play(pairs)
            for pair, found in list(plays.found.items()):
                if found and all(item.timing for item in found):
                    again = Plays(stage)
                    await again.play([pair])
                    plays.found |= again.found
            return plays
