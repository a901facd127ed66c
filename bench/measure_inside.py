"""TLS on both sides: processor time per gigabyte, and memory of each idle session."""

import time
from contextlib import ExitStack

from bench.clients import Clients
from bench.field import Field, say
from bench.findings import Column, Figure, Findings, plain_target, ratio_target
from bench.peers import Peer, Popover
from bench.peers.sealed import SealedPopover, SealedStunnel

_TITLE = "TLS on both sides"
_REST = 0.5  # seconds for buffers in flight to drain and for allocators to settle


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
                before = running.cpu_seconds()
                fetched = field.clients.do(Clients.fetch, running.port, field.sizes.mails, sealed=True)
                running.settle()
                if number:
                    cpu[peer].append((running.cpu_seconds() - before) / fetched.size * 1e9)
    return cpu


def _idle(field: Field, peers: list[Peer]) -> dict[Peer, list[float]]:
    each: dict[Peer, list[float]] = {peer: [] for peer in peers}
    count = field.sizes.idle
    for number in range(field.sizes.idle_rounds):
        for peer in peers:
            say(f"inside, idle: round {number + 1} of {field.sizes.idle_rounds}: {peer.name}")
            with field.start(peer, count + 100) as running:
                running.settle()
                time.sleep(_REST)
                empty = running.memory()
                try:
                    field.clients.do(Clients.hold_sealed, running.port, count)
                    time.sleep(_REST)
                    each[peer].append((running.memory().pss - empty.pss) / count)
                finally:
                    field.clients.do(Clients.release)
    return each
