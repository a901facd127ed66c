"""What is done ahead of a client: docs/speed.md."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

ReadAhead: TypeAlias = bool | Literal["always"]  # "always": also where RETR alone has a lasting effect (Gmail)


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is done ahead of a POP3 client, some of it for IMAP. Nothing here changes what it gets: docs/speed.md."""

    warm: int = 1  # connections that stand ready while the service is in use; 0: none
    ask_ahead: bool = True
    read_ahead: ReadAhead = True
    read_ahead_bytes: int = 1024 * 1024  # held for one session; a client that is gone cost no more than that
    user_at_once: bool = True
    dele_at_once: bool = True
    quit_at_once: bool = True
    keep_alive: float = 45  # seconds of silence before a NOOP; 0: none. Outlook.com drops a session after 60
    soften: bool = True

    @property
    def wants_to_know(self) -> bool:
        """Whether it is of any use to know what the server can."""
        return self.ask_ahead or bool(self.read_ahead) or self.user_at_once or self.dele_at_once
