"""`popover account remove`: an account that is not wanted any more."""

from __future__ import annotations

import argparse
from pathlib import Path

from popover.accounts.oauth2.store import TokenFile
from popover.cli.account.place import open_store
from popover.cli.output import say
from popover.config import quote
from popover.errors import ProviderFailure, StartError


def remove(arguments: argparse.Namespace) -> int:
    """Remove it, with its secrets and tokens. Raises ConfigError, StartError."""
    store = open_store()
    first = store.remove(arguments.name)
    _forget_tokens(store.tokens, first)
    say(f"{quote(first)} is removed; whoever is logged in as it stays so to the end of the session")
    return 0


def _forget_tokens(folder: Path, account: str) -> None:
    """What the provider has given out for it is of no use any more, and would be for the next one of that name."""
    file = TokenFile(folder, account)
    try:
        if file.path.exists():
            with file.locked():
                file.remove()
    except (OSError, ProviderFailure) as fault:
        raise StartError(f"{quote(account)} is removed, but not its tokens, {file.path}: {fault}") from None
