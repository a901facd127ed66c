"""Where the command keeps its accounts, and as whom it writes there."""

from __future__ import annotations

import contextlib
import os
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from popover.accounts.store import Store
from popover.config import Account, fold, load, quote
from popover.errors import StartError
from popover.process.state import state_file

_WANTED = ("popover.config.account_fields", "popover.config.file", "encodings.idna", "encodings.punycode", "stringprep")
"""What is else imported when it is needed: root's own installation may be closed to the user that root becomes."""


def open_store(*, make: bool = True) -> Store:
    """Open the store in the state directory: see `open_state`."""
    return Store(open_state(make=make) / "accounts")


def open_state(*, make: bool = True) -> Path:
    """Open the state directory, as the user who owns it: call it behind all that only root may read. Who only looks
    does not make it.

    What root would write into a directory of somebody else's, he could lead to any place of the machine by a link; and
    the gateway, which runs as he, could not read it. So root becomes he, for good. Raises StartError.
    """
    for room in _WANTED:
        import_module(room)
    place = state_file().parent
    try:
        if make:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        elif not place.exists():
            return place
        owner = place.stat()
        if os.geteuid() != 0 or owner.st_uid == 0:
            return place
        with contextlib.suppress(ImportError):  # what seals tokens, likewise, where it is there
            import_module("cryptography.hazmat.primitives.ciphers.aead")
        os.chdir(place)  # systemd's DynamicUser= lies below a directory that only root may pass
        os.setgroups([])
        os.setresgid(owner.st_gid, owner.st_gid, owner.st_gid)
        os.setresuid(owner.st_uid, owner.st_uid, owner.st_uid)
    except OSError as fault:
        raise StartError(f"{place} cannot be used: {fault.strerror}") from None
    return Path()


def shown_place(name: str) -> Path:
    """Say where something of the state directory lies, for people: not as a file of whatever directory we stand in."""
    return state_file().parent / name


def shown_path(name: str) -> Path:
    """Say where an account is kept, likewise."""
    return Store(shown_place("accounts")).path(name)


def configured(config: Path | None) -> tuple[Account, ...]:
    """Give the accounts of a configuration. Raises ConfigError."""
    return () if config is None else load(config).accounts


class Found(NamedTuple):
    """An account, whether it is the command's, and where the tokens of all lie."""

    account: Account
    is_kept: bool
    tokens: Path


def find_account(name: str, config: Path | None = None) -> Found:
    """Find an account of a configuration or of the command, in that order. Raises ConfigError, StartError."""
    folded = fold(name)
    named = [account for account in configured(config) if folded in map(fold, account.names)]
    store = open_store()
    if named:
        return Found(named[0], is_kept=False, tokens=store.tokens)
    found = store.find(name)
    if found is None:
        raise StartError(f"there is no account {quote(name)}: popover account list shows all")
    return Found(found, is_kept=True, tokens=store.tokens)
