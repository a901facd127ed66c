"""popover itself, or a variant of it."""

import shutil
import sys
from collections.abc import Mapping
from types import MappingProxyType

from bench.certificates import HOST
from bench.peers.base import Peer, Place, find_version

_CONFIG = "drain_timeout = 0\n"
_SERVICE = """
[[service]]
listen = "127.0.0.1:{listen}"
server = "pop3s://{host}:{server}"
ca_file = "{ca_file}"
max_sessions = 0
max_sessions_per_client = 0
"""


class Popover(Peer):
    """`popover run -c FILE`, without limits on sessions. `variant`: "NAME=VALUE" for its environment."""

    name = "popover"

    def __init__(self, python: str = sys.executable, variant: str = "") -> None:
        self.program = python
        self._environment: dict[str, str] = {}
        if variant:
            key, _, value = variant.partition("=")
            self.name = f"popover {variant}"
            self._environment[key] = value

    def installed(self) -> bool:  # noqa: D102
        return shutil.which(self.program) is not None

    def environment(self) -> Mapping[str, str]:  # noqa: D102
        return MappingProxyType(self._environment)

    def version_command(self) -> list[str]:  # noqa: D102
        return [self.program, "-m", "popover", "--version"]

    def version(self) -> str:  # noqa: D102
        return f"{super().version()}, Python {find_version([self.program, '--version'])}"

    def command(self, place: Place) -> list[str]:  # noqa: D102
        config = place.directory / "popover.toml"
        services = (_SERVICE.format(**way._asdict(), ca_file=place.ca_file, host=HOST) for way in place.ways)
        config.write_text(_CONFIG + "".join(services))
        return [self.program, "-m", "popover", "run", "-c", str(config)]
