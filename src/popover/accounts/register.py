"""Own logins: who a client is by its name and local password, and what is said to the provider for it.

    [[account]]s of the configuration --+
    accounts of the command (shelf.py) -+-> Register.find(Visit) -> Route | NotFound | Unsure

A wrong local password never comes near the provider: its secret is read, or its token fetched, by the `Route` alone.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal, TypeAlias

from popover.accounts.brake import PAUSE, Brake, site
from popover.accounts.doubts import device_doubts, secret_doubts
from popover.accounts.index import Index, Trouble, folded_of
from popover.accounts.passwords import Passwords, read_password
from popover.accounts.route import Tokens, route_of
from popover.accounts.scrypt import MARK
from popover.accounts.secrets import CAUSE
from popover.accounts.turns import Turns
from popover.config import Account, Service, fold, quote, unknown_accounts
from popover.errors import SecretFailure
from popover.protocols.login import Digest, Found, Login, NotFound, Unsure, Visit

LOOKED_AT = 60.0
"""Seconds for which it is known who keeps a hash and who a password: each greeting asks, and all files are read for
it. Of a thousand accounts that takes some 30 ms."""

Kind: TypeAlias = Literal["password", "hash", ""]
"""How an account keeps its local password; "": it has none, or nobody can say. Where it opens tokens it has to be said
itself, as if a hash were kept."""


class Register:
    """Finds logins (`Finder`, protocols/login.py) among all accounts, for all services.

    `folder`: where those of the command lie, if there are any; `clock`: monotonic seconds.
    """

    def __init__(
        self,
        tokens: Tokens,
        folder: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tokens = tokens
        self._clock = clock
        self._index = Index(folder, tokens.load)
        self._passwords = Passwords(clock)
        self._brake = Brake(clock)
        self._turns = Turns()
        self._kinds: dict[str, Kind] = {}  # of each account
        self._kinds_of = (-1, 0.0)  # which version of the index, and until when they are believed
        self._costs_a_hash = False
        self._offers: dict[bool | tuple[str, ...], bool] = {}

    def load(self, accounts: Iterable[Account]) -> None:
        """Take the configuration's accounts; sessions that are in keep their routes."""
        self._index.load(accounts)

    def account(self, name: str) -> Account | None:
        """Give the account that has this name."""
        found = self._index.find(name)
        return found if isinstance(found, Account) else None

    def knows(self, name: str) -> bool:
        """Whether it is one of ours, or may be one."""
        return self._index.find(name) is not None

    def accounts(self) -> tuple[Account, ...]:
        """Give all of them."""
        return self._index.accounts()

    def offers_digests(self, accounts: bool | tuple[str, ...]) -> bool:  # noqa: FBT001 - as a desk has them
        """Whether APOP and CRAM-MD5 can be compared with the password of each of these accounts. Of each, for a mail
        program takes the strongest way that it sees (curl, mpop and msmtp do), and would fail where a hash is kept.
        """
        self._index.look()
        self._look_at_kinds()
        if accounts not in self._offers:
            found = {self._kinds.get(one.name, "") for one in self._index.accounts() if _may(one, accounts)}
            self._offers[accounts] = "password" in found and "hash" not in found
        return self._offers[accounts]

    def doubts(self, services: Iterable[Service]) -> list[str]:
        """Say what of all this is not as it is meant, a line each: for the log, at each start, and for `check`."""
        services = tuple(services)
        names = [name for account in self.accounts() for name in account.names]
        lines = [*unknown_accounts(services, names), *self._index.doubts()]
        for account in self.accounts():
            lines += [f"account {quote(account.name)}: {line}" for line in secret_doubts(account)]
        for service in services:
            lines += [f"service {quote(service.name)}: {line}" for line in device_doubts(service, self.account)]
        return lines

    async def find(self, visit: Visit) -> Found:
        """Look a login up; a wrong one is to be answered late. Never raises."""
        try:
            return self._of_device(visit) if visit.login is None else await self._find(visit, visit.login)
        except SecretFailure as fault:
            return Unsure(fault.cause, fault.remedy, needs_person=True)

    def _of_device(self, visit: Visit) -> Found:
        """A device has shown nothing but its address: it is the one account that its service names."""
        names = visit.accounts if isinstance(visit.accounts, tuple) else ()
        found = self._index.find(names[0]) if len(names) == 1 else None
        if isinstance(found, Account):
            return route_of(found, visit.dialect, self._tokens)
        why = found.why if found is not None else f"service {quote(visit.service)} names no account that there is"
        return Unsure(CAUSE, why, needs_person=True)

    async def _find(self, visit: Visit, login: Login) -> Found:
        began = self._clock()
        named = self._index.find(login.user)
        if isinstance(named, Trouble):
            return Unsure(CAUSE, named.why, needs_person=True)
        account = named if named is not None and named.password is not None and _may(named, visit.accounts) else None
        place = self._brake.place(visit.client, fold(account.name) if account else "")
        async with self._turns.of(place):
            seconds = self._brake.shut(place)
            if not seconds:
                try:
                    right = await self._is_right(login, account, visit.client)
                except asyncio.CancelledError:  # whoever does not wait for the answer has had the work all the same
                    self._brake.wrong(place)
                    raise
                pause = 0.0 if right else self._brake.wrong(place)
        if seconds:
            return _turned_away(visit.client, seconds)
        if account is not None and right:
            self._brake.right(visit.client, fold(account.name))
            return route_of(account, visit.dialect, self._tokens, login.proof)
        return NotFound(self._why(login, named, visit), max(0.0, began + pause - self._clock()))

    async def _is_right(self, login: Login, account: Account | None, client: str) -> bool:
        kept = None
        if account is not None and account.password is not None:
            kept = read_password(account.password)
        if account is not None and account.encrypts and isinstance(login.proof, Digest):
            kept = None  # it opens no token: see _why
        name = folded_of(login.user) if account is None else fold(account.name)
        self._look_at_kinds()
        hashes = self._costs_a_hash or (kept is not None and kept.startswith(MARK))
        is_known = self._brake.is_known(client, name)
        return await self._passwords.is_right(login.proof, name, kept, hashes=hashes, is_known=is_known)

    def _why(self, login: Login, named: Account | None, visit: Visit) -> str:
        """Say for the log what was wrong; the log names who has said it."""
        if named is None:
            return "unknown user"
        if named.password is None:
            return "the account has no password, it is a device's"
        if not _may(named, visit.accounts):
            return "the account is none of this service's (accounts)"
        if isinstance(login.proof, Digest) and named.encrypts:
            return (
                f"the account's tokens are encrypted by its password, which {login.proof.kind.upper()} does not say: "
                "switch that off in the mail program"
            )
        if isinstance(login.proof, Digest) and self._kinds.get(named.name) == "hash":
            return (
                f"the account keeps its password as a hash, and {login.proof.kind.upper()} needs itself: switch that "
                "off in the mail program, or keep the password (popover account passwd --plain)"
            )
        return "wrong password"

    def _look_at_kinds(self) -> None:
        """See who keeps what, of those that the index knows already."""
        version, until = self._kinds_of
        if version != self._index.version or self._clock() >= until:
            self._kinds = {account.name: _kind(account) for account in self._index.accounts()}
            self._kinds_of = self._index.version, self._clock() + LOOKED_AT
            self._costs_a_hash = "hash" in self._kinds.values()
            self._offers.clear()


def _may(account: Account, accounts: bool | tuple[str, ...]) -> bool:  # noqa: FBT001 - as a desk has them
    """Whether an account may log in at a desk of these."""
    if isinstance(accounts, bool):
        return accounts
    names = {fold(name) for name in account.names}
    return any(fold(name) in names for name in accounts)


def _kind(account: Account) -> Kind:
    if account.password is None:
        return ""
    try:
        kept = read_password(account.password)
    except SecretFailure:
        return ""
    return "hash" if kept.startswith(MARK) or account.encrypts else "password"


def _turned_away(client: str, seconds: float) -> Unsure:
    minutes = math.ceil(seconds / 60)
    return Unsure(
        f"too many wrong logins from your address, please try again in {minutes} minute{'s' if minutes > 1 else ''}",
        f"nothing from {site(client)} is looked at until then, right or wrong; the lines before name who was tried",
        late=PAUSE,  # so that whoever tries on and on does not fill the log
    )
