"""POP3 servers of the days of inetd: one program per connection, Debian's stunnel in front of them.

    with Popa3d.started(directory, authority) as server:
        user = server.new_user([PLAIN])
        fetch((server.host, server.port), user, server.password)

Courier's listener stands for inetd: these programs look at their connection, which has to be a TCP one.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from parts.certificates import Authority
from parts.net import LOOPBACK, free_port, is_listening
from parts.private import OWN, as_root, inside
from parts.program import Program
from parts.residents import PASSWORD, Residents

_STUNNEL = """
foreground = yes
pid =
syslog = no
debug = err
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
[pop3s]
accept = {host}:{port}
connect = {host}:{inner}
cert = {certificate.cert_file}
key = {certificate.key_file}
"""
_LISTENER = ("-maxprocs=400", "-maxperip=400", "-nodnslookup")


class Inetd(ABC):
    """`port` is POP3 over TLS, for the name localhost. It ends with the `with` block of `started`."""

    host = LOOPBACK
    password = PASSWORD

    def __init__(self, directory: Path) -> None:
        self.port, self._inner = free_port(), free_port()
        self._directory = directory
        self.residents = Residents(directory)

    @abstractmethod
    def command(self, directory: Path) -> list[str | Path]:
        """The program for one connection; its files are to be in `directory`."""

    @abstractmethod
    def fill(self, user: str, messages: Sequence[bytes]) -> None:
        """Put messages into a new mailbox."""

    @abstractmethod
    def left(self, user: str) -> list[str]:
        """The names of the messages that are there."""

    def new_user(self, messages: Sequence[bytes]) -> str:
        """A user with these messages in his mailbox."""
        user = self.residents.add()
        self.fill(user, messages)
        return user

    @classmethod
    @contextmanager
    def started(cls, directory: Path, authority: Authority) -> Iterator[Self]:
        """Runs from here to the end of the block, in a directory every user may enter."""
        server = cls(directory)
        with server._start_inetd(), server._start_stunnel(authority):
            yield server

    @contextmanager
    def _start_inetd(self) -> Iterator[None]:
        listener = ["couriertcpd", f"-address={self.host}", *_LISTENER, str(self._inner)]
        command = as_root(*listener, *self.command(self._directory))
        words = inside(OWN, *command, binds=self.residents.binds)
        with Program(*words, output=self._directory / "inetd.txt") as program:
            program.wait_until(lambda: is_listening(self._inner), "inetd listens")
            yield

    @contextmanager
    def _start_stunnel(self, authority: Authority) -> Iterator[None]:
        config = self._directory / "stunnel.conf"
        certificate = authority.issue("localhost")
        config.write_text(_STUNNEL.format(host=self.host, port=self.port, inner=self._inner, certificate=certificate))
        with Program(*inside(OWN, "stunnel", config), output=self._directory / "stunnel.txt") as program:
            program.wait_until(lambda: is_listening(self.port), "stunnel listens")
            yield


class InMbox(Inetd):
    """One whose users have their mail in /var/mail."""

    def fill(self, user: str, messages: Sequence[bytes]) -> None:
        """Put messages into a new mbox."""
        self.residents.fill_mbox(user, messages)

    def left(self, user: str) -> list[str]:
        """The names of the messages in the mbox."""
        return self.residents.left_in_mbox(user)


class InMaildir(Inetd):
    """One whose users have their mail in ~/Maildir."""

    def fill(self, user: str, messages: Sequence[bytes]) -> None:
        """Put messages into a new Maildir."""
        self.residents.fill_maildir(user, messages)

    def left(self, user: str) -> list[str]:
        """The names of the messages in the Maildir."""
        return self.residents.left_in_maildir(user)
