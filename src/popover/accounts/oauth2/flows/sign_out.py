"""The end of a sign-in: forgotten here in any case, and given back where a provider takes it (RFC 7009)."""

from __future__ import annotations

from pathlib import Path

from popover.accounts.oauth2 import forms
from popover.accounts.oauth2.ask import Ask
from popover.accounts.oauth2.kept import Kept, belongs
from popover.accounts.oauth2.store import TokenFile
from popover.accounts.oauth2.vault import Key
from popover.config import Account
from popover.errors import Failure, ProviderFailure


def sealed_by(account: Account, directory: Path, ask: Ask) -> bytes | None:
    """Give the salt of the key that opens a sign-in, where it cannot be given back without one. None: it needs none, or
    it is none that its provider would take back.
    """
    try:
        kept = TokenFile(directory, account.name).read()
        if kept is None or not kept.is_closed or not belongs(kept, account) or ask.way(account).revoke_url is None:
            return None
    except Failure:
        return None
    return kept.salt


def sign_out(account: Account, directory: Path, ask: Ask, key: Key | None = None) -> tuple[bool, bool | None]:
    """Forget what is kept in the directory of tokens, and give it back; whether there was something, and whether it was
    given back: None: its provider could not be asked, or it is sealed, and this `key` does not open it. Raises
    ProviderFailure for what cannot be forgotten.
    """
    file = TokenFile(directory, account.name, key)
    with file.locked():
        try:
            kept = file.read()
        except ProviderFailure:  # others could have read it: all the more reason
            kept = None
        was_there = file.remove()
    return was_there, kept is not None and _given_back(account, kept, ask)


def _given_back(account: Account, kept: Kept, ask: Ask) -> bool | None:
    """Do what may fail in many ways only now: a secret may be missing, the provider be gone for good."""
    token = kept.refresh or kept.access.decode("ascii")
    try:
        way = ask.way(account)
        if way.revoke_url is None or not belongs(kept, account):
            return False
        if not token:
            return None if kept.is_closed else False
        return ask.send(forms.revoke(way, ask.client(account, way), token), way).status == 200  # noqa: PLR2004 - RFC 7009 section 2.2
    except Failure:
        return None
