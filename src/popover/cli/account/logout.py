"""`popover account logout`: the sign-in is given back where a provider takes it, and forgotten here."""

from __future__ import annotations

import argparse

from popover.accounts.oauth2.ask import Ask
from popover.accounts.oauth2.flows.sign_out import sign_out
from popover.accounts.secrets import read_key
from popover.cli.account.login import found
from popover.cli.account.sealed import told
from popover.cli.output import say
from popover.config import quote
from popover.errors import Failure, StartError


def logout(arguments: argparse.Namespace) -> int:
    """Forget it. Raises ConfigError, StartError."""
    account, _, tokens = found(arguments)
    try:
        was_there, given_back = sign_out(account, tokens, Ask(read_key))
    except Failure as fault:
        raise StartError(told(fault)) from None
    name = quote(account.name)
    if not was_there:
        say(f"nobody is signed in for {name}")
    elif given_back:
        say(f"{name} is signed out, and the provider has taken the sign-in back")
    else:
        why = "could not be asked to take it back" if given_back is None else "takes no sign-in back from a program"
        say(
            f"{name} is signed out here; the provider {why}: its own pages, under the account's security, list what "
            "may read the mail, and can end it"
        )
    return 0
