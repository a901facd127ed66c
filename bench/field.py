"""What a measurement is given: the peers, the mail server, the clients, and how much to do."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.apart import Apart
from bench.certificates import issue
from bench.clients import Clients
from bench.peers import Peer, Running
from bench.server import Server


@dataclass(frozen=True)
class Sizes:
    """How much to do. Rounds come in turn: each peer once, then each again."""

    session_rounds: int = 25
    sessions: int = 200
    bulk_rounds: int = 9
    mail_mb: int = 64
    mails: int = 4
    idle_rounds: int = 3
    idle: int = 500
    greeting_rounds: int = 10
    greetings: int = 20
    starts: int = 5
    crowd: int = 9000
    versions: int = 15
    soak: int = 50_000
    soak_samples: int = 50
    fair_rounds: int = 5
    fair_noops: int = 300
    fair_greetings: int = 60
    fair_slow: bool = True  # also loads that take seconds to come to full swing


FULL = Sizes()
QUICK = Sizes(
    session_rounds=3,
    sessions=100,
    bulk_rounds=2,
    mail_mb=32,
    mails=2,
    idle_rounds=1,
    idle=100,
    greeting_rounds=2,
    greetings=10,
    starts=1,
    crowd=500,
    versions=3,
    soak=2_000,
    soak_samples=20,
    fair_rounds=1,
    fair_noops=100,
    fair_greetings=20,
    fair_slow=False,
)


@dataclass(frozen=True)
class Field:
    """The peers to measure, and the processes around them."""

    peers: list[Peer]
    sizes: Sizes
    server: Apart[Server]
    clients: Apart[Clients]
    server_port: int
    ca_file: Path
    certificate: Path

    @contextmanager
    def start(self, peer: Peer, sessions: int = 1000, beside: tuple[int, ...] = ()) -> Iterator[Running]:
        """One peer, to the end of the block; it can hold so many sessions. `beside`: ports of more servers."""
        with peer.start(self.server_port, self.ca_file, sessions, beside) as running:
            yield running

    @contextmanager
    def start_all(self) -> Iterator[dict[Peer, Running]]:
        """All peers at once, each having served one session already."""
        with ExitStack() as stack:
            yield {peer: stack.enter_context(self.start(peer)) for peer in self.peers}


@contextmanager
def lay_out(peers: list[Peer], sizes: Sizes) -> Iterator[Field]:
    """Start the mail server and the clients."""
    with TemporaryDirectory(prefix="bench-") as made:
        directory = Path(made)
        directory.chmod(0o755)  # peers that became another user read the authority there
        ca_file, certificate = issue(directory)
        with Apart(Server, certificate, sizes.mail_mb * 1_000_000) as server, Apart(Clients) as clients:
            yield Field(peers, sizes, server, clients, server.do(Server.port), ca_file, certificate)


def say(text: str) -> None:
    """Tell who waits what is being done, on stderr."""
    print(f"  {text}", file=sys.stderr, flush=True)
