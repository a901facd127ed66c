"""What a measurement hands to the report: columns of figures by peer, targets, and remarks."""

from dataclasses import dataclass, field
from statistics import median, quantiles

# The peer the targets are about; its variants have longer names.
POPOVER = "popover"


@dataclass(frozen=True)
class Figure:
    """One figure of one peer. `samples`: one per round, in the order of the rounds. `value`: what they come to."""

    value: float
    samples: tuple[float, ...]

    @classmethod
    def of(cls, samples: list[float]) -> "Figure":
        """The median of these samples."""
        return cls(median(samples), tuple(samples))

    @classmethod
    def pooled(cls, rounds: list[list[float]], percent: int) -> "Figure":
        """The percentile of all rounds together, and of each; two samples a round at least."""
        pool = [sample for samples in rounds for sample in samples]
        return cls(_percentile(pool, percent), tuple(_percentile(samples, percent) for samples in rounds))

    def beside(self, other: "Figure") -> "Figure":
        """How many times the other: the ratio of each round, where both met the same disturbance."""
        return Figure.of([mine / its for mine, its in zip(self.samples, other.samples, strict=True)])

    def middle_half(self) -> tuple[float, float]:
        """Between what half of the samples lie; all of them, where they are too few for that."""
        samples = sorted(self.samples)
        return samples[len(samples) // 4], samples[-1 - len(samples) // 4]


@dataclass
class Column:
    """One kind of figure. `title`: with its unit. `beside`: peers to which a ratio is of interest.

    `table`: the title of the table in which it stands, where that is not the first.
    """

    title: str
    digits: int
    figures: dict[str, Figure] = field(default_factory=dict)
    beside: tuple[str, ...] = ()
    table: str = ""

    def text(self, peer: str) -> str:
        """The figure as the table shows it; a dash when there is none."""
        found = self.figures.get(peer)
        return f"{found.value:,.{self.digits}f}" if found else "-"

    def spread(self, peer: str) -> str:
        """The middle half of its samples."""
        found = self.figures.get(peer)
        if not found:
            return "-"
        low, high = found.middle_half()
        return f"{low:,.{self.digits}f} .. {high:,.{self.digits}f}"


@dataclass(frozen=True)
class Target:
    """A goal for popover, and what was measured; both in `unit`.

    `at_least`: the goal is a lower bound. `spread`: where half of the rounds lie, if there were rounds.
    """

    what: str
    limit: float
    measured: float
    unit: str = ""
    at_least: bool = False
    spread: tuple[float, float] | None = None

    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit


@dataclass
class Findings:
    """What one measurement found. `remarks`: sentences that stand below the tables."""

    columns: list[Column] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def _percentile(samples: list[float], percent: int) -> float:
    return quantiles(samples, n=100, method="inclusive")[percent - 1]


def ratio_target(column: Column, what: str, peer: str, limit: float) -> list[Target]:
    """Popover's figure beside another's; none when either was not measured."""
    if not {POPOVER, peer} <= column.figures.keys():
        return []
    ratio = column.figures[POPOVER].beside(column.figures[peer])
    return [Target(f"{what}, beside {peer}", limit, ratio.value, "x", spread=ratio.middle_half())]


def plain_target(column: Column, what: str, limit: float, unit: str) -> list[Target]:
    """Popover's figure itself; none when it was not measured."""
    if POPOVER not in column.figures:
        return []
    found = column.figures[POPOVER]
    return [Target(what, limit, found.value, unit, spread=found.middle_half())]
