"""stunnel in client mode: the usual advice to people with old mail programs."""

from bench.certificates import HOST
from bench.peers.base import Peer, Place

_CONFIG = """
foreground = yes
syslog = no
pid =
"""
_SERVICE = """
[pop3-{listen}]
client = yes
accept = 127.0.0.1:{listen}
connect = 127.0.0.1:{server}
sni = {host}
verifyChain = yes
checkHost = {host}
CAfile = {ca_file}
"""


class Stunnel(Peer):
    """A thread per session; verification switched on, which is off by default."""

    name = "stunnel"
    program = "stunnel4"

    def version_command(self) -> list[str]:  # noqa: D102
        return ["stunnel4", "-version"]

    def command(self, place: Place) -> list[str]:  # noqa: D102
        config = place.directory / "stunnel.conf"
        services = (_SERVICE.format(**way._asdict(), ca_file=place.ca_file, host=HOST) for way in place.ways)
        config.write_text(_CONFIG + "".join(services))
        return ["stunnel4", str(config)]
