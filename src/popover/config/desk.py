"""What a service asks at its desk, where it does not know the server yet."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class LocalCheck:
    """Who checks a password here, before the server does. `where`: htpasswd's file, or the name of PAM's service;
    `place`: where that is written, for mistakes.
    """

    kind: Literal["htpasswd", "pam"]
    where: str
    place: str = field(default="", compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.kind}:{self.where}"


@dataclass(frozen=True, slots=True)
class Desk:
    """Whom its clients may be. `accounts`: own logins, all or those of these names; `table`: the routing table's name.
    `authenticate`: who checks passwords here first, for a table. `device`: no login is asked, whoever may come in is
    the one account. `dialect`: what the clients speak, where no server says it.
    """

    dialect: Literal["pop3", "imap", "smtp", "sieve"] | None = None
    accounts: bool | tuple[str, ...] = False
    table: str | None = None
    device: bool = False
    authenticate: LocalCheck | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is one: else the service leads to one server, and asks nothing."""
        return bool(self.accounts) or self.table is not None

    def __str__(self) -> str:
        """Whom it asks: "accounts", "accounts anna, bert", "table users"."""
        asked = []
        if isinstance(self.accounts, tuple) and self.accounts:
            asked.append(f"accounts {', '.join(self.accounts)}")
        elif self.accounts:
            asked.append("accounts")
        if self.table is not None:
            asked.append(f"table {self.table}")
        return " and ".join(asked)
