"""`popover account`: own logins, kept by the command. One file a verb; each has a function of its name."""

from __future__ import annotations

import argparse
from importlib import import_module


def account(arguments: argparse.Namespace) -> int:
    """Obey: 0 it is done, 1 it could not be. Raises ConfigError, StartError."""
    verb = import_module(f"popover.cli.account.{arguments.action}")
    code: int = getattr(verb, arguments.action)(arguments)
    return code
