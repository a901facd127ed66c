"""`popover account remove`: an account that is not wanted any more."""

from __future__ import annotations

import argparse

from popover.cli.account.place import open_store, say
from popover.config import quote


def remove(arguments: argparse.Namespace) -> int:
    """Remove it, with its secrets. Raises ConfigError, StartError."""
    first = open_store().remove(arguments.name)
    say(f"{quote(first)} is removed; whoever is logged in as it stays so to the end of the session")
    return 0
