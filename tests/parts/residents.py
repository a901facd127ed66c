"""The people of a private root: users with a password, as /etc/passwd knows them, and their mailboxes.

A mailbox is a Maildir in the user's home, or an mbox file in /var/mail. Messages are stored with LF, as these
servers expect; they send CRLF.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from parts.dovecot_config import mail_owner

PASSWORD = "wonderland"
_HASH = "$1$popover$8WxKD4pCDMRmUg3HuMKwJ/"  # of PASSWORD: openssl passwd -1 -salt popover
_SERVICES = ("daemon", "courier", "cyrus", "popa3d", "spop3d", "stunnel4")
_PAM = {"auth": "auth required pam_unix.so", "account": "account required pam_unix.so"}


class Residents:
    """Below `directory`, which every user may enter; `binds` are for `private.inside`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._users = 0
        self._uid, self._gid = mail_owner()
        for name in ("home", "mail", "locks"):
            self.make(directory / name)
        self._write("group", f"root:x:0:\nmail:x:{self._gid}:")
        self._write("passwd", "root:x:0:0::/root:/bin/sh", *(self._passwd(name, Path("/")) for name in _SERVICES))
        for kind in ("auth", "account", "session", "password"):
            self._write(f"common-{kind}", _PAM.get(kind, ""))

    @property
    def binds(self) -> dict[str, Path]:
        """Where a program looks, and what it is to find there."""
        found = {f"/etc/{name}": self._directory / name for name in ("passwd", "group")}
        pam = [f"common-{kind}" for kind in ("auth", "account", "session", "password")]
        found |= {f"/etc/pam.d/{name}": self._directory / name for name in pam}
        # Mailutils locks a Maildir in a directory of its own.
        return found | {"/var/mail": self._directory / "mail", "/run/lock/subsys/mail": self._directory / "locks"}

    def add(self) -> str:
        """A new user, without a mailbox."""
        self._users += 1
        user = f"user{self._users}"
        self.make(self.home(user))
        # Where /etc/shadow has it, PAM lets nobody but root ask, from version 1.7 on.
        self._write("passwd", self._passwd(user, self.home(user), _HASH))
        return user

    def home(self, user: str) -> Path:
        """The user's own directory."""
        return self._directory / "home" / user

    def maildir(self, user: str) -> Path:
        """The user's Maildir."""
        return self.home(user) / "Maildir"

    def mbox(self, user: str) -> Path:
        """The user's mbox."""
        return self._directory / "mail" / user

    def fill_maildir(self, user: str, messages: Sequence[bytes]) -> None:
        """Put messages into a new Maildir, the first one the oldest."""
        for name in ("", "new", "cur", "tmp"):
            self.make(self.maildir(user) / name)
        for number, message in enumerate(messages):
            path = self.maildir(user) / "cur" / f"{1_700_000_000 + number}.M{number}.test:2,S"
            self.give(path, message.replace(b"\r\n", b"\n"))

    def left_in_maildir(self, user: str) -> list[str]:
        """The names of the messages that are there, but for the flags, which a session changes."""
        folders = (self.maildir(user) / name for name in ("new", "cur"))
        return sorted(re.split("[:,]", path.name)[0] for folder in folders for path in folder.iterdir())

    def fill_mbox(self, user: str, messages: Sequence[bytes]) -> None:
        """Put messages into a new mbox; the sender on each `From ` line is the message's name."""
        pieces = [
            b"From message%03d@test Mon Nov 23 01:00:00 2026\n%s\n" % (number, message.replace(b"\r\n", b"\n"))
            for number, message in enumerate(messages)
        ]
        self.give(self.mbox(user), b"".join(pieces))

    def left_in_mbox(self, user: str) -> list[str]:
        """The names of the messages that are there."""
        lines = self.mbox(user).read_bytes().split(b"\n")
        return [line.split()[1].decode() for line in lines if line.startswith(b"From message")]

    def make(self, directory: Path) -> None:
        """A directory that belongs to all of them."""
        directory.mkdir(mode=0o700, exist_ok=True)
        self.own(directory)

    def give(self, path: Path, content: bytes) -> None:
        """A file that belongs to all of them."""
        path.touch(mode=0o600)
        path.write_bytes(content)
        self.own(path)

    def own(self, path: Path) -> None:
        """Let this belong to all of them."""
        os.chown(path, self._uid, self._gid)

    def _passwd(self, user: str, home: Path, password: str = "*") -> str:
        return f"{user}:{password}:{self._uid}:{self._gid}::{home}:/bin/sh"

    def _write(self, name: str, *lines: str) -> None:
        with (self._directory / name).open("a") as file:
            file.writelines(f"{line}\n" for line in lines)
