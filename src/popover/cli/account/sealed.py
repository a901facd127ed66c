"""The local password of an account whose tokens are sealed by it: asked for, compared, and a key made of it."""

from __future__ import annotations

import argparse
import contextlib
import hmac
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from popover.accounts.oauth2.keys import open_by, seal_by
from popover.accounts.oauth2.refresh import command
from popover.accounts.oauth2.store import TokenFile
from popover.accounts.oauth2.vault import Key
from popover.accounts.passwords import as_utf8, read_password
from popover.accounts.scrypt import MARK, is_of_hash
from popover.cli.account.ask import ask, ask_if_known
from popover.cli.account.show import password_kind
from popover.cli.output import warn
from popover.config import Account, quote
from popover.config.encrypt import misfits_of_encrypt
from popover.errors import ConfigError, Failure, StartError


def prompt(name: str, which: str = "Local") -> str:
    """What is asked for."""
    return f"{which} password of {quote(name)} (its tokens are encrypted by it)"


def key_of(account: Account, said: bytes | None) -> Key | None:
    """Make the key of what was `said`, or is asked for; None: the account's tokens are kept in clear. Raises
    ConfigError, StartError.
    """
    if not account.encrypts:
        if said is not None:
            raise ConfigError(f"--password-file: the tokens of {quote(account.name)} are not encrypted by its password")
        return None
    return Key.of(_compared(account, ask(prompt(account.name)) if said is None else said))


def wish(arguments: argparse.Namespace, account: Account, *, is_kept: bool) -> Account:
    """Give the account as it is to be from now on: its tokens sealed, or not. Raises ConfigError, StartError."""
    if not (arguments.encrypt or arguments.no_encrypt) or account.oauth2 is None:
        return account
    if not is_kept:
        raise StartError(
            f"{quote(account.name)} stands in the file: write encrypt = true, or false, into its oauth2 there"
        )
    if mistakes := misfits_of_encrypt({"encrypt": arguments.encrypt}, has_password=account.password is not None):
        raise ConfigError(mistakes)
    if arguments.encrypt and password_kind(account) == "plain":
        raise StartError(
            f"the password of {quote(account.name)} would lie beside what it encrypts: popover account passwd "
            f"{account.name} keeps its hash"
        )
    return replace(account, oauth2=replace(account.oauth2, encrypt=arguments.encrypt))


def opener(account: Account, tokens: Path, salt: bytes, said: bytes | None) -> Key | None:
    """Give the key that opens what is sealed, of what was `said`, or is asked for; None: nobody says it. Which password
    it is, only the seal knows: the account may have another one by now. Raises ConfigError, StartError.
    """
    if said is None:
        said = ask_if_known(f"{prompt(account.name)}; nothing, if it is forgotten: the provider is not told then")
    if not said:
        return None
    key = Key.of(as_utf8(said), salt)
    kept = TokenFile(tokens, account.name, key).read()
    if kept is not None and kept.is_closed:
        raise StartError(f"this password does not open what is kept of {quote(account.name)}; nothing was changed")
    return key


class Resealing:
    """The tokens of an account whose local password is changed; where that does not seal them, nothing is done."""

    def __init__(self, account: Account, tokens: Path) -> None:
        self._account = account
        self._file = TokenFile(tokens, account.name)
        self._before: Key | None = None

    def ask_present(self) -> None:
        """Ask for the present password, if there is anything that it opens. Raises ConfigError, StartError."""
        try:
            kept = self._file.read() if self._account.encrypts else None
            if kept is not None and kept.is_closed:
                said = _compared(self._account, ask(prompt(self._account.name, "Present local")))
                key = Key.of(said, kept.salt)
                self._before = key if open_by(self._file, key) else None
                if self._before is None:
                    warn(f"its tokens were encrypted by another password, and are lost: {command(self._account)}")
        except Failure as fault:
            raise StartError(told(fault)) from None

    @contextlib.contextmanager
    def by(self, password: bytes) -> Iterator[None]:
        """Seal them by the new one, while the account is changed; as they were, if that fails. Raises StartError."""
        if self._before is None:
            yield
            return
        self._seal(Key.of(as_utf8(password)))
        try:
            yield
        except BaseException:
            self._seal(self._before)
            raise

    def _seal(self, key: Key) -> None:
        try:
            seal_by(self._file, key)
        except Failure as fault:
            raise StartError(told(fault)) from None


def told(fault: Failure) -> str:
    """Say it in one line."""
    return f"{fault.cause}: {fault.remedy}" if fault.remedy else fault.cause


def _compared(account: Account, said: bytes) -> bytes:
    """Give what was said, in the form in which a login says it, if it is the account's password. Raises StartError."""
    if account.password is None:
        raise StartError(f"{quote(account.name)} has no local password that could encrypt anything")
    try:
        kept = read_password(account.password)
    except Failure as fault:
        raise StartError(told(fault)) from None
    password = as_utf8(said)
    is_right = is_of_hash(password, kept) if kept.startswith(MARK) else hmac.compare_digest(as_utf8(kept), password)
    if not is_right:
        raise StartError(f"this is not the local password of {quote(account.name)}; nothing was changed")
    return password
