"""Courier's POP3 server as it is: its daemon for passwords, its listener, its TLS and its login.

    with Courier(directory, authority) as courier:
        user = courier.new_user([PLAIN])
        fetch((courier.host, courier.port), user, courier.password)

Its login reads what there is, and what stands behind PASS in it is lost when the mailbox's program takes over,
although CAPA says PIPELINING.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from parts.certificates import Authority
from parts.net import LOOPBACK, free_port, is_listening
from parts.private import OWN, as_root, inside
from parts.program import Program
from parts.residents import PASSWORD, Residents

_LIBRARY = Path("/usr/lib/courier")
_LOGIN = [_LIBRARY / "courier" / name for name in ("courierpop3login", "courierpop3d")]
# As in /etc/courier/pop3d and pop3d-ssl; by default one address may have four sessions.
_SETTINGS = {"POP3AUTH": "", "POP3AUTH_TLS": "", "POP3_TLS": "1", "POP3_STARTTLS": "NO", "TLS_VERIFYPEER": "NONE"}
_LISTENER = ("-maxprocs=400", "-maxperip=400", "-nodnslookup")


class Courier:
    """`port` is POP3 over TLS, for the name localhost. It ends with the `with` block of `courier`."""

    host = LOOPBACK
    password = PASSWORD

    def __init__(self, residents: Residents) -> None:
        self.port = free_port()
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
    listener = ["couriertcpd", f"-address={server.host}", *_LISTENER, str(server.port)]
    tls = ["/usr/bin/couriertls", "-server", "-tcpd", "-user=courier"]
    with ExitStack() as stack:

        def start(name: str, command: Sequence[str | Path], env: Mapping[str, str]) -> Program:
            words = inside(OWN, *as_root(*command), binds=binds)
            return stack.enter_context(Program(*words, output=directory / f"{name}.txt", env=env))

        passwords = {"authmodulelist": "authpam", "daemons": "5", "authdaemonvar": "/run/courier/authdaemon"}
        daemon = start("authdaemond", [_LIBRARY / "courier-authlib" / "authdaemond"], passwords)
        daemon.wait_until((directory / "run" / "authdaemon" / "socket").exists, "Courier knows its users")
        settings = _SETTINGS | {"TLS_CERTFILE": str(directory / "both.pem")}
        program = start("couriertcpd", [*listener, *tls, *_LOGIN, "Maildir"], settings)
        program.wait_until(lambda: is_listening(server.port), "Courier listens")
        yield server
