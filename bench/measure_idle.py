"""Memory of a peer at rest, and of each session that is logged in and silent."""

import time
from collections.abc import Callable

from bench.clients import Clients
from bench.field import Field, say
from bench.findings import Column, Figure, Findings, plain_target
from bench.peers import Peer
from bench.processes import Memory

# Seconds for buffers in flight to drain and for allocators to settle.
_REST = 0.5
# KiB per MB, as the targets count.
_MB = 1000 / 1.024


def measure(field: Field) -> Findings:
    """Each round starts a peer anew, since memory once taken is seldom given back."""
    base: dict[Peer, list[float]] = {peer: [] for peer in field.peers}
    each: dict[Peer, list[float]] = {peer: [] for peer in field.peers}
    for number in range(field.sizes.idle_rounds):
        for peer in field.peers:
            say(f"idle: round {number + 1} of {field.sizes.idle_rounds}: {peer.name}")
            count = min(field.sizes.idle, peer.most_idle)
            empty, full = hold(field, peer, count)
            base[peer].append(empty.alone / _MB)
            each[peer].append((full.pss - empty.pss) / count)
    per_session = Column("Idle session, KiB", 0, beside=("nginx",))
    per_session.figures = {peer.name: Figure.of(samples) for peer, samples in each.items()}
    at_rest = Column("At rest, MB", 1)
    at_rest.figures = {peer.name: Figure.of(samples) for peer, samples in base.items()}
    return Findings(
        [per_session, at_rest],
        [
            *plain_target(per_session, "Idle session", 45, "KiB"),
            *plain_target(at_rest, "Memory at rest", 30, "MB"),
        ],
    )


def hold(
    field: Field, peer: Peer, count: int, by: Callable[[Clients, int, int], None] = Clients.hold
) -> tuple[Memory, Memory]:
    """One round: memory after one session has come and gone, and with so many idle ones."""
    with field.start(peer, count + 100) as running:
        running.settle()
        time.sleep(_REST)
        empty = running.memory()
        try:
            field.clients.do(by, running.port, count)
            time.sleep(_REST)
            full = running.memory()
        finally:
            field.clients.do(Clients.release)
    return empty, full
