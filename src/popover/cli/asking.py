"""What a command asks of who typed it. A password is never an argument: `ps` shows those to all."""

from __future__ import annotations

import getpass
import os
import sys

PASSWORD = "POPOVER_PASSWORD"  # noqa: S105 - a variable's name


def is_terminal() -> bool:
    """Whether somebody can be asked. Python has no stdin at all where that was closed."""
    return sys.stdin is not None and sys.stdin.isatty()


def password_of(user: str) -> str | None:
    """The one in the environment, or the one that is typed; None: there is neither."""
    given = os.environ.get(PASSWORD)
    if given is None and is_terminal():
        given = getpass.getpass(f"Password of {user}: ")
    return given
