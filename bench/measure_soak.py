"""Whether memory grows with the sessions that have been: 50,000 of all kinds through one process."""

import time
from collections import Counter
from typing import NamedTuple

from bench.apart import Apart
from bench.field import Field, say
from bench.findings import POPOVER, Findings, Target
from bench.peers import Peer, Running
from bench.visitors import Visitors
from bench.wan.mailboxes import Mailboxes

# Sessions at a time.
_WIDTH = 16

# Seconds before memory is read: for what has ended to be let go.
_REST = 0.2

# The share of the run that does not count: pools and tables of Python's, OpenSSL's and the kernel's are filled.
_FILLING = 0.2

# KiB that Python's allocator takes at once (an arena, from 3.10 on), at a moment that says nothing about the session
# it comes in. Over 40,000 sessions it is 26 octets a session: the smallest object that a list keeps has 24.
_ARENA = 1024


class Line(NamedTuple):
    """A line through samples: how much `y` grows with `x`, and the standard error of that."""

    slope: float
    error: float


def measure(field: Field) -> Findings:
    """Only popover and its variants, against its own promise."""
    findings = Findings()
    for peer in field.peers:
        if peer.name.startswith(POPOVER):
            _soak(field, peer, findings)
    return findings


def _soak(field: Field, peer: Peer, findings: Findings) -> None:
    with (
        Apart(Mailboxes, field.certificate) as mailboxes,
        Apart(Visitors) as visitors,
        peer.start(mailboxes.do(Mailboxes.port), field.ca_file) as running,
    ):
        samples, seen = _sample(field, running, visitors, peer.name)
    counted = samples[int(len(samples) * _FILLING) :]
    line = least_squares(counted)
    noise = max(2 * line.error, _ARENA / (counted[-1][0] - counted[0][0]))
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in seen.most_common())
    first, last = samples[0][1], samples[-1][1]
    findings.remarks.append(
        f"{seen.total():,} sessions through one process of {peer.name} ({kinds}): its memory was "
        f"{first / 1024:.1f} MiB after the first {samples[0][0] * 1000:,.0f} and {last / 1024:.1f} MiB after the "
        f"last; it grew by {line.slope:.2f} +- {2 * line.error:.2f} KiB for each 1,000 sessions (least squares through "
        f"{len(counted)} samples, twice the standard error)."
    )
    if peer.name == POPOVER:
        what = f"Memory for 1,000 of {seen.total():,} sessions; 0 within noise"
        findings.targets.append(Target(what, noise, line.slope, "KiB"))


def _sample(
    field: Field, running: Running, visitors: Apart[Visitors], name: str
) -> tuple[list[tuple[float, float]], Counter[str]]:
    """Thousands of sessions so far, and KiB then; and what the visitors did."""
    samples: list[tuple[float, float]] = []
    seen: Counter[str] = Counter()
    each = field.sizes.soak // field.sizes.soak_samples
    for number in range(field.sizes.soak_samples):
        if number % 10 == 0:
            say(f"soak: {name}, {number * each:,} of {field.sizes.soak:,} sessions")
        seen += visitors.do(Visitors.come, running.port, each, _WIDTH)
        time.sleep(_REST)
        samples.append(((number + 1) * each / 1000, running.memory().alone))
    return samples, seen


def least_squares(samples: list[tuple[float, float]]) -> Line:
    """The straight line that fits best; three samples at least."""
    count = len(samples)
    middle = sum(x for x, _ in samples) / count
    level = sum(y for _, y in samples) / count
    spread = sum((x - middle) ** 2 for x, _ in samples)
    slope = sum((x - middle) * (y - level) for x, y in samples) / spread
    rest = sum((y - level - slope * (x - middle)) ** 2 for x, y in samples)
    return Line(slope, (rest / (count - 2) / spread) ** 0.5)
