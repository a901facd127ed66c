"""`popover account passwd`: another local password, another one of the provider's, or only the hash of one."""

from __future__ import annotations

import argparse

from popover.accounts.store import Store
from popover.cli.account.add import DIGESTS, kept_as
from popover.cli.account.ask import ask
from popover.cli.account.place import open_store
from popover.cli.account.sealed import Resealing
from popover.cli.output import say
from popover.config import Account, quote
from popover.errors import ConfigError, StartError


def passwd(arguments: argparse.Namespace) -> int:
    """Ask for the new one, and keep it. Raises ConfigError, StartError."""
    if arguments.hash:
        return _print_hash(arguments)
    if arguments.name is None:
        raise ConfigError("name the account whose password is to be changed (see popover account passwd --help)")
    if arguments.secret and arguments.plain:
        raise ConfigError("--plain: what the provider takes is kept as it is anyway")
    what = f"New password of {quote(arguments.name)} at the provider" if arguments.secret else (
        f"New local password of {quote(arguments.name)} (what the mail program will send)")  # fmt: skip
    file = arguments.password_file
    new = None if file is None else ask(what, file)  # now: to open the store may give up the right to read it
    store = open_store()
    account = store.find(arguments.name)
    if account is None:
        raise StartError(f"there is no account {quote(arguments.name)}: popover account list shows all")
    if arguments.secret and account.oauth2 is not None:
        raise StartError(f"{quote(account.name)} signs in by OAuth2: popover account login {account.name}")
    if arguments.secret:
        store.change(account, {"secret": _text(ask(what, twice=True) if new is None else new)})
    else:
        _change_password(store, account, new, what, plain=arguments.plain)
    say(f"{quote(account.name)} has a new password, from the next login on")
    if arguments.plain:
        say(DIGESTS)
    return 0


def _change_password(store: Store, account: Account, new: bytes | None, what: str, *, plain: bool) -> None:
    if plain and account.encrypts:
        raise ConfigError("--plain: the account's tokens are encrypted by its password, which must not lie beside them")
    resealing = Resealing(account, store.tokens)
    resealing.ask_present()
    if new is None:
        new = ask(what, twice=True)
    with resealing.by(new):
        store.change(account, {"password": _text(kept_as(new, plain=plain))})


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")


def _print_hash(arguments: argparse.Namespace) -> int:
    if arguments.name is not None or arguments.secret or arguments.plain:
        raise ConfigError("--hash: only prints the hash of a password, and changes no account")
    new = ask("Password (what the mail program will send)", arguments.password_file, twice=True)
    say(kept_as(new, plain=False).decode())
    return 0
