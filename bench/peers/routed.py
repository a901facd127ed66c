"""What asks for the user name first and finds the server by it: popover with a table, and others who do the same.

All trust the same bundle: the system's authorities and the bench's own. Who reads it for each session pays for it.
"""

import getpass
import grp
import os
from pathlib import Path

from bench.certificates import HOST
from bench.peers.base import Peer, Place, free_port
from bench.peers.popover import Popover

# Debian's: some 140 authorities.
_SYSTEM_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")

_POPOVER = """
drain_timeout = 0

[[table]]
name = "users"
kind = "popmap"
file = "popmap.re"

[[service]]
dialect = "pop3"
listen = "127.0.0.1:{listen}"
table = "users"
ca_file = "bundle.pem"
max_sessions = 0
max_sessions_per_client = 0
"""


def write_bundle(place: Place) -> Path:
    """Whom to trust."""
    bundle = place.directory / "bundle.pem"
    bundle.write_bytes(b"".join(file.read_bytes() for file in (_SYSTEM_BUNDLE, place.ca_file) if file.exists()))
    return bundle


def write_popmap(place: Place) -> Path:
    """Everybody is at the one server; twenty lines, a club, stand before that one."""
    popmap = place.directory / "popmap.re"
    others = "".join(f"^user{number}$: other.example\n" for number in range(20))
    popmap.write_text(f"{others}^.*$: {HOST}:{place.way().server}\n")
    return popmap


class RoutedPopover(Popover):
    """`popover run -c FILE` with Perdition's popmap.re."""

    name = "popover, table"

    def command(self, place: Place) -> list[str]:  # noqa: D102
        write_bundle(place)
        write_popmap(place)
        config = place.directory / "popover.toml"
        config.write_text(_POPOVER.format(listen=place.way().listen))
        return [self.program, "-m", "popover", "run", "-c", str(config)]


class Perdition(Peer):
    """A process for each session, which reads the bundle anew."""

    name = "perdition"
    program = "perdition.pop3"
    divisor = 4
    most_idle = 100

    def version_command(self) -> list[str]:  # noqa: D102
        return [self.program, "--help"]

    def command(self, place: Place) -> list[str]:  # noqa: D102
        user, group = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name
        words = {
            "bind_address": "127.0.0.1",
            "listen_port": str(place.way().listen),
            "map_library": "libperditiondb_posix_regex.so.0",
            "map_library_opt": str(write_popmap(place)),
            "ssl_mode": "ssl_outgoing",
            "ssl_ca_file": str(write_bundle(place)),
            "log_facility": "-",
            "username": user,
            "group": group,
            "pid_file": "",
        }
        options = [word for key, value in words.items() for word in (f"--{key}", value)]
        return [self.program, "--no_daemon", "--no_lookup", *options]


_NGINX = """
{modules}
daemon off;
worker_processes 1;
worker_rlimit_nofile {connections};
pid {directory}/pid;
error_log {directory}/sessions.log info;
events {{ worker_connections {connections}; }}
mail {{
    server_name localhost;
    auth_http 127.0.0.1:{asked}/;
    server {{ listen 127.0.0.1:{listen} backlog=4096; protocol pop3; pop3_auth plain; }}
}}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen 127.0.0.1:{asked} backlog=4096;
        add_header Auth-Status OK;
        add_header Auth-Server 127.0.0.1;
        add_header Auth-Port {hop};
        location / {{ return 204; }}
    }}
}}
stream {{
    server {{
        listen 127.0.0.1:{hop} backlog=4096;
        proxy_pass 127.0.0.1:{server};
        proxy_ssl on;
        proxy_ssl_verify on;
        proxy_ssl_trusted_certificate {bundle};
        proxy_ssl_name {host};
        proxy_ssl_server_name on;
        proxy_ssl_session_reuse on;
        proxy_ssl_protocols TLSv1.2 TLSv1.3;
    }}
}}
"""


class NginxMail(Peer):
    """Its mail proxy speaks no TLS to servers: a `stream` of the same nginx does. The back end that it asks is itself,
    too, and says the same to all: there is none that costs less.
    """

    name = "nginx mail"
    program = "nginx"
    crew = 2  # the master and its worker
    modules = Path("/usr/lib/nginx/modules")

    def installed(self) -> bool:  # noqa: D102
        return super().installed() and all(path.exists() for path in self._modules())

    def version_command(self) -> list[str]:  # noqa: D102
        return ["nginx", "-v"]

    def command(self, place: Place) -> list[str]:  # noqa: D102
        config = place.directory / "nginx.conf"
        config.write_text(
            _NGINX.format(
                **place.way()._asdict(),
                modules="\n".join(f"load_module {path};" for path in self._modules()),
                directory=place.directory,
                bundle=write_bundle(place),
                host=HOST,
                asked=free_port(),
                hop=free_port(),
                connections=6 * place.sessions + 64,  # the client's, the hop's two, the server's, a question's two
            )
        )
        return ["nginx", "-p", str(place.directory), "-e", "stderr", "-c", str(config)]

    def _modules(self) -> list[Path]:
        return [self.modules / f"ngx_{name}_module.so" for name in ("mail", "stream")]


_DOVECOT = """
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/sessions.log
listen = 127.0.0.1
protocols = pop3
disable_plaintext_auth = no
ssl = no
ssl_ca = <{bundle}
ssl_require_crl = no
auth_mechanisms = plain
{users}
passdb {{
  driver = static
  args = nopassword=y proxy=y host={host} hostip=127.0.0.1 port={server} ssl=yes
}}
userdb {{
  driver = prefetch
}}
service pop3-login {{
  chroot =
  service_count = 0
  process_min_avail = 1
  process_limit = 1
  client_limit = {sessions}
  inet_listener pop3 {{
    port = {listen}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


class DovecotProxy(Peer):
    """Its login processes pass sessions on; one of them serves all, as Dovecot's "high-performance mode" has it."""

    name = "dovecot proxy"
    program = "dovecot"
    crew = 12  # its helpers stay

    def installed(self) -> bool:
        """2.4 writes its configuration in another way."""
        return super().installed() and self.version().startswith("2.3.")

    def version_command(self) -> list[str]:  # noqa: D102
        return ["dovecot", "--version"]

    def command(self, place: Place) -> list[str]:  # noqa: D102
        user, group = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name
        lines = f"default_internal_user = {user}\ndefault_login_user = {user}\ndefault_internal_group = {group}"
        config = place.directory / "dovecot.conf"
        config.write_text(
            _DOVECOT.format(
                **place.way()._asdict(),
                directory=place.directory,
                bundle=write_bundle(place),
                host=HOST,
                users="" if os.geteuid() == 0 else lines,
                sessions=2 * place.sessions + 64,
            )
        )
        return ["dovecot", "-F", "-c", str(config)]


ROUTERS: tuple[Peer, ...] = (NginxMail(), DovecotProxy(), Perdition())
