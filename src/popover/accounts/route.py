"""Where an account leads, and what is said there for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from popover.accounts.secrets import CAUSE, read_secret
from popover.config import Account, DialectName, quote
from popover.errors import SecretFailure
from popover.protocols.login import Credentials, Found, Password, Proof, Route, Unsure

_DIALECTS = {"pop3": "POP3", "imap": "IMAP", "smtp": "SMTP", "sieve": "ManageSieve"}


class Tokens(Protocol):
    """Who has OAuth2's access tokens (accounts/oauth2/)."""

    def load(self, accounts: Iterable[Account]) -> None:
        """Take these for those there are."""

    async def access_token(
        self, account: Account, *, refused: bytes | None = None, password: bytes | None = None
    ) -> bytes | None:
        """Give a good one. `refused`: the one that the server has refused; None then: there is no other. `password`:
        the account's local one, as it was said, where its tokens are sealed by it.

        Raises Failure.
        """


def route_of(account: Account, dialect: DialectName, tokens: Tokens, proof: Proof | None = None) -> Found:
    """Give the way of an account whose local password was right; `proof`: as it was said, by all but devices."""
    target = account.target(dialect)
    if target is None:
        return Unsure(
            f"this account has no {_DIALECTS[dialect]} server",
            _how_to_name_one(account, dialect),
            needs_person=True,
        )
    password = proof.octets if account.encrypts and isinstance(proof, Password) else None
    return Route(account.name, (target,), Fetch(account, tokens, password), has_password=account.password is not None)


def _how_to_name_one(account: Account, dialect: DialectName) -> str:
    """An account of the command has no lines that anybody could write into."""
    if any(source is not None and source.kind == "account" for source in (account.password, account.secret)):
        return f"popover account remove {account.name}, and add it again with one more --server"
    return f'name one in the account {quote(account.name)}: servers = {{ {dialect} = "..." }}'


@dataclass(slots=True)
class Fetch:
    """What one login says to the server: `Route.fetch`. `password`: what opens sealed tokens, until they are."""

    account: Account
    tokens: Tokens
    password: bytes | None = field(default=None, repr=False)
    _given: bytes | None = field(default=None, repr=False)

    async def __call__(self, again: bool) -> Credentials | None:  # noqa: FBT001 - as Route has it
        """`again`: the server has refused what was given first. None: there is nothing else. Raises Failure."""
        refused = self._given if again else None
        if self.account.oauth2 is not None:
            password, self.password = self.password, None
            secret = await self.tokens.access_token(self.account, refused=refused, password=password)
        elif self.account.secret is not None:
            secret = read_secret(self.account.secret)  # it may have been mended since
        else:
            raise SecretFailure(CAUSE, f"the account {quote(self.account.name)} has no secret")
        if secret is None or secret == refused:
            return None
        self._given = secret
        kind: Literal["bearer", "password"] = "bearer" if self.account.oauth2 else "password"
        return Credentials(self.account.user, secret, kind, is_passed_on=False)
