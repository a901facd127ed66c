"""What popover replaces: xinetd, which starts `openssl s_client` for each session."""

import getpass
import os
import shutil
from pathlib import Path

from bench.certificates import HOST
from bench.peers.base import Peer, Place, find_version

# The recipe word for word, but for what the bench needs: it is bound to loopback; `instances` and `cps` are
# raised, or the eleventh session and the fifty-first of a second would be turned away; the server's authority
# joins the system's by `env`, and -servername says what s_client leaves out for a name without a dot: either
# puts a line of OpenSSL's before the greeting. OpenSSL 3.2 and newer always puts one there ("Connecting to ::1", on
# stderr, which xinetd joins to the connection): with them the recipe only works as a script that hides it.
_CONFIG = """
service pop2pops
{{
  type = UNLISTED
  flags = NORETRY
  socket_type = stream
  protocol = tcp
  wait = no
  user = {user}
  instances = UNLIMITED
  cps = 10000 1
  bind = 127.0.0.1
  env = SSL_CERT_FILE={bundle}
{server_lines}
  port = {listen}
}}
"""

# Debian's: some 140 authorities.
_SYSTEM_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


class Recipe(Peer):
    """Reads all of the system's certificates anew for each session, and goes on whatever they say."""

    name = "xinetd + s_client"
    program = "xinetd"
    divisor = 10
    most_idle = 20

    def version_command(self) -> list[str]:  # noqa: D102
        return ["xinetd", "-version"]

    def installed(self) -> bool:  # noqa: D102
        return super().installed() and shutil.which("openssl") is not None

    def version(self) -> str:  # noqa: D102
        return f"{super().version()}, OpenSSL {find_version(['openssl', 'version'])}"

    def command(self, place: Place) -> list[str]:  # noqa: D102
        way = place.way()
        user = "nobody" if os.geteuid() == 0 else getpass.getuser()
        openssl = shutil.which("openssl")
        bundle = place.directory / "bundle.pem"
        bundle.write_bytes(b"".join(file.read_bytes() for file in (_SYSTEM_BUNDLE, place.ca_file) if file.exists()))
        config = place.directory / "xinetd.conf"
        args = f"s_client -connect {HOST}:{way.server} -servername {HOST} -quiet -verify_quiet"
        if _talkative():
            script = place.directory / "quiet"
            script.write_text(f"#!/bin/sh\nexec {openssl} {args} 2>/dev/null\n")
            script.chmod(0o755)
            server_lines = f"  server = {script}"
        else:
            server_lines = f"  server = {openssl}\n  server_args = {args}"
        config.write_text(_CONFIG.format(listen=way.listen, user=user, bundle=bundle, server_lines=server_lines))
        pid_file = place.directory / "pid"
        return ["xinetd", "-dontfork", "-stayalive", "-f", str(config), "-pidfile", str(pid_file)]


def _talkative() -> bool:
    """Whether s_client writes a line before the server's, whatever it was told."""
    major, minor = find_version(["openssl", "version"]).split(".")[:2]
    return (int(major), int(minor)) >= (3, 2)
