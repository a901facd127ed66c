"""The file of an account that the command keeps: the keys of an `[[account]]` in JSON, and the secrets as they are.

    /var/lib/popover/accounts/grandpa.json
    {"name": "grandpa", "provider": "gmail", "login": "grandpa@gmail.com", "password": "$scrypt$...", "secret": "..."}

It is called by the account's first name, folded, with all that could mean something to a file system as %XX.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from popover.config import Account, SecretSource, fold
from popover.errors import ConfigError

KEPT_LIMIT = 64 * 1024
"""Octets of such a file: the longest secrets and a table of OAuth2 with all keys have some 20,000."""

NAME_LIMIT = 240
"""Octets of its name: file systems take 255, and a draft's is longer by a dot and a process id."""

SECRETS = ("password", "secret", "client_secret")


def file_name(name: str) -> str:
    """What the files of an account are called. Two names have the same one if, and only if, they fold to the same.

    Raises ConfigError for a name that can be none's.
    """
    safe = quote(fold(name), safe="@+")
    if not safe:
        raise ConfigError("the name is empty")
    if safe.startswith("."):
        safe = f"%2E{safe[1:]}"
    if len(safe) + len(".json") > NAME_LIMIT:
        raise ConfigError("the name is too long to call a file so: choose a shorter one, in plain letters")
    return f"{safe}.json"


def name_of(file: str) -> str:
    """Give the folded name of the account whose file is called so."""
    return unquote(file.removesuffix(".json"))


def read_kept(octets: bytes) -> dict[str, Any]:
    """Read such a file. Raises ValueError."""
    try:
        table = json.loads(octets)
    except (ValueError, RecursionError):
        table = None
    if not isinstance(table, dict):
        raise ValueError("is no account's file any more (it is no JSON): remove it, and add the account again")  # noqa: TRY004
    return table


def account_of(table: dict[str, Any], path: Path) -> Account:
    """Make the account of what stands in its file. Raises ValueError with what is wrong."""
    from popover.config.account_fields import read_account  # noqa: PLC0415 - cattrs: most gateways have none to read

    keys = {key: value for key, value in table.items() if key not in SECRETS}
    kept = {key: SecretSource("account", str(path), key) for key in SECRETS if isinstance(table.get(key), str)}
    try:
        account = read_account(keys, path.parent, kept)
    except ConfigError as wrong:
        raise ValueError("; ".join(wrong.mistakes)) from None
    if fold(account.name) != name_of(path.name):
        raise ValueError(f"is called for another account than it holds, {account.name!r}")
    return account
