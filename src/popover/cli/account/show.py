"""`popover account show`: what is kept of one account, but for its secrets."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from popover.accounts.doubts import secret_doubts
from popover.accounts.oauth2.facts import facts
from popover.accounts.scrypt import MARK
from popover.accounts.secrets import read_secret
from popover.cli.account.place import find_account, shown_path
from popover.cli.output import say
from popover.config import Account
from popover.errors import SecretFailure

_PASSWORDS = {
    "hash": "kept as a hash: APOP and CRAM-MD5 are not possible",
    "plain": "kept as it is: APOP and CRAM-MD5 are possible",
    None: "none: nobody can log in as it (a device)",
    "unknown": "cannot be read",
}


def show(arguments: argparse.Namespace) -> int:
    """Show it. Raises ConfigError, StartError."""
    account, is_kept, tokens = find_account(arguments.name, arguments.config)
    told = document(account, tokens, is_kept=is_kept)
    if arguments.json:
        say(json.dumps(told, indent=2))
        return 0
    signed_in = facts(account, tokens, time.time()).rows() if account.oauth2 is not None else ()
    for word, text in [*rows(account, told), *signed_in]:
        say(f"{word:<20}{text}")
    return 0


def rows(account: Account, told: dict[str, Any]) -> list[tuple[str, str]]:
    """Say what there is, a line each: a word, and the text."""
    lines = [("name", ", ".join(account.names)), ("password", _PASSWORDS[told["password"]])]
    lines += [("server", server) for server in told["servers"].values()]
    lines.append(("login", account.login))
    if account.mailbox:
        lines.append(("mailbox", account.mailbox))
    way = "by a password" if account.oauth2 is None else f"by OAuth2, as the client {account.oauth2.client_id}"
    lines.append(("signs in", way))
    lines.append(("kept in", told["file"] or "the configuration"))
    return lines + [("FAIL", line) for line in told["doubts"]]


def document(account: Account, tokens: Path, *, is_kept: bool) -> dict[str, Any]:
    """Say what there is, for a program. `tokens`: where those of OAuth2 lie."""
    return {
        "name": account.name,
        "names": list(account.names),
        "password": password_kind(account),
        "servers": {target.server.dialect: str(target.server) for target in account.targets},
        "login": account.login,
        "mailbox": account.mailbox,
        "signs_in": "password" if account.oauth2 is None else "oauth2",
        "client_id": account.oauth2.client_id if account.oauth2 else None,
        "oauth2": facts(account, tokens, time.time()).as_json() if account.oauth2 else None,
        "file": str(shown_path(account.name)) if is_kept else None,
        "doubts": secret_doubts(account),
    }


def password_kind(account: Account) -> str | None:
    """Say how the local password is kept: "hash", "plain", "unknown" (it cannot be read), or None: there is none."""
    if account.password is None:
        return None
    try:
        return "hash" if read_secret(account.password).startswith(MARK) else "plain"
    except SecretFailure:
        return "unknown"
