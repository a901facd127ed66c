"""One port for everybody, and each user's server is found by his name: popover with a table beside Perdition, nginx's
mail proxy and Dovecot's. Processor time per login, the wait for the greeting, which is each one's own, and memory.
"""

from contextlib import ExitStack

from bench.clients import Clients
from bench.field import Field, say
from bench.findings import Column, Figure, Findings, Target
from bench.measure_idle import hold
from bench.measure_sessions import cpu_per_session
from bench.peers import Peer, Popover
from bench.peers.routed import ROUTERS, Perdition, RoutedPopover

_TITLE = "Routing by user name"


def measure(field: Field) -> Findings:
    """In turn, round by round; the first round does not count. Memory is measured with each alone."""
    python = next((peer.program for peer in field.peers if isinstance(peer, Popover)), "")
    if not python:
        return Findings()
    peers: list[Peer] = [RoutedPopover(python), *(peer for peer in ROUTERS if peer.installed())]
    remarks = [f"Not installed, so not measured: {peer.name}." for peer in ROUTERS if not peer.installed()]
    columns = [*_sessions(field, peers), _memory(field, peers)]
    versions = ", ".join(f"{peer.name} {peer.version()}" for peer in peers)
    remarks.append(f"{_TITLE}: {versions}; all trust the system's authorities and one more.")
    return Findings(columns, _targets(columns), remarks)


def _sessions(field: Field, peers: list[Peer]) -> list[Column]:
    cpu: dict[Peer, list[float]] = {peer: [] for peer in peers}
    waits: dict[Peer, list[list[float]]] = {peer: [] for peer in peers}
    with ExitStack() as stack:
        all_running = {peer: stack.enter_context(field.start(peer)) for peer in peers}
        for number in range(field.sizes.session_rounds + 1):
            say(f"routing: round {number} of {field.sizes.session_rounds}")
            for peer, running in all_running.items():
                spent = cpu_per_session(field, peer, running)
                times = field.clients.do(Clients.greetings, running.port, field.sizes.greetings)
                running.settle()
                if number:
                    cpu[peer].append(spent)
                    waits[peer].append([seconds * 1000 for seconds in times])
    cost = Column("CPU per login, ms", 2, beside=(Perdition.name,), table=_TITLE)
    cost.figures = {peer.name: Figure.of(samples) for peer, samples in cpu.items()}
    greeting = Column("Greeting after, ms", 2, table=_TITLE)
    greeting.figures = {peer.name: Figure.pooled(samples, 50) for peer, samples in waits.items()}
    return [cost, greeting]


def _memory(field: Field, peers: list[Peer]) -> Column:
    each: dict[Peer, list[float]] = {peer: [] for peer in peers}
    for number in range(field.sizes.idle_rounds):
        for peer in peers:
            say(f"routing: memory: round {number + 1} of {field.sizes.idle_rounds}: {peer.name}")
            count = min(field.sizes.idle, peer.most_idle)
            empty, full = hold(field, peer, count)
            each[peer].append((full.pss - empty.pss) / count)
    column = Column("Logged-in session, KiB", 0, table=_TITLE)
    column.figures = {peer.name: Figure.of(samples) for peer, samples in each.items()}
    return column


def _targets(columns: list[Column]) -> list[Target]:
    cost, greeting, memory = (column.figures for column in columns)
    mine, its = RoutedPopover.name, Perdition.name
    targets = []
    if its in cost:
        for what, figures, limit in (("CPU per routed login", cost, 1 / 5), ("Greeting at the desk", greeting, 1)):
            ratio = figures[mine].beside(figures[its])
            targets.append(
                Target(f"{what}, beside {its}", limit, ratio.value, "x", spread=ratio.middle_half()),
            )
    held = memory[mine]
    targets.append(Target("Routed session, logged in", 60, held.value, "KiB", spread=held.middle_half()))
    return targets
