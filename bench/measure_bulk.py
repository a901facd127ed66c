"""Processor time per gigabyte, and megabytes per second: a large mail, fetched again and again."""

from bench.clients import Clients
from bench.field import Field, say
from bench.findings import Column, Figure, Findings, ratio_target
from bench.peers import Peer, Running


def measure(field: Field) -> Findings:
    """Each round fetches a few mails in one session; the first round does not count."""
    cpu: dict[Peer, list[float]] = {peer: [] for peer in field.peers}
    speed: dict[Peer, list[float]] = {peer: [] for peer in field.peers}
    with field.start_all() as all_running:
        for number in range(field.sizes.bulk_rounds + 1):
            say(f"bulk: round {number} of {field.sizes.bulk_rounds}")
            for peer, running in all_running.items():
                spent, fast = fetch(field, running)
                if number:
                    cpu[peer].append(spent)
                    speed[peer].append(fast)
    cost = Column("CPU per GB, s", 2, beside=("nginx", "stunnel"))
    cost.figures = {peer.name: Figure.of(samples) for peer, samples in cpu.items()}
    rate = Column("MB/s", 0)
    rate.figures = {peer.name: Figure.of(samples) for peer, samples in speed.items()}
    return Findings([cost, rate], ratio_target(cost, "CPU per GB", "nginx", 1.1))


def fetch(field: Field, running: Running, *, sealed: bool = False) -> tuple[float, float]:
    """One round: seconds of processor time per GB, and MB/s."""
    before = running.cpu_seconds()
    fetched = field.clients.do(Clients.fetch, running.port, field.sizes.mails, sealed=sealed)
    running.settle()
    return (running.cpu_seconds() - before) / fetched.size * 1e9, fetched.size / fetched.seconds / 1e6
