"""popover that asks who logs in, and signs in for its clients by an account of its own."""

from pathlib import Path

from bench.certificates import HOST
from bench.peers.base import Place
from bench.peers.popover import Popover

_CONFIG = """
drain_timeout = 0

[[account]]
name = "anna"
login = "anna"
server = "pop3s://{host}:{server}"
ca_file = "{ca_file}"
password_file = "{directory}/password"
secret_file = "{directory}/secret"

[[service]]
dialect = "pop3"
listen = "127.0.0.1:{listen}"
accounts = true
max_sessions = 0
max_sessions_per_client = 0
"""


class DeskPopover(Popover):
    """`popover run -c FILE` with one account, as which its clients log in; its local password is kept as it is."""

    name = "popover, accounts"

    def command(self, place: Place) -> list[str]:  # noqa: D102
        config = place.directory / "popover.toml"
        [way] = place.ways
        for name in ("password", "secret"):
            _write_secret(place.directory / name)
        config.write_text(_CONFIG.format(**way._asdict(), ca_file=place.ca_file, host=HOST, directory=place.directory))
        return [self.program, "-m", "popover", "run", "-c", str(config)]


def _write_secret(path: Path) -> None:
    """Of those whom the clients log in as; read by nobody else."""
    path.touch(mode=0o600)
    path.write_text("secret")
