"""`popover account`: own logins, kept by the command. One file a verb; each has a function of its name."""

from __future__ import annotations

import argparse
from importlib import import_module

from popover.cli.output import INTERRUPTED


def account(arguments: argparse.Namespace) -> int:
    """Obey: 0 it is done, 1 it could not be, 130 interrupted. Raises ConfigError, StartError."""
    verb = import_module(f"popover.cli.account.{arguments.action}")
    try:
        code: int = getattr(verb, arguments.action)(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    return code
