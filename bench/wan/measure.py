"""Who does an errand how fast: all racers at once over a long line, where waiting is all; else in turn."""

import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import NamedTuple

from bench.apart import Apart
from bench.field import say
from bench.wan.errands import bandwidth
from bench.wan.link import Link
from bench.wan.programs import Errand, Line, Moment, run

# Sessions before the first that counts: popover learns what its clients do and what the server can be trusted
# with. The first goes as through a wire, the second partly, the third is the first in full.
PRACTICE = 3

# Sessions of a fresh popover that are shown one by one.
FIRST = 4

# Seconds; below it, the processor's time is what is measured, and nobody must disturb another.
_LONG = 0.02


class Racer(NamedTuple):
    """A way to the server."""

    name: str
    line: Line


class Table(NamedTuple):
    """Seconds by errand and racer, at one length of the line (seconds)."""

    round_trip: float
    seconds: dict[str, dict[str, float]]


def race(racers: list[Racer], link: Apart[Link], round_trip: float, errands: list[Errand], rounds: int) -> Table:
    """Let all of them do all errands; the median of the rounds counts."""
    seconds: dict[str, dict[str, float]] = {}
    width = len(racers) if round_trip >= _LONG else 1
    with ThreadPoolExecutor(width) as pool:
        for errand in errands:
            say(f"wan: {round_trip * 1000:.0f} ms, {errand.title}")
            link.do(Link.become, round_trip, bandwidth(errand, round_trip))
            times = pool.map(lambda racer, errand=errand: _times(racer, errand, round_trip, rounds), racers)
            seconds[errand.title] = {racer.name: found for racer, found in zip(racers, times, strict=True)}
    return Table(round_trip, seconds)


class Start(NamedTuple):
    """An errand's seconds: directly, and in each of the first sessions of a popover that was just started."""

    errand: str
    directly: float
    sessions: list[float]


def begin(directly: Racer, fresh: Racer, link: Apart[Link], round_trip: float, errand: Errand) -> Start:
    """The first sessions of a popover that has not served anybody yet, beside the direct way."""
    say(f"wan: {round_trip * 1000:.0f} ms, the first sessions: {errand.title}")
    link.do(Link.become, round_trip, bandwidth(errand, round_trip))
    return Start(errand.title, _times(directly, errand, round_trip, 1), _each(fresh, errand, round_trip, FIRST))


def watch(racers: list[Racer], link: Apart[Link], round_trip: float, errand: Errand) -> dict[str, list[Moment]]:
    """What happens when, for the first two: the direct way, and popover."""
    link.do(Link.become, round_trip, bandwidth(errand, round_trip))
    found = {}
    for racer in racers[:2]:
        for _ in range(PRACTICE + 1):
            found[racer.name] = run(racer.line, errand)
            rest(round_trip)
    return found


def _times(racer: Racer, errand: Errand, round_trip: float, rounds: int) -> float:
    practice = PRACTICE if racer.name.startswith("popover") else 0
    return median(_each(racer, errand, round_trip, practice + rounds)[practice:])


def _each(racer: Racer, errand: Errand, round_trip: float, count: int) -> list[float]:
    times = []
    for _ in range(count):
        times.append(run(racer.line, errand)[-1].at)
        rest(round_trip)
    return times


def rest(round_trip: float) -> None:
    """People look for mail every few minutes: time enough for another connection to be made ready."""
    time.sleep(8 * round_trip + 0.1)
