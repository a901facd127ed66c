"""Clients that speak another protocol, such as a browser that was sent here (ALPACA)."""

from __future__ import annotations

from popover.errors import Misdialled

STRANGE_LIMIT = 5
"""Unknown commands before the login that end a session. nginx: 5, too."""


class Strangers:
    """One client's unknown commands before its login. `dialect` with its article: "a POP3"."""

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect
        self._count = 0

    def one_more(self) -> Misdialled | None:
        """Count one; why the session ends, if it was one too many."""
        self._count += 1
        if self._count < STRANGE_LIMIT:
            return None
        name = self._dialect.split()[1]
        return Misdialled(
            f"this is {self._dialect} service, and these are no {name} commands", f"it was no {name} program"
        )
