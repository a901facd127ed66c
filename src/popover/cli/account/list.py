"""`popover account list`: all accounts, a line each."""

from __future__ import annotations

import argparse
import json

from popover.cli.account.place import configured, open_store, shown_place
from popover.cli.account.show import document
from popover.cli.output import say, warn


def list(arguments: argparse.Namespace) -> int:  # noqa: A001 - the verb's name
    """List them: 1 if a file is none that can be taken. Raises ConfigError, StartError."""
    named = configured(arguments.config)
    store = open_store(make=False)
    told = [document(account, store.tokens, is_kept=False) for account in named]
    told += [document(account, store.tokens, is_kept=True) for account in store.accounts()]
    if arguments.json:
        say(json.dumps(told, indent=2))
    else:
        width = max((len(one["name"]) for one in told), default=0)
        for one in told:
            way = "" if one["signs_in"] == "password" else f" by OAuth2 ({one['oauth2']['sentence']})"
            hosts = ", ".join(
                dict.fromkeys(url.partition("://")[2].rpartition(":")[0] for url in one["servers"].values())
            )
            say(f"{one['name']:<{width}}  {one['login']}{way} at {hosts}")
        if not told and not store.broken():
            say(f"there is no account yet in {shown_place('accounts')}: popover account add makes one")
    for line in store.broken():
        warn(line)
    return 1 if store.broken() else 0
