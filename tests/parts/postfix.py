"""A real Postfix of our own: a submission server by implicit TLS (RFC 8314, 3.3), and at `submission_port` by STARTTLS,
that delivers to Dovecot.

    with Postfix(directory, authority, dovecot) as postfix:
        send((postfix.host, postfix.port), user, dovecot.password, sender, [postfix.mailbox(user)], message)
        [stored] = dovecot.wait_for_messages(user, 1)
        assert without_trace(stored) == message

It has a queue, a data directory and a configuration of its own, and leaves the machine's alone. Started by
root, its processes become Postfix's own user; started by another, they stay that one, and only think that
they changed (`pretend`).
"""

import os
import pwd
import re
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from parts import pretend, private
from parts.certificates import Authority, Certificate
from parts.dovecot import NAMES, Dovecot
from parts.net import LOOPBACK, free_port, is_listening
from parts.places import is_root
from parts.program import Program

# Who may send how much: everybody who signs in, 100 MB a message, as often and as many at once as they like.
_MAIN = """
compatibility_level = 3.6
queue_directory = {directory}/queue
data_directory = {directory}/data
maillog_file = {directory}/postfix.log
maillog_file_prefixes = {directory}
mail_owner = {owner}
myhostname = submission.example.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_peername_lookup = no
lmtp_host_lookup = native
alias_maps =
alias_database =
local_recipient_maps =
biff = no
default_process_limit = 200
message_size_limit = 100000000
mailbox_size_limit = 0
virtual_mailbox_limit = 0
smtpd_tls_cert_file = {certificate.cert_file}
smtpd_tls_key_file = {certificate.key_file}
smtpd_tls_wrappermode = yes
smtpd_tls_security_level = encrypt
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {dovecot.auth_socket}
mynetworks =
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_client_connection_count_limit = 0
smtpd_error_sleep_time = 0
virtual_mailbox_domains = example.test
virtual_mailbox_maps = static:any
virtual_transport = lmtp:inet:{dovecot.host}:{dovecot.lmtp_port}
# A message leaves as it came: nothing rewritten, added, recoded or folded but the trace lines.
local_header_rewrite_clients =
disable_mime_output_conversion = yes
lmtp_line_length_limit = 0
cleanup_replace_stray_cr_lf = no
"""

# service type private unprivileged chroot wakeup maxproc command
_MASTER = """
{address} inet n - n - - smtpd
{submission} inet n - n - - smtpd -o smtpd_tls_wrappermode=no
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
proxymap unix - - n - - proxymap
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
showq unix n - n - - showq
postlog unix-dgram n - n - 1 postlogd
"""

# What `postfix start` would make below the queue directory (the file postfix-files), but for root's `pid`.
_QUEUE = (
    *("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "maildrop"),
    *("private", "public", "saved", "trace"),
)

_TRACE = re.compile(rb"\A(?:(?:Return-Path|Delivered-To|Received):[^\n]*\n(?:[ \t][^\n]*\n)*)+", re.IGNORECASE)


class Postfix:
    """Runs from `__enter__` to `__exit__`, as root or not, in a directory every user may enter. `also`: lines of its
    main.cf. After an `__exit__` it can be entered again, at the same ports, with what it had.
    """

    host = LOOPBACK

    def __init__(
        self,
        directory: Path,
        authority: Authority,
        dovecot: Dovecot,
        certificate: Certificate | None = None,
        also: str = "",
    ) -> None:
        self.port, self.submission_port = free_port(), free_port()
        self._directory = directory
        self._dovecot = dovecot
        self._certificate = certificate or authority.issue(*NAMES)
        self._also = also

    def mailbox(self, user: str) -> str:
        """The address of this user of Dovecot's."""
        return f"{user}@example.test"

    def log(self) -> str:
        """All Postfix logged so far."""
        path = self._directory / "postfix.log"
        return path.read_text(errors="backslashreplace") if path.exists() else ""

    def __enter__(self) -> Self:
        self._configure()
        postconf = subprocess.run(["postconf", "-d", "-h", "daemon_directory"], check=True, capture_output=True)
        # The master itself, with -d to stay in the foreground: `postfix start-fg` looks over the queue and
        # the whole installation first, for two seconds, and leaves the master behind when it is ended.
        master = Path(postconf.stdout.decode().strip()) / "master"
        output = self._directory / "output.txt"
        ports = self.port, self.submission_port
        self._program = Program(*_as_root(master, "-c", self._directory / "etc", "-d"), output=output).up(
            lambda: all(map(is_listening, ports)), "Postfix listens", log=self.log
        )
        return self

    def kill(self) -> None:
        """Kill all of it at once."""
        self._program.kill()

    def _configure(self) -> None:
        owner, uid, gid = _owner()
        for name in ("etc", "queue", "queue/pid"):
            (self._directory / name).mkdir(exist_ok=True)
        for name in ("data", *(f"queue/{part}" for part in _QUEUE)):
            (self._directory / name).mkdir(mode=0o700, exist_ok=True)
            os.chown(self._directory / name, uid, gid)
        main = _MAIN.format(
            directory=self._directory, certificate=self._certificate, dovecot=self._dovecot, owner=owner
        )
        addresses = {"address": f"{self.host}:{self.port}", "submission": f"{self.host}:{self.submission_port}"}
        master = _MASTER.format(**addresses)
        for name, text in (("main.cf", main + self._also), ("master.cf", master)):
            path = self._directory / "etc" / name
            path.write_text(text)
            # Postfix reads a file again and again while it is younger than a second.
            os.utime(path, (0, 0))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._program.end()


def _owner() -> tuple[str, int, int]:
    """Whom Postfix becomes: name, user and group ids."""
    if not is_root():
        return pwd.getpwuid(os.getuid()).pw_name, os.getuid(), os.getgid()
    if private.is_brought("postconf"):
        return "postfix", *private.resident("postfix")
    found = pwd.getpwnam("postfix")
    return found.pw_name, found.pw_uid, found.pw_gid


def _as_root(*command: str | Path) -> list[str | Path]:
    """The command for one that is root, or takes himself for root; in a root of its own if it came by install-parts."""
    if private.is_brought("postconf"):
        return private.inside(private.OWN, *private.as_root(*command))
    return list(command) if is_root() else [sys.executable, pretend.__file__, *command]


def without_trace(message: bytes) -> bytes:
    """The message without what Postfix and Dovecot wrote on top of it."""
    return _TRACE.sub(b"", message, count=1)
