"""Dovecot 2.4, of Debian 13, whatever this machine has; in the manner of the other POP3 servers.

with NewDovecot(directory, authority) as dovecot:
    user = dovecot.new_user([PLAIN])
    fetch((dovecot.host, dovecot.port), user, dovecot.password)
"""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from parts.dovecot import Dovecot
from parts.private import TRIXIE, inside


class NewDovecot(Dovecot):
    """`port` is POP3 over TLS, for the name localhost."""

    program: ClassVar[Sequence[str | Path]] = inside(TRIXIE, "dovecot")

    @property
    def port(self) -> int:
        """Of POP3 over TLS."""
        return self.pop3s_port

    def new_user(self, messages: Sequence[bytes] = ()) -> str:
        """A user with these messages in his mailbox."""
        user = super().new_user()
        for message in messages:
            self.deliver(user, message)
        return user

    def left(self, user: str) -> list[str]:
        """The names of the messages that are there, but for their flags."""
        return sorted(path.name.partition(":")[0] for path in self.paths(user))
