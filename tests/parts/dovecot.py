"""A real Dovecot of our own: POP3 and IMAP, plain and by TLS, with mailboxes the tests write and read.

with Dovecot(directory, authority) as dovecot:
    user = dovecot.new_user()
    dovecot.deliver(user, b"Subject: hello\r\n\r\nWorld\r\n")
    fetch((dovecot.host, dovecot.pop3s_port), user, dovecot.password)
"""

import base64
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from parts import dovecot_config
from parts.certificates import Authority, Certificate
from parts.dovecot_config import Introspection
from parts.net import LOOPBACK, free_port, is_listening, wait_until
from parts.program import Program

NAMES = ("localhost", "127.0.0.1", "mail.example.test")
PASSWORD = "wonderland"

_USERS = 5000  # more than the tests will ask for; a user added later costs up to a second


class Dovecot:
    """Runs from `__enter__` to `__exit__`, as root or not, in a directory every user may enter.

    Its certificate, unless another is given, is the authority's for `NAMES`; `local_names` are certificates
    for clients that ask for these names (SNI). A login may be written `user` or `user@any.domain`. With `haproxy`, who
    comes by TLS or to `imap_port` has to say first, by a PROXY header, for whom. With `tokens` it takes those
    of OAuth2 only.
    """

    host = LOOPBACK
    password = PASSWORD
    program: ClassVar[Sequence[str | Path]] = ("dovecot",)
    more: ClassVar[Sequence[str]] = ()  # what else it listens for

    def __init__(
        self,
        directory: Path,
        authority: Authority,
        certificate: Certificate | None = None,
        local_names: Mapping[str, Certificate] | None = None,
        *,
        haproxy: bool = False,
        tokens: Introspection | None = None,
    ) -> None:
        ports = {name: free_port() for name in ("pop3", "pop3s", "imap", "imaps", "lmtp", *self.more)}
        self.further = ""  # settings
        self.pop3_port, self.pop3s_port = ports["pop3"], ports["pop3s"]
        self.imap_port, self.imaps_port = ports["imap"], ports["imaps"]
        self.lmtp_port = ports["lmtp"]
        self.ports = ports
        self._directory = directory
        self.auth_socket = directory / "auth"
        self._settings = dovecot_config.Settings(
            directory, ports, certificate or authority.issue(*NAMES), local_names or {}, self.program, haproxy, tokens
        )
        self._numbers = iter(range(_USERS))
        self._delivered = 0

    def log(self) -> str:
        """All Dovecot logged so far."""
        path = self._directory / "dovecot.log"
        return path.read_text(errors="backslashreplace") if path.exists() else ""

    def new_user(self) -> str:
        """A user nobody else has, with an empty mailbox, so that tests may share this server."""
        user = f"user{next(self._numbers)}"
        self.wipe(user)
        return user

    def add_user(self, user: str, password: str) -> str:
        """Let this user log in with this password, too; takes up to a second. Returns the user."""
        self.wipe(user)
        self._write_users({user: password})
        # Dovecot looks at the file's time once for every second in which somebody logs in.
        time.sleep(1 - time.time() % 1)
        return user

    def _write_users(self, users: Mapping[str, str]) -> None:
        uid, gid = dovecot_config.mail_owner()
        lines = []
        for user, password in users.items():
            secret = base64.b64encode(password.encode()).decode()
            home = self._directory / "mail" / user
            lines.append(f"{user}:{{PLAIN.b64}}{secret}:{uid}:{gid}::{home}::\n")
        with (self._directory / "users").open("a") as file:
            file.writelines(lines)

    def deliver(self, user: str, message: bytes) -> None:
        """Put a message at the end of the user's mailbox, byte for byte.

        A message of whole CRLF lines is what RETR gives back, dots stuffed. Dovecot sends a bare LF as CRLF,
        and ends a last line without line end by one; a bare CR, 8-bit and NUL go out as they are.
        """
        # Dovecot numbers new messages by the time in their names, to the microsecond after the M.
        self._delivered = max(self._delivered + 1, time.time_ns() // 1000)
        seconds, micros = divmod(self._delivered, 1_000_000)
        name = f"{seconds}.M{micros}P{os.getpid()}.test"
        maildir = self._maildir(user)
        path = maildir / "tmp" / name
        path.write_bytes(message)
        os.chown(path, *dovecot_config.mail_owner())
        path.rename(maildir / "new" / name)

    def messages(self, user: str) -> list[bytes]:
        """The messages as they lie there, in the order they came in; those sent by LMTP have CRLF lines.

        A session that has just ended renames what it has read (Maildir keeps flags in the name): then look again.
        """
        while True:
            try:
                return [path.read_bytes() for path in sorted(self.paths(user), key=_arrival)]
            except FileNotFoundError:
                continue

    def paths(self, user: str) -> list[Path]:
        """The files of the messages that are there."""
        return [path for folder in ("new", "cur") for path in (self._maildir(user) / folder).iterdir()]

    def wait_for_messages(self, user: str, count: int, timeout: float = 30) -> list[bytes]:
        """The messages, as soon as there are `count`: delivery goes on after the sender's 250."""
        wait_until(lambda: len(self.messages(user)) >= count, f"{count} messages for {user}", timeout)
        return self.messages(user)

    def wipe(self, user: str) -> None:
        """Empty the mailbox, and make it forget what was ever in it."""
        maildir = self._maildir(user)
        shutil.rmtree(maildir, ignore_errors=True)
        for folder in (maildir.parent, maildir, *(maildir / name for name in ("tmp", "new", "cur"))):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.chown(folder, *dovecot_config.mail_owner())

    def _maildir(self, user: str) -> Path:
        return self._directory / "mail" / user / "Maildir"

    def __enter__(self) -> Self:
        (self._directory / "mail").mkdir()
        self.wipe("alice")
        names = ["alice", *(f"user{number}" for number in range(_USERS))]
        self._write_users(dict.fromkeys(names, PASSWORD))
        config = dovecot_config.write(self._settings)
        with config.open("a") as file:
            file.write(self.further)
        ports = self._settings.ports.values()
        self._program = Program(*self.program, "-F", "-c", config, output=self._directory / "output.txt").up(
            lambda: all(map(is_listening, ports)), "Dovecot listens", log=self.log
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._program.end()


def _arrival(path: Path) -> tuple[int, int]:
    """Seconds and microseconds from a Maildir file's name, `1700000000.M123456P...`."""
    seconds, rest = path.name.split(".", 2)[:2]
    return int(seconds), int(rest[1:].split("P")[0])
