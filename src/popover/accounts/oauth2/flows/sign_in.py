"""One sign-in of one account: what all flows share, and where they end: with tokens on disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from popover.accounts.oauth2 import forms
from popover.accounts.oauth2.answers import Later, LoginNeeded, Token, read_token
from popover.accounts.oauth2.ask import Ask
from popover.accounts.oauth2.kept import Kept, became
from popover.accounts.oauth2.redirect import Attempt, Code
from popover.accounts.oauth2.refresh import named
from popover.accounts.oauth2.store import TokenFile
from popover.accounts.oauth2.vault import Key
from popover.config import Account
from popover.errors import Failure, ProviderFailure, SignInNeeded


class SignIn:
    """`directory`: where tokens are kept; `key`: what they are to be sealed by. Raises SignInNeeded, ProviderFailure,
    as all of its methods do.
    """

    def __init__(
        self,
        account: Account,
        directory: Path,
        ask: Ask,
        clock: Callable[[], float] = time.time,
        *,
        key: Key | None = None,
    ) -> None:
        self.account = account
        self.ask = ask
        self.way = ask.way(account)
        self.client = ask.client(account, self.way)
        self._file = TokenFile(directory, account.name, key)
        self._clock = clock

    def redeem(self, attempt: Attempt, found: Code | LoginNeeded | Later) -> Token:
        """Get the tokens for what a browser has brought."""
        match found:
            case LoginNeeded() | Later():
                raise self.failure(found)
        answer = self.ask.send(forms.code(self.way, self.client, attempt, found.value), self.way)
        return self.token(read_token(answer))

    def token(self, found: Token | LoginNeeded | Later) -> Token:
        """Give the token, or raise what came in its place."""
        if isinstance(found, Token):
            return found
        raise self.failure(found)

    def keep(self, token: Token) -> Kept:
        """Put it on disk, in the place of whatever there was."""
        salt = self._file.key.salt if self._file.key else b""
        kept = replace(became(token, None, self._clock(), self.account, self.way), salt=salt)
        with self._file.locked(), self._file.writing() as write:
            write(kept)
        return kept

    def failure(self, found: LoginNeeded | Later) -> Failure:
        """Say what came in a token's place."""
        what, remedy = f"{self.way.title} gives no token: {found.cause}", named(found.remedy, self.account)
        return SignInNeeded(what, remedy) if isinstance(found, LoginNeeded) else ProviderFailure(what, remedy)
