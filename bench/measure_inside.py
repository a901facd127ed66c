"""TLS on both sides: processor time per gigabyte, and memory of each idle session."""

from contextlib import ExitStack

from bench.clients import Clients
from bench.field import Field, say
from bench.findings import Column, Figure, Findings, plain_target, ratio_target
from bench.measure_bulk import fetch
from bench.measure_idle import hold
from bench.peers import Peer, Popover
from bench.peers.sealed import SealedPopover, SealedStunnel

_TITLE = "TLS on both sides"


def measure(field: Field) -> Findings:
    """In turn, round by round, as `bulk` and `idle` do it for clients in plain text."""
    python = next((peer.program for peer in field.peers if isinstance(peer, Popover)), "")
    ours: list[Peer] = [SealedPopover(python)] if python else []
    beside = SealedStunnel()
    peers = [*ours, *([beside] if beside.installed() else [])]
    cost = Column("CPU per GB in TLS, s", 2, beside=(beside.name,), table=_TITLE)
    cost.figures = {peer.name: Figure.of(samples) for peer, samples in _bulk(field, peers).items()}
    each = Column("Idle session in TLS, KiB", 0, beside=(beside.name,), table=_TITLE)
    each.figures = {peer.name: Figure.of(samples) for peer, samples in _idle(field, peers).items()}
    targets = [*ratio_target(cost, "CPU per GB in TLS", beside.name, 1.1)]
    return Findings([cost, each], [*targets, *plain_target(each, "Idle session in TLS", 60, "KiB")])


def _bulk(field: Field, peers: list[Peer]) -> dict[Peer, list[float]]:
    cpu: dict[Peer, list[float]] = {peer: [] for peer in peers}
    with ExitStack() as stack:
        all_running = {peer: stack.enter_context(field.start(peer)) for peer in peers}
        for number in range(field.sizes.bulk_rounds + 1):
            say(f"inside: round {number} of {field.sizes.bulk_rounds}")
            for peer, running in all_running.items():
                spent, _ = fetch(field, running, sealed=True)
                if number:
                    cpu[peer].append(spent)
    return cpu


def _idle(field: Field, peers: list[Peer]) -> dict[Peer, list[float]]:
    each: dict[Peer, list[float]] = {peer: [] for peer in peers}
    count = field.sizes.idle
    for number in range(field.sizes.idle_rounds):
        for peer in peers:
            say(f"inside, idle: round {number + 1} of {field.sizes.idle_rounds}: {peer.name}")
            empty, full = hold(field, peer, count, Clients.hold_sealed)
            each[peer].append((full.pss - empty.pss) / count)
    return each
