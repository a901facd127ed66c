"""What says a token to the server for a client that says a password: popover with an account, and email-oauth2-proxy.

Both are programs that sign in by themselves (client credentials), so that no person is needed.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from bench.certificates import HOST
from bench.peers.base import Peer, Place
from bench.peers.popover import Popover

USER, PASSWORD = "anna@example.com", "secret"

_POPOVER = """
drain_timeout = 0

[[service]]
dialect = "pop3"
listen = "127.0.0.1:{listen}"
accounts = true
max_sessions = 0
max_sessions_per_client = 0

[[account]]
name = "{user}"
login = "{user}"
server = "pop3s://{host}:{server}"
ca_file = "{ca_file}"
password_file = "password"

[account.oauth2]
grant = "client_credentials"
client_id = "bench"
client_secret_file = "client-secret"
token_url = "{token_url}"
scopes = ["mail"]
ca_file = "{ca_file}"
"""


class TokenPopover(Popover):
    """`popover run -c FILE` with one account; its local password is a hash, as `popover account add` writes it."""

    name = "popover, OAuth2"

    def __init__(self, python: str, token_url: str, hashed: str) -> None:
        super().__init__(python)
        self._token_url, self._hashed = token_url, hashed

    def command(self, place: Place) -> list[str]:  # noqa: D102
        for name, words in (("password", self._hashed), ("client-secret", "secret")):
            path = place.directory / name
            path.touch(mode=0o600)
            path.write_text(f"{words}\n")
        config = place.directory / "popover.toml"
        keys = place.way()._asdict() | {"ca_file": place.ca_file, "host": HOST, "user": USER}
        config.write_text(_POPOVER.format(**keys, token_url=self._token_url))
        self._environment["STATE_DIRECTORY"] = str(place.directory / "state")
        return [self.program, "-m", "popover", "run", "-c", str(config)]


_EMAILPROXY = """
[Server setup]
[POP-{listen}]
server_address = {host}
server_port = {server}
local_address = 127.0.0.1

[Account setup]
[{user}]
token_url = {token_url}
oauth2_scope = mail
oauth2_flow = client_credentials
redirect_uri = http://localhost
client_id = bench
client_secret = secret
"""


# Where bench/install-peers puts it.
_ENVIRONMENT = Path(__file__).parents[2] / "build" / "peers" / "email-oauth2-proxy"
_VERSION = "from importlib.metadata import version; print(version('emailproxy'))"


class EmailProxy(Peer):
    """email-oauth2-proxy, without its window. It encrypts its tokens by the client's password."""

    name = "email-oauth2-proxy"
    program = str(_ENVIRONMENT / "bin" / "emailproxy")

    def __init__(self, token_url: str) -> None:
        self._token_url = token_url
        self._environment: dict[str, str] = {}

    def environment(self) -> Mapping[str, str]:  # noqa: D102
        return MappingProxyType(self._environment)

    def version_command(self) -> list[str]:
        """It does not say its version by itself."""
        return [str(_ENVIRONMENT / "bin" / "python"), "-c", _VERSION]

    def command(self, place: Place) -> list[str]:  # noqa: D102
        config = place.directory / "emailproxy.config"
        keys = place.way()._asdict() | {"host": HOST, "user": USER, "token_url": self._token_url}
        config.write_text(_EMAILPROXY.format(**keys))
        self._environment["SSL_CERT_FILE"] = str(place.ca_file)
        log = place.directory / "sessions.log"
        return [self.program, "--no-gui", "--config-file", str(config), "--log-file", str(log)]
