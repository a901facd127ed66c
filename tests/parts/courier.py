"""Courier's POP3 and IMAP servers as they are: their daemon for passwords, listeners, TLS and logins.

    with courier(directory, authority) as server:
        user = server.new_user([PLAIN])
        fetch((server.host, server.port), user, server.password)

Its POP3 login reads what there is, and what stands behind PASS in it is lost when the mailbox's program takes over,
although CAPA says PIPELINING.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from parts.certificates import Authority
from parts.net import LOOPBACK, free_port, is_listening
from parts.private import OWN, as_root, inside
from parts.program import Program
from parts.residents import PASSWORD, Residents

_LIBRARY = Path("/usr/lib/courier")
_POP3: list[str | Path] = [_LIBRARY / "courier" / name for name in ("courierpop3login", "courierpop3d")]
_IMAP: list[str | Path] = [_LIBRARY / "courier" / "imaplogin", "/usr/bin/imapd"]
_TLS = "/usr/bin/couriertls"
_CAPABILITY = "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE"
# As in /etc/courier/pop3d, pop3d-ssl, imapd and imapd-ssl; by default one address may have four sessions.
_SETTINGS = {
    "TLS_VERIFYPEER": "NONE", "COURIERTLS": _TLS, "POP3AUTH": "", "POP3AUTH_TLS": "", "POP3_TLS": "1",
    "POP3_STARTTLS": "NO", "IMAP_CAPABILITY": _CAPABILITY, "IMAP_CAPABILITY_TLS": f"{_CAPABILITY} AUTH=PLAIN",
    "IMAP_KEYWORDS": "1", "IMAP_USELOCKS": "1", "IMAP_IDLE_TIMEOUT": "60", "IMAP_MAILBOX_SANITY_CHECK": "1",
}  # fmt: skip
_LISTENER = ("-maxprocs=400", "-maxperip=400", "-nodnslookup")


class Courier:
    """`port` is POP3 over TLS, `imaps_port` IMAP over TLS and `imap_port` IMAP with STARTTLS, for the name localhost.
    It ends with the `with` block of `courier`.
    """

    host = LOOPBACK
    password = PASSWORD

    def __init__(self, residents: Residents) -> None:
        self.port, self.imaps_port, self.imap_port = free_port(), free_port(), free_port()
        self._residents = residents

    def new_user(self, messages: Sequence[bytes]) -> str:
        """A user with these messages in his Maildir."""
        user = self._residents.add()
        self._residents.fill_maildir(user, messages)
        return user

    def left(self, user: str) -> list[str]:
        """The names of the messages that are there."""
        return self._residents.left_in_maildir(user)


@contextmanager
def courier(directory: Path, authority: Authority) -> Iterator[Courier]:
    """Runs from here to the end of the block, in a directory every user may enter."""
    residents = Residents(directory)
    server = Courier(residents)
    certificate = authority.issue("localhost")
    residents.give(directory / "both.pem", certificate.key_file.read_bytes() + certificate.cert_file.read_bytes())
    residents.make(directory / "run")
    (directory / "run" / "authdaemon").mkdir(mode=0o755)
    binds = residents.binds | {"/run/courier": directory / "run"}
    tls = [_TLS, "-server", "-tcpd", "-user=courier"]
    with ExitStack() as stack:

        def start(name: str, command: Sequence[str | Path], env: Mapping[str, str]) -> Program:
            words = inside(OWN, *as_root(*command), binds=binds)
            return stack.enter_context(Program(*words, output=directory / f"{name}.txt", env=env))

        passwords = {"authmodulelist": "authpam", "daemons": "5", "authdaemonvar": "/run/courier/authdaemon"}
        daemon = start("authdaemond", [_LIBRARY / "courier-authlib" / "authdaemond"], passwords)
        daemon.wait_until((directory / "run" / "authdaemon" / "socket").exists, "Courier knows its users")
        settings = _SETTINGS | {"TLS_CERTFILE": str(directory / "both.pem")}
        services: dict[int, tuple[list[str | Path], dict[str, str]]] = {
            server.port: ([*tls, *_POP3], {}),
            server.imaps_port: ([*tls, *_IMAP], {"IMAP_TLS": "1"}),
            server.imap_port: (_IMAP, {"IMAP_STARTTLS": "YES"}),
        }
        for port, (login, more) in services.items():
            listener = ["couriertcpd", f"-address={server.host}", *_LISTENER, str(port)]
            program = start(f"couriertcpd-{port}", [*listener, *login, "Maildir"], settings | more)
            program.wait_until(partial(is_listening, port), "Courier listens")
        yield server
