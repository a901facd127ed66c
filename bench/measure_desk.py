"""A service that signs in for its clients (accounts) beside one that leads to the same server: processor time per
session, and how long a client waits for the greeting, which is popover's own.
"""

from contextlib import ExitStack

from bench.clients import Clients
from bench.field import Field, say
from bench.findings import Column, Figure, Findings, Target
from bench.measure_sessions import cpu_per_session
from bench.peers import Peer, Popover
from bench.peers.desk import DeskPopover

_TITLE = "Own logins"


def measure(field: Field) -> Findings:
    """In turn, round by round, as `sessions` and `greeting` do it; the first round does not count."""
    python = next((peer.program for peer in field.peers if isinstance(peer, Popover)), "")
    if not python:
        return Findings()
    peers: list[Peer] = [Popover(python), DeskPopover(python)]
    cpu: dict[Peer, list[float]] = {peer: [] for peer in peers}
    waits: dict[Peer, list[list[float]]] = {peer: [] for peer in peers}
    with ExitStack() as stack:
        all_running = {peer: stack.enter_context(field.start(peer)) for peer in peers}
        for number in range(field.sizes.session_rounds + 1):
            say(f"own logins: round {number} of {field.sizes.session_rounds}")
            for peer, running in all_running.items():
                spent = cpu_per_session(field, peer, running)
                times = field.clients.do(Clients.greetings, running.port, field.sizes.greetings)
                if number:
                    cpu[peer].append(spent)
                    waits[peer].append([seconds * 1000 for seconds in times])
                running.settle()
    plain, desk = peers
    cost = Column("CPU per session, ms", 2, table=_TITLE)
    cost.figures = {peer.name: Figure.of(samples) for peer, samples in cpu.items()}
    greeting = Column("Greeting after, ms", 2, table=_TITLE)
    greeting.figures = {peer.name: Figure.pooled(samples, 50) for peer, samples in waits.items()}
    ratio, first = cost.figures[desk.name].beside(cost.figures[plain.name]), greeting.figures[desk.name]
    return Findings(
        [cost, greeting],
        [
            Target("CPU per session with an account, beside one without", 1.2, ratio.value, "x",
                   spread=ratio.middle_half()),
            Target("Greeting of a service with accounts", 1, first.value, "ms", spread=first.middle_half()),
        ],
    )  # fmt: skip
