"""How long a small session waits beside others that make much work: for its greeting, and for the answer to a NOOP."""

import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.apart import Apart
from bench.clients import Clients
from bench.fair.crowd import Crowd
from bench.fair.flood import Flooder
from bench.fair.loads import ALONE, BULK, LOADS
from bench.field import Field, say
from bench.findings import POPOVER, Column, Figure, Findings, Target
from bench.peers import Peer, Running
from bench.wan.mailboxes import Mailboxes

# Whom popover is measured against, and how much longer than the better of them it may take.
_RIVALS = ("nginx", "stunnel")
_LIMIT = 1.5

# Seconds between two questions of the small session: those of a person's program, only closer together.
_PAUSE = 0.002

# Seconds for a peer to be done with those who have left.
_REST = 0.3

# Milliseconds by what was asked, load, and peer: a list for each round.
Samples = dict[tuple[str, str], dict[str, list[list[float]]]]


class _Scene:
    """What stands around the peers: a crowd, its mailboxes, a server that floods."""

    def __init__(self, field: Field, crowd: Apart[Crowd], flooder: Apart[Flooder], mailboxes: Apart[Mailboxes]) -> None:
        self.field = field
        self.crowd = crowd
        self.flooder = flooder
        self.beside = (mailboxes.do(Mailboxes.port), flooder.do(Flooder.port))
        self.samples: Samples = defaultdict(lambda: defaultdict(list))
        self.rates: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self.updates: dict[str, int] = defaultdict(int)
        self.faults: set[str] = set()
        self.loads = [load for load in LOADS if field.sizes.fair_slow or not load.slow]

    def round(self, peer: Peer) -> None:
        """Start this peer alone, and let all loads come upon it one after the other."""
        with self.field.start(peer, beside=self.beside) as running:
            self._small(running)  # the first session does not count
            for load in self.loads:
                self.crowd.do(Crowd.begin, load, running.ports[load.way])
                found = self._small(running)
                rate, faults = self.crowd.do(Crowd.end)
                for kind, seconds in found.items():
                    self.samples[kind, load.title][peer.name].append([one * 1000 for one in seconds])
                self.rates[load.title][peer.name].append(rate)
                self.updates[peer.name] += self.flooder.do(Flooder.sent)
                self.faults |= {f"{peer.name}, {fault}" for fault in faults}
                time.sleep(_REST)

    def _small(self, running: Running) -> dict[str, list[float]]:
        clients, sizes = self.field.clients, self.field.sizes
        return {
            "NOOP": clients.do(Clients.noops, running.port, sizes.fair_noops, _PAUSE),
            "Greeting": clients.do(Clients.greetings, running.port, sizes.fair_greetings),
        }


def measure(field: Field) -> Findings:
    """Rounds: each peer is started once, then each again. Those that start a process per session are left out."""
    peers = [peer for peer in field.peers if peer.divisor == 1]
    with (
        TemporaryDirectory(prefix="bench-") as made,
        Apart(Crowd) as crowd,
        Apart(Flooder, field.certificate, Path(made)) as flooder,
        Apart(Mailboxes, field.certificate) as mailboxes,
    ):
        scene = _Scene(field, crowd, flooder, mailboxes)
        for number in range(field.sizes.fair_rounds):
            for peer in peers:
                say(f"fairness: round {number + 1} of {field.sizes.fair_rounds}: {peer.name}")
                scene.round(peer)
    return Findings(_columns(scene.samples), _targets(scene.samples), _remarks(scene))


def _columns(samples: Samples) -> list[Column]:
    columns = []
    for kind in ("NOOP", "Greeting"):
        for percent, word in ((50, "median"), (99, "p99")):
            for load in LOADS:
                if rounds_of := samples.get((kind, load.title)):
                    figures = {peer: Figure.pooled(rounds, percent) for peer, rounds in rounds_of.items()}
                    columns.append(Column(load.title, 2, figures, table=f"{kind}, {word}, ms"))
    return columns


def _targets(samples: Samples) -> list[Target]:
    return [
        target
        for load in LOADS
        if load is not ALONE
        for kind in ("NOOP", "Greeting")
        for target in _target(f"{kind} p99 beside {load.title}, x the better's", samples.get((kind, load.title), {}))
    ]


def _target(what: str, rounds: dict[str, list[list[float]]]) -> list[Target]:
    """Popover's 99th percentile beside the better of its rivals', round by round; none where one was not measured."""
    p99 = {peer: Figure.pooled(found, 99).samples for peer, found in rounds.items()}
    rivals = [p99[peer] for peer in _RIVALS if peer in p99]
    if POPOVER not in p99 or not rivals:
        return []
    better = Figure.of([min(each) for each in zip(*rivals, strict=True)])
    ratio = Figure.of(list(p99[POPOVER])).beside(better)
    return [Target(what, _LIMIT, ratio.value, "x", spread=ratio.middle_half())]


def _remarks(scene: _Scene) -> list[str]:
    rates = ", ".join(f"{peer} {median(found) / 1e6:,.0f} MB/s" for peer, found in scene.rates[BULK.title].items())
    taken = ", ".join(f"{peer} took {count:,}" for peer, count in scene.updates.items())
    return [
        f"Fairness: the 50 bulk sessions that go as fast as they can got {rates} all together.",
        *([f"Fairness: of the KeyUpdates {taken}."] if any(scene.updates.values()) else []),
        *(f"Fairness: {fault}." for fault in sorted(scene.faults)),
    ]
