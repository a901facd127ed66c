"""HAProxy in TCP mode."""

from bench.certificates import HOST
from bench.peers.base import Peer, Place

_CONFIG = """
global
    maxconn {sessions}
    nbthread 1
    log stderr format raw local0 info
defaults
    mode tcp
    log global
    option tcplog
    timeout connect 10s
    timeout client 30m
    timeout server 30m
"""
_SERVICE = """
listen pop3-{listen}
    bind 127.0.0.1:{listen} backlog 4096
    server mail 127.0.0.1:{server} ssl verify required ca-file {ca_file} verifyhost {host} sni str({host})
"""


class Haproxy(Peer):
    """One thread."""

    name = "haproxy"
    program = "haproxy"

    def version_command(self) -> list[str]:  # noqa: D102
        return ["haproxy", "-v"]

    def command(self, place: Place) -> list[str]:  # noqa: D102
        config = place.directory / "haproxy.cfg"
        services = (_SERVICE.format(**way._asdict(), ca_file=place.ca_file, host=HOST) for way in place.ways)
        config.write_text(_CONFIG.format(sessions=place.sessions) + "".join(services))
        return ["haproxy", "-db", "-f", str(config)]
