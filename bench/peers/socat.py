"""socat: a process per session."""

from bench.certificates import HOST
from bench.peers.base import Peer, Place


class Socat(Peer):
    """Verifies by default; keeps no TLS session, since each child has only one."""

    name = "socat"
    program = "socat"
    divisor = 4

    def version_command(self) -> list[str]:  # noqa: D102
        return ["socat", "-V"]

    def command(self, place: Place) -> list[str]:  # noqa: D102
        way = place.way()
        inside = f"TCP4-LISTEN:{way.listen},bind=127.0.0.1,fork,reuseaddr,nodelay,backlog=4096"
        outside = f"OPENSSL:127.0.0.1:{way.server},verify=1,cafile={place.ca_file}"
        return ["socat", inside, f"{outside},commonname={HOST},snihost={HOST},nodelay"]
