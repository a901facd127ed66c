"""`popover account logout`: the sign-in is given back where a provider takes it, and forgotten here."""

from __future__ import annotations

import argparse

from popover.accounts.oauth2.ask import Ask
from popover.accounts.oauth2.flows.sign_in import SignIn
from popover.accounts.secrets import read_key
from popover.cli.account.login import found, told
from popover.cli.account.place import say
from popover.config import quote
from popover.errors import Failure, StartError


def logout(arguments: argparse.Namespace) -> int:
    """Forget it. Raises ConfigError, StartError."""
    account, tokens = found(arguments)
    try:
        sign_in = SignIn(account, tokens, Ask(read_key))
        was_there, revoked = sign_in.forget()
    except Failure as fault:
        raise StartError(told(fault)) from None
    title = sign_in.way.title
    if not was_there:
        say(f"nobody is signed in for {quote(account.name)}")
    elif revoked:
        say(f"{quote(account.name)} is signed out, and {title} has taken the sign-in back")
    else:
        say(
            f"{quote(account.name)} is signed out here; {title} takes no sign-in back from a program: its own pages, "
            "under the account's security, list what may read the mail, and can end it"
        )
    return 0
