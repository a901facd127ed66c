"""Differential fuzzing: servers, clients and cuts by chance, through the tunnel and through popover.

python -m pairs.fuzz --minutes 60 --workers 2       every difference is printed with its seed
python -m pairs.fuzz --seed 1234                     that case alone, made as small as it still differs
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pairs import chance, scripts
from pairs.chance import Case
from pairs.compare import Difference, differences
from pairs.excuses import Played
from pairs.play import SETTLING, SETTLING_LONGER
from pairs.servers.base import Pop3
from pairs.stage import Stage, Way
from pairs.talk import LONGER, Meter, converse
from parts.certificates import Authority

ROUND = 160  # cases of one popover
AGAIN = 2  # times that a case that differs is played again, alone: a busy machine differs once
REFERENCES = 4  # sessions through the tunnel, of which popover's must be like one
AT_ONCE = 24  # cases that play at the same time: with more, each is late by what the others take
SHRINKING = 60  # attempts
APART = 10_000_000  # seeds between two workers


@dataclass
class Tally:
    """What came of some cases. `found`: what differs, each time; `once`: what did not differ again, alone."""

    sessions: int = 0  # compared
    unsteady: int = 0  # differed from themselves, through the tunnel alone
    found: dict[Case, list[Difference]] = field(default_factory=dict)
    once: dict[Case, list[Difference]] = field(default_factory=dict)

    def add(self, other: "Tally") -> None:
        """Count what came of others as well."""
        self.sessions += other.sessions
        self.unsteady += other.unsteady
        self.found |= other.found
        self.once |= other.once


class Duel:
    """Plays cases both ways, many at once."""

    def __init__(self, stage: Stage) -> None:
        self.tally = Tally()
        self._stage = stage
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def play(self, cases: Iterable[Case]) -> None:
        """Play all that can be."""
        wanted = []
        for case in cases:
            try:
                wanted.append((case, chance.kind(case)))
            except TypeError:
                continue  # manners that exclude each other
        through = await self._stage.through_popover([(kind(), case.features) for case, kind in wanted])
        ways = zip(wanted, through, strict=True)
        await asyncio.gather(*[self._one(case, self._stage.through_tunnel(kind()), way) for (case, kind), way in ways])

    async def _one(self, case: Case, direct: Way[Pop3], through: Way[Pop3]) -> None:
        async with self._gate:
            for number in range(len(case.scripts)):
                ours = await session(case, number, direct, 0, self._stage.meter)
                theirs = await session(case, number, through, LONGER, self._stage.meter)
                self.tally.sessions += 1
                if differences(ours, theirs, type(direct.server), case.features):
                    if found := await self._look_again(case, number, direct, theirs):
                        where = f"session {number + 1}: "
                        self.tally.found[case] = [Difference(where + item.words, item.timing) for item in found]
                    break

    async def _look_again(self, case: Case, number: int, direct: Way[Pop3], theirs: Played) -> list[Difference]:
        """What differs from all that the tunnel does, with as much patience: there are races on any way."""
        kind, found = type(direct.server), list[Difference]()
        for _ in range(REFERENCES):
            ours = await session(case, number, direct, LONGER, self._stage.meter)
            again = differences(ours, theirs, kind, case.features)
            if not again:
                self.tally.unsteady += bool(found)
                return []
            found = found or again
        return found


async def session(case: Case, number: int, way: Way[Pop3], longer: float, meter: Meter) -> Played:
    """One session of a case."""
    way.server.begin(number)
    record = await converse(scripts.client(case.scripts[number]), way.port, way.server.patience, meter, longer)
    return Played(record, await way.server.state(SETTLING_LONGER if longer else SETTLING))


async def duel(cases: Iterable[Case], authority: Authority) -> Tally:
    """Play cases on a stage of their own; those that differ are played again, alone."""
    with tempfile.TemporaryDirectory() as directory:
        async with Stage(authority, Path(directory)) as stage:
            first = Duel(stage)
            await first.play(cases)
            tally = first.tally
            for case in list(tally.found):
                for _ in range(AGAIN):
                    again = Duel(stage)
                    await again.play([case])
                    if case not in again.tally.found:
                        tally.once[case] = tally.found.pop(case)
                        break
            return tally


def play(seeds: Iterable[int], authority: Authority) -> Tally:
    """The cases of these seeds."""
    return asyncio.run(duel([chance.case(seed) for seed in seeds], authority))


def shrink(case: Case, authority: Authority) -> tuple[Case, list[Difference]]:
    """The smallest case that still differs, as far as so many attempts find it; empty words where it does not."""
    found = asyncio.run(duel([case], authority)).found.get(case, [])
    attempts = SHRINKING if found else 0
    candidates = chance.smaller(case)
    while attempts and (less := next(candidates, None)) is not None:
        attempts -= 1
        if again := asyncio.run(duel([less], authority)).found.get(less):
            case, found, candidates = less, again, chance.smaller(less)
    return case, found


def main(words: list[str]) -> int:
    """Print what differs; 1 if anything does."""
    arguments = argparse.ArgumentParser(prog="python -m pairs.fuzz")
    arguments.add_argument("--minutes", type=float, default=1)
    arguments.add_argument("--workers", type=int, default=1)
    arguments.add_argument("--first", type=int, default=0, help="the first seed")
    arguments.add_argument("--seed", type=int, help="play this one alone, and make it small")
    chosen = arguments.parse_args(words)
    others = [_worker(chosen.minutes, chosen.first + APART * turn) for turn in range(1, chosen.workers)]
    with tempfile.TemporaryDirectory() as directory:
        authority = Authority(Path(directory))
        bad = _small(chosen.seed, authority) if chosen.seed is not None else _long(chosen, authority)
    return max([bad, *(other.wait() for other in others)])


def _worker(minutes: float, first: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "pairs.fuzz", "--minutes", str(minutes), "--first", str(first)])


def _small(seed: int, authority: Authority) -> int:
    case, found = shrink(chance.case(seed), authority)
    print(chance.told(case))
    for item in found:
        print(f"  {item.words}")
    return 1 if found else 0


def _long(chosen: argparse.Namespace, authority: Authority) -> int:
    seed, whole = chosen.first, Tally()
    started = time.monotonic()
    while time.monotonic() - started < 60 * chosen.minutes:
        tally = play(range(seed, seed + ROUND), authority)
        seed += ROUND
        whole.add(tally)
        for case, found in tally.found.items():
            print(f"--seed {case.seed}: {_words(found)}\n  {chance.told(case)}", flush=True)
        for case, found in tally.once.items():
            print(f"--seed {case.seed}, once: {_words(found)}", flush=True)
    took = time.monotonic() - started
    late = sum(all(item.timing for item in found) for found in whole.once.values())
    print(
        f"seeds {chosen.first} to {seed - 1}: {whole.sessions} sessions compared, {whole.sessions / took:.0f}/s; "
        f"{len(whole.found)} cases differ; {len(whole.once)} did once, {late} of them by time alone; "
        f"{whole.unsteady} unsteady"
    )
    return 1 if whole.found else 0


def _words(found: list[Difference]) -> str:
    return "; ".join(item.words for item in found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
