"""The real xinetd, in the foreground, with the service files a test gives it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from parts.net import LOOPBACK, is_listening
from parts.program import Program

# The recipe popover replaces, word for word but for what stands in braces.
RECIPE = """
service pop2pops
{{
  type = UNLISTED
  flags = NORETRY
  socket_type = stream
  protocol = tcp
  wait = no
  user = {user}
  instances = 10
  server = {server}
  server_args = {server_args}
  port = {port}
#  log_type = FILE /var/log/pop2pops.log
#  log_on_success = PID HOST USERID DURATION
#  log_on_failure = HOST USERID
}}
"""


@contextmanager
def xinetd(directory: Path, services: str, *ports: int) -> Iterator[Program]:
    """Runs xinetd with these services, bound to loopback, from when it listens on all of these ports.

    `log.txt` in the directory is xinetd's own log. What a server writes goes to its client: xinetd makes the
    socket its stdin, stdout and stderr.
    """
    config = directory / "xinetd.conf"
    log = directory / "log.txt"
    defaults = f"defaults\n{{\nbind = {LOOPBACK}\nlog_type = FILE {log}\nlog_on_success = PID\n}}\n"
    config.write_text(defaults + services)
    options: list[str | Path] = ["-dontfork", "-stayalive", "-f", config, "-filelog", log]
    options += ["-pidfile", directory / "pid"]
    with Program("xinetd", *options, output=directory / "output.txt") as program:
        program.wait_until(lambda: all(is_listening(port) for port in ports), "xinetd listens")
        yield program
