"""Plays cases of IMAP, SMTP and ManageSieve both ways, and says what was different.

python -m pairs.wild.duel --minutes 10      every difference is printed with its seed
python -m pairs.wild.duel --seed 1234       that case alone
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pairs.stage import Stage, Way
from pairs.wild.case import Case, case, told
from pairs.wild.client import live
from pairs.wild.compare import LONGER, Played, differences
from pairs.wild.odd import AT_ALL_TIMES, Odd
from parts.certificates import Authority

ROUND = 60  # cases of one popover
AT_ONCE = 40
PATIENCE = 2.5  # seconds
SPARE = 0.2  # seconds in which a spare is there, after the practice
SETTLING = 3.0
STILL_DIFFERENT: frozenset[int] = frozenset()


@dataclass
class Tally:
    """What came of some cases."""

    sessions: int = 0
    unsteady: int = 0  # differed from themselves, through the tunnel alone, and popover's was like one of those
    found: dict[int, list[str]] = field(default_factory=dict)
    once: dict[int, list[str]] = field(default_factory=dict)  # and not again, alone


async def play(cases: Iterable[Case], stage: Stage) -> Tally:
    """Play all of them, many at once."""
    wanted, tally, gate = list(cases), Tally(), asyncio.Semaphore(AT_ONCE)
    through = await stage.through_popover([(one.server(), one.features) for one in wanted])

    async def duel(one: Case, way: Way[Odd]) -> None:
        async with gate:
            direct = stage.through_tunnel(one.server())
            ours, theirs = await _session(one, direct, 0.0), await _session(one, way, LONGER)
            tally.sessions += 1
            if not differences(one, ours, theirs):
                return
            references = [ours, *[await _session(one, direct, 0.0) for _ in range(2)]]
            sessions = [theirs, await _session(one, way, LONGER)]
            found = [[differences(one, ours, theirs) for ours in references] for theirs in sessions]
            if all(map(all, found)):
                tally.found[one.seed] = found[1][0]
            else:
                tally.unsteady += any(differences(one, ours, other) for other in references[1:])

    await asyncio.gather(*[duel(*both) for both in zip(wanted, through, strict=True)])
    return tally


async def _session(one: Case, way: Way[Odd], longer: float) -> Played:
    """Practise, and play."""
    server, dialect = way.server, one.dialect
    manners, server.manners = server.manners, server.manners & AT_ALL_TIMES
    await live(dialect.practice(), way.port, PATIENCE + LONGER, dialect.end_of)
    await asyncio.sleep(SPARE if longer else 0)
    server.manners = manners
    server.begin()
    lived = await live(one.script, way.port, PATIENCE + longer, dialect.end_of)
    return Played(lived, await server.heard(SETTLING))


async def duel(cases: Iterable[Case], authority: Authority) -> Tally:
    """Play cases on a stage of their own; what differs is played once more, alone."""
    with tempfile.TemporaryDirectory() as directory:
        async with Stage(authority, Path(directory)) as stage:
            wanted = list(cases)
            first = await play(wanted, stage)
            again = await play([one for one in wanted if one.seed in first.found], stage)
            once = {seed: found for seed, found in first.found.items() if seed not in again.found}
            return Tally(first.sessions, first.unsteady, again.found, once)


def main(words: list[str]) -> int:
    """Print what differs; 1 if anything does."""
    arguments = argparse.ArgumentParser(prog="python -m pairs.wild.duel")
    arguments.add_argument("--minutes", type=float, default=1)
    arguments.add_argument("--first", type=int, default=0, help="the first seed")
    arguments.add_argument("--seed", type=int, help="play this one alone")
    chosen = arguments.parse_args(words)
    started, seed, sessions, unsteady, bad, once = time.monotonic(), chosen.first, 0, 0, 0, 0
    with tempfile.TemporaryDirectory() as directory:
        authority = Authority(Path(directory))
        while True:
            seeds = [chosen.seed] if chosen.seed is not None else range(seed, seed + ROUND)
            tally = asyncio.run(duel([case(one) for one in seeds], authority))
            seed, sessions, unsteady = seed + ROUND, sessions + tally.sessions, unsteady + tally.unsteady
            bad, once = bad + len(tally.found), once + len(tally.once)
            for number, found in (tally.found | tally.once).items():
                how = ":" if number in tally.found else ", once:"
                print(f"--seed {number}{how}\n  " + "\n  ".join(found) + "\n" + told(case(number)), flush=True)
            if chosen.seed is not None or time.monotonic() - started > 60 * chosen.minutes:
                break
    print(f"{sessions} sessions compared; {bad} differ, {once} did once, {unsteady} unsteady")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
