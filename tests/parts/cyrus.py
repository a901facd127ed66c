"""A real Cyrus, for POP3 and IMAP by its own TLS. Messages come in by LMTP, so each begins with Cyrus's trace lines.

with Cyrus(directory, authority) as cyrus:
    user = cyrus.new_user([PLAIN])
    fetch((cyrus.host, cyrus.port), user, cyrus.password)
"""

import smtplib
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from parts.account import Account
from parts.certificates import Authority
from parts.clients import pop3
from parts.net import LOOPBACK, free_port, is_listening
from parts.private import OWN, inside
from parts.program import Program
from parts.residents import PASSWORD, Residents

_IMAPD = """
configdirectory: {directory}/config
defaultpartition: default
partition-default: {directory}/spool
proc_path: {directory}/proc
mboxname_lockpath: {directory}/lock
admins: cyrus
virtdomains: off
servername: test
allowplaintext: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {directory}/sasldb2
sasl_mech_list: PLAIN LOGIN
tls_server_cert: {directory}/cert.pem
tls_server_key: {directory}/key.pem
# A mailbox begins with its first message, and what is deleted is gone.
autocreate_quota: 0
autocreate_post: yes
expunge_mode: immediate
delete_mode: immediate
popminpoll: 0
duplicatesuppression: no
"""
_SERVICES = """
START {{
  recover cmd="ctl_cyrusdb -r"
}}
SERVICES {{
  pop3s cmd="pop3d -s -U 100" listen="{host}:{port}" proto="tcp4" prefork=1 maxchild=200
  imaps cmd="imapd -s -U 100" listen="{host}:{imaps}" proto="tcp4" prefork=1 maxchild=200
  imap cmd="imapd -U 100" listen="{host}:{imap}" proto="tcp4" prefork=1 maxchild=200
  lmtp cmd="lmtpd -a" listen="{host}:{lmtp}" proto="tcp4" prefork=0 maxchild=20
}}
EVENTS {{
}}
"""


class Cyrus:
    """`port` is POP3 over TLS, `imaps_port` IMAP over TLS and `imap_port` IMAP with STARTTLS, for the name localhost;
    runs from `__enter__` to `__exit__`.
    """

    host = LOOPBACK
    password = PASSWORD

    def __init__(self, directory: Path, authority: Authority) -> None:
        self.port, self.imaps_port, self.imap_port, self._lmtp = (free_port() for _ in range(4))
        self._directory = directory
        self._ca_file = authority.ca_file
        self._config = directory / "imapd.conf"  # its programs look for it in /etc, whatever the first one is told
        self._certificate = authority.issue("localhost")
        self._residents = Residents(directory)

    def new_user(self, messages: Sequence[bytes]) -> str:
        """A user with these messages in his mailbox."""
        user = self._residents.add()
        options: list[str | Path] = ["-p", "-c", "-f", self._directory / "sasldb2", "-u", "test", user]
        subprocess.run(self._inside("saslpasswd2", *options), input=self.password.encode(), check=True)
        self._residents.own(self._directory / "sasldb2")
        with smtplib.LMTP(self.host, self._lmtp) as lmtp:
            for message in messages:
                lmtp.sendmail("sender@example.test", [user], message)
        return user

    def left(self, user: str) -> list[str]:
        """The UIDs of the messages that are there, told in a session: its files may outlive them for a while."""
        client = pop3(Account((self.host, self.port), user, self.password, self._ca_file))
        client.user(user)
        client.pass_(self.password)
        names = [line.decode().rpartition(".")[2] for line in client.uidl()[1]]
        client.quit()
        return names

    def _inside(self, *command: str | Path) -> list[str | Path]:
        return inside(OWN, *command, binds=self._residents.binds | {"/etc/imapd.conf": self._config})

    def __enter__(self) -> Self:
        for name in ("config", "config/socket", "config/log", "config/msg", "spool", "proc", "lock"):
            self._residents.make(self._directory / name)
        self._residents.give(self._directory / "cert.pem", self._certificate.cert_file.read_bytes())
        self._residents.give(self._directory / "key.pem", self._certificate.key_file.read_bytes())
        services = self._directory / "cyrus.conf"
        self._config.write_text(_IMAPD.format(directory=self._directory))
        ports = {"port": self.port, "imaps": self.imaps_port, "imap": self.imap_port, "lmtp": self._lmtp}
        services.write_text(_SERVICES.format(host=self.host, **ports))
        command = self._inside("/usr/lib/cyrus/bin/master", "-M", services, "-p", self._directory / "pid")
        self._program = Program(*command, output=self._directory / "output.txt").up(
            lambda: all(map(is_listening, ports.values())), "Cyrus listens"
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._program.end()
