"""nginx with its stream module: the fastest of the peers."""

from pathlib import Path

from bench.certificates import HOST
from bench.peers.base import Peer, Place

# Where Debian puts it; elsewhere it may be part of nginx itself.
_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
_CONFIG = """
load_module {module};
daemon off;
worker_processes 1;
worker_rlimit_nofile {connections};
pid {directory}/pid;
error_log stderr;
events {{ worker_connections {connections}; }}
stream {{
    log_format session '$remote_addr $upstream_addr $bytes_sent $bytes_received $session_time';
    access_log {directory}/access.log session;
    {services}
}}
"""
_SERVICE = """
    server {{
        listen 127.0.0.1:{listen} backlog=4096;
        proxy_pass 127.0.0.1:{server};
        proxy_ssl on;
        proxy_ssl_verify on;
        proxy_ssl_trusted_certificate {ca_file};
        proxy_ssl_name {host};
        proxy_ssl_server_name on;
        proxy_ssl_session_reuse on;
        proxy_ssl_protocols TLSv1.2 TLSv1.3;
    }}
"""


class Nginx(Peer):
    """One worker; verification, SNI and TLS 1.3 switched on, which are off by default."""

    name = "nginx"
    program = "nginx"
    crew = 2  # the master and its worker

    def installed(self) -> bool:  # noqa: D102
        return super().installed() and _MODULE.exists()

    def version_command(self) -> list[str]:  # noqa: D102
        return ["nginx", "-v"]

    def command(self, place: Place) -> list[str]:  # noqa: D102
        # A session is two connections; their records are made at the start.
        config = place.directory / "nginx.conf"
        services = "".join(_SERVICE.format(**way._asdict(), ca_file=place.ca_file, host=HOST) for way in place.ways)
        connections = 2 * place.sessions + 64
        config.write_text(
            _CONFIG.format(directory=place.directory, services=services, module=_MODULE, connections=connections)
        )
        return ["nginx", "-p", str(place.directory), "-e", "stderr", "-c", str(config)]
