"""`popover account logout`: the sign-in is given back where a provider takes it, and forgotten here."""

from __future__ import annotations

import argparse

from popover.accounts.oauth2.ask import Ask
from popover.accounts.oauth2.flows.sign_out import sealed_by, sign_out
from popover.accounts.secrets import read_key
from popover.cli.account.ask import ask as ask_for
from popover.cli.account.login import found
from popover.cli.account.sealed import opener, prompt, told
from popover.cli.output import say
from popover.config import quote
from popover.errors import Failure, StartError


def logout(arguments: argparse.Namespace) -> int:
    """Forget it. Raises ConfigError, StartError."""
    file = arguments.password_file
    said = None if file is None else ask_for(prompt(arguments.name), file)  # before root may have become somebody else
    account, _, tokens = found(arguments)
    ask = Ask(read_key)
    salt = sealed_by(account, tokens, ask)
    try:
        key = None if salt is None else opener(account, tokens, salt, said)
        was_there, given_back = sign_out(account, tokens, ask, key)
    except Failure as fault:
        raise StartError(told(fault)) from None
    name = quote(account.name)
    if not was_there:
        say(f"nobody is signed in for {name}")
    elif given_back:
        say(f"{name} is signed out, and the provider has taken the sign-in back")
    else:
        why = "takes no sign-in back from a program"
        if given_back is None:
            unsaid = "" if salt is None or key is not None else " without the password that encrypts it"
            why = f"could not be asked to take it back{unsaid}"
        say(
            f"{name} is signed out here; the provider {why}: its own pages, under the account's security, list what "
            "may read the mail, and can end it"
        )
    return 0
