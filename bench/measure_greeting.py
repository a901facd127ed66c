"""How long a mail program waits: for the server's greeting, and for the peer itself to be ready."""

from bench.clients import Clients
from bench.field import Field, say
from bench.findings import Column, Figure, Findings, plain_target
from bench.peers import Peer


def measure(field: Field) -> Findings:
    """Sessions one after the other, nothing else going on; then starts."""
    rounds: dict[Peer, list[list[float]]] = {peer: [] for peer in field.peers}
    with field.start_all() as all_running:
        for number in range(field.sizes.greeting_rounds):
            say(f"greeting: round {number + 1} of {field.sizes.greeting_rounds}")
            for peer, running in all_running.items():
                times = field.clients.do(Clients.greetings, running.port, field.sizes.greetings)
                rounds[peer].append([seconds * 1000 for seconds in times])
                running.settle()
    typical = Column("Greeting after, ms", 1)
    typical.figures = {peer.name: Figure.pooled(samples, 50) for peer, samples in rounds.items()}
    slow = Column("p95, ms", 1)
    slow.figures = {peer.name: Figure.pooled(samples, 95) for peer, samples in rounds.items()}
    ready = _ready(field)
    return Findings([typical, slow, ready], plain_target(ready, "Ready to serve", 500, "ms"))


def _ready(field: Field) -> Column:
    """From the start of the process to its first greeting, the handshake with the server included."""
    samples: dict[Peer, list[float]] = {peer: [] for peer in field.peers}
    for number in range(field.sizes.starts):
        say(f"start: round {number + 1} of {field.sizes.starts}")
        for peer in field.peers:
            with field.start(peer) as running:
                samples[peer].append(running.ready_seconds * 1000)
    column = Column("Ready after, ms", 0)
    column.figures = {peer.name: Figure.of(times) for peer, times in samples.items()}
    return column
