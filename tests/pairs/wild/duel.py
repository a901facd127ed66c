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
from random import Random
from types import ModuleType
from typing import NamedTuple

from pairs.stage import Stage, Way
from pairs.wild import imap, sieve, smtp
from pairs.wild.client import Lived, Script, live
from pairs.wild.odd import AT_ALL_TIMES, Heard, Odd
from parts.certificates import Authority

ROUND = 60  # cases of one popover
AT_ONCE = 40
PATIENCE = 2.5  # seconds
LONGER = 2.0  # of a client's patience through popover, so that being late is told from being lost
SECOND = 1.0  # the first rule's
SPARE = 0.2  # seconds in which a spare is there, after the practice
SETTLING = 3.0
STILL_DIFFERENT: frozenset[int] = frozenset()
STRANGERS = b"P commands\r\n"
STRANGE = 5  # words that no client of the dialect says, before a stranger is sent away
SERVERS: dict[ModuleType, type[Odd]] = {imap: imap.Imap, smtp: smtp.Smtp, sieve: sieve.Sieve}


class Case(NamedTuple):
    """A server with some manners, and a client."""

    seed: int
    dialect: ModuleType
    manners: frozenset[str]
    at: int
    script: Script

    def same(self, got: bytes) -> bytes:
        """What is compared of all that the client got."""
        same: bytes = self.dialect.same(got)
        return same

    @property
    def features(self) -> str:
        """With which features popover serves it: every seventh has TLS inside as well."""
        return "on" if self.seed % 7 else "sealed"

    def server(self) -> Odd:
        """One such server."""
        return SERVERS[self.dialect](self.manners, self.at)


def case(seed: int) -> Case:
    """The case of a seed: every fifth is ManageSieve's, of the others the even ones are IMAP's."""
    random = Random(seed)
    dialect = sieve if seed % 5 == 4 else smtp if seed % 2 else imap
    manners = frozenset(random.sample(dialect.MANNERS, random.choice((0, 1, 1, 1, 2, 3))))
    return Case(seed, dialect, manners, random.randint(1, 6), dialect.script(random))


class Played(NamedTuple):
    """A session: its client's side, its server's."""

    lived: Lived
    heard: Heard


@dataclass
class Tally:
    """What came of some cases."""

    sessions: int = 0
    unsteady: int = 0  # differed from themselves, through the tunnel alone
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
            others = [await _session(one, direct, 0.0) for _ in range(2)]
            if any(differences(one, ours, other) for other in others):
                tally.unsteady += 1
            elif found := differences(one, ours, await _session(one, way, LONGER)):
                tally.found[one.seed] = found

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


def differences(one: Case, direct: Played, through: Played) -> list[str]:
    """All that went otherwise, in words."""
    ours, theirs = direct.lived, through.lived
    if _is_sent_away(one, ours.got, theirs.got):
        return []
    found = []
    is_left = _has_left(one, ours.got, theirs.got)
    if one.script.ending != "close" and not is_left and not _is_same(one, ours, theirs):
        found.append(f"got {_short(theirs.got)} in place of {_short(ours.got)}")
    is_lost = (ours.is_unheard or theirs.is_unheard) and {ours.end, theirs.end} <= {"closed", "reset"}
    if ours.end != theirs.end and not is_lost and not (is_left and theirs.end in {"closed", "left"}):
        found.append(f"end {theirs.end} in place of {ours.end}")
    if not _has_heard(one, direct.heard.said, through.heard.said):
        found.append(f"the server heard {_short(through.heard.said)} in place of {_short(direct.heard.said)}")
    if direct.heard.is_over and not through.heard.is_over and not is_left:  # a server that hears no goodbye has longer
        found.append("the server's connection stays open")
    slack = SECOND + ours.seconds / 4 + (LONGER if ours.end == "gave up" else 0)
    if theirs.seconds > ours.seconds + slack:
        found.append(f"{theirs.seconds:.2f} s in place of {ours.seconds:.2f}")
    return found


def _is_sent_away(one: Case, ours: bytes, theirs: bytes) -> bool:
    """Whether the client was told that it is none (docs/architecture.md: a browser is sent away), by what it has said;
    before that, all is the same.
    """
    at = theirs.rfind(STRANGERS)
    before = one.same(theirs[: theirs.rfind(b"\n", 0, at) + 1])
    strange = [line for step in one.script.steps for line in step.say.splitlines() if one.dialect.is_strange(line)]
    return at >= 0 and len(strange) >= STRANGE and one.same(ours).startswith(before)


def _has_left(one: Case, ours: bytes, theirs: bytes) -> bool:
    """Whether the client had its goodbye from popover, all else being the same (docs/speed.md)."""
    ours, theirs = one.same(ours), one.same(theirs)
    at = one.dialect.goodbye(theirs)
    return at >= 0 and ours.startswith(theirs[:at]) and len(ours) - at < 150


def _has_heard(one: Case, ours: bytes, theirs: bytes) -> bool:
    """Whether the server heard the same; of a client that went without reading a wire may lose the last words."""
    return ours == theirs or (one.script.ending == "close" and theirs.startswith(ours))


def _is_same(one: Case, ours: Lived, theirs: Lived) -> bool:
    direct, through = one.same(ours.got), one.same(theirs.got)
    if ours.end == "reset" == theirs.end:  # what is on its way may be lost
        return direct.startswith(through) or through.startswith(direct)
    return direct == through


def _short(octets: bytes) -> str:
    return repr(octets) if len(octets) < 400 else f"{octets[:200]!r}...{octets[-150:]!r} ({len(octets)} octets)"


async def duel(cases: Iterable[Case], authority: Authority) -> Tally:
    """Play cases on a stage of their own; what differs is played once more, alone."""
    with tempfile.TemporaryDirectory() as directory:
        async with Stage(authority, Path(directory)) as stage:
            wanted = list(cases)
            first = await play(wanted, stage)
            again = await play([one for one in wanted if one.seed in first.found], stage)
            once = {seed: found for seed, found in first.found.items() if seed not in again.found}
            return Tally(first.sessions, first.unsteady, again.found, once)


def told(one: Case) -> str:
    """A case in words."""
    steps = "\n".join(f"    {_short(step.say)}, pieces {step.piece}, until {step.until!r}" for step in one.script.steps)
    name = one.dialect.__name__.rpartition(".")[2]
    return f"  {name} {one.features} {sorted(one.manners)} at {one.at}; {one.script.ending}\n{steps}"


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
