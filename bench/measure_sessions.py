"""Processor time per POP3 session: connect, greeting, USER, PASS, STAT, QUIT."""

from bench.clients import Clients
from bench.field import Field, say
from bench.findings import Column, Figure, Findings, ratio_target
from bench.peers import Peer, Running
from bench.server import Server

# Sessions at a time: the family's mail programs, all on the same minute.
_WIDTH = 4


def measure(field: Field) -> Findings:
    """Each round sends a few hundred sessions through each peer; the first round does not count."""
    samples: dict[Peer, list[float]] = {peer: [] for peer in field.peers}
    remarks = []
    with field.start_all() as all_running:
        for peer, running in all_running.items():
            cpu_per_session(field, peer, running)
        field.server.do(Server.tally)
        for number in range(field.sizes.session_rounds):
            say(f"sessions: round {number + 1} of {field.sizes.session_rounds}")
            for peer, running in all_running.items():
                samples[peer].append(cpu_per_session(field, peer, running))
                if number == 0:
                    remarks.append(_describe(field, peer))
    column = Column("CPU per session, ms", 2, beside=("nginx", "stunnel"))
    column.figures = {peer.name: Figure.of(times) for peer, times in samples.items()}
    what = "CPU per session"
    return Findings(
        [column],
        [
            *ratio_target(column, what, "stunnel", 1.1),
            *ratio_target(column, what, "nginx", 1.7),
            *ratio_target(column, what, "xinetd + s_client", 1 / 20),
        ],
        remarks,
    )


def cpu_per_session(field: Field, peer: Peer, running: Running) -> float:
    """Milliseconds per session, over one round of them."""
    count = max(4, field.sizes.sessions // peer.divisor)
    before = running.cpu_seconds()
    field.clients.do(Clients.sessions, running.port, count, _WIDTH)
    running.settle()
    return (running.cpu_seconds() - before) / count * 1000


def _describe(field: Field, peer: Peer) -> str:
    """What the server saw of this peer's sessions."""
    tally = field.server.do(Server.tally)
    share = tally.resumed / tally.sessions
    return f"{peer.name}: {', '.join(sorted(tally.ciphers))}, {share:.0%} of the sessions resumed."
