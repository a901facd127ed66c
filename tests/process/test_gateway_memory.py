"""What a gateway learns to the harm of a server, and what it does not learn for anybody else."""

from pathlib import Path

from fakes.scene import Gateway, Stage
from fakes.server import FakeServer
from fakes.wire import Talker
from parts.net import wait_until

pytest_plugins = ["fakes.fixture"]

GREETING = b"+OK ready\r\n"
CAPA = b"+OK\r\nTOP\r\nUSER\r\nPIPELINING\r\n.\r\n"
CLOSED = b"-ERR too much at once\r\n"


class Deaf:
    """A server that offers PIPELINING and hangs up where commands come in one piece. `together`: how often they did."""

    def __init__(self) -> None:
        self.together = 0

    def __call__(self, wire: Talker) -> None:
        wire.send(GREETING)
        while piece := wire.receive():
            verb, *more = piece.splitlines()
            if more:
                self.together += 1
                wire.send(CLOSED)
                return
            wire.send(CAPA if verb == b"CAPA" else b"+OK 0 0\r\n")
            if verb == b"QUIT":
                return


def looks(gateway: Gateway) -> None:
    """A whole session, step by step."""
    with gateway.greeted(GREETING) as client:
        for line in (b"USER anna", b"PASS secret", b"STAT", b"QUIT"):
            assert client.ask(line).startswith(b"+OK")
        assert client.ending().how == "fin"
    gateway.session()


def finds_out(stage: Stage, server: FakeServer, deaf: Deaf, state: Path) -> int:
    """How often a gateway that keeps its state there tries the server with several commands at once."""
    before = deaf.together
    gateway = stage.gateway(server, env={"STATE_DIRECTORY": str(state)}, warm=0)
    looks(gateway)
    wait_until((state / "servers.json").exists, "it was found out, or is known")
    for _ in range(2):
        looks(gateway)
    assert gateway.popover.stop() == 0
    return deaf.together - before


def test_what_a_server_has_failed_in_is_known_after_a_restart(stage: Stage, tmp_path: Path) -> None:
    """It costs nobody a second time; where nothing is known of it, it does."""
    deaf = Deaf()
    server = stage.server(deaf)
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    assert finds_out(stage, server, deaf, here) > 0
    assert finds_out(stage, server, deaf, here) == 0
    assert finds_out(stage, server, deaf, elsewhere) > 0
