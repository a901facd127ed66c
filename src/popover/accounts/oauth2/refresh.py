"""A new token: locked, read once more, asked for, on disk, and only then given. It blocks.

A provider that rotates refresh tokens takes each of them once; a second use looks like a thief's, and ends the whole
family, the winner's new one, too (measured). So there is one refresh at a time, of all processes, and whoever has
waited takes what the winner wrote.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace

from popover.accounts.oauth2 import forms
from popover.accounts.oauth2.answers import Later, LoginNeeded, read_token
from popover.accounts.oauth2.ask import Ask
from popover.accounts.oauth2.forms import Form
from popover.accounts.oauth2.kept import Kept, Trouble, became, belongs, nothing, troubled
from popover.accounts.oauth2.store import TokenFile
from popover.accounts.oauth2.way import Way
from popover.config import Account, quote
from popover.errors import ProviderFailure, SignInNeeded

OPERATOR_PAUSE = 300.0
"""Seconds after which a provider is asked again that has refused what the operator can mend (an id, a secret): once
that is done nobody needs to sign in. What a person has to mend is not asked again until one has."""


OF_ANOTHER = "this account has another login, client id or provider than when somebody signed in"

UNSET = "and the account is not set up so any more"  # its `encrypt` was taken away


class NotNow(ProviderFailure):
    """`after`: seconds that the provider wants to be left alone, where it has said so."""

    def __init__(self, cause: str, remedy: str, after: float | None) -> None:
        super().__init__(cause, remedy)
        self.after = after


def command(account: Account) -> str:
    """Say what a person has to type."""
    return f"popover account login {shlex.quote(account.name)}"


def named(remedy: str, account: Account) -> str:
    """Put the account's own name where the table of refusals speaks of one (NAME)."""
    return remedy.replace("popover account login NAME", command(account))


def renew(
    account: Account,
    ask: Ask,
    file: TokenFile,
    is_good: Callable[[Kept], bool],
    clock: Callable[[], float],
    *,
    insist: bool = False,
) -> Kept:
    """Give what is kept once it `is_good`: as another has written it meanwhile, or new. With `insist` the provider is
    asked once more, whatever it has said before. Raises SignInNeeded, ProviderFailure, after which what was kept is
    still there.
    """
    way = ask.way(account)
    with file.locked(lambda: ask.is_stopped):
        kept, now = file.read(), clock()  # a token's life begins when it is asked for, not when we began to wait
        if kept is not None and not belongs(kept, account):
            if way.grant == "user":
                raise SignInNeeded(f"{OF_ANOTHER}: on popover's machine, type: {command(account)}")
            kept = None  # a program gets another by itself
        if kept is not None and kept.is_closed:
            raise closed(account)
        if kept is not None and is_good(kept):
            return kept
        if kept is not None and kept.trouble is not None and not insist and _lasts(way, kept.trouble, now):
            raise _needed(account, way, kept.trouble)
        form = _form(account, way, ask, kept)
        with file.writing() as write:
            found = read_token(ask.send(form, way))
            match found:
                case Later():
                    raise _not_now(way, found)
                case LoginNeeded():
                    trouble = troubled(found, now)
                    before = kept or nothing(account, way, now)
                    write(replace(before, trouble=trouble))
                    raise _needed(account, way, trouble)
            new = became(found, kept, now, account, way)
            write(new)
    return new


def _not_now(way: Way, found: Later) -> NotNow:
    remedy = found.remedy or "what is kept stays good: it is tried again"
    return NotNow(f"{way.title} gives no token: {found.cause}", remedy, found.after)


def closed(account: Account, *, was_said: bool = False) -> SignInNeeded:
    """Say why tokens that are sealed cannot be used. `was_said`: the local password was, and does not open them."""
    name = quote(account.name)
    if not account.encrypts or was_said:
        why = "by another password than today's" if account.encrypts else UNSET
        return SignInNeeded(
            f"the sign-in of {name} is encrypted, {why}: on popover's machine, type: {command(account)}",
            "the password was changed while popover did not run, or the file is damaged" if account.encrypts else "",
        )
    return SignInNeeded(
        f"the sign-in of {name} is encrypted, and nobody has logged in with its password since popover's start",
        "it goes on with the next login of a mail program as this account; a device, which says no password, needs "
        "an account without encrypt",
    )


def _form(account: Account, way: Way, ask: Ask, kept: Kept | None) -> Form:
    if way.grant != "user":
        return ask.own_token(account, way)
    if kept is None:
        raise SignInNeeded(f"nobody has signed in at {way.title} yet: on popover's machine, type: {command(account)}")
    if kept.refresh is None:
        raise SignInNeeded(
            f"{way.title} has given no token to go on with: on popover's machine, type: {command(account)}",
            "Microsoft wants the scope offline_access, Google access_type=offline: was either written by hand?",
        )
    return forms.refresh(way, ask.client(account, way), kept.refresh)


def _lasts(way: Way, trouble: Trouble, now: float) -> bool:
    needs_person = trouble.who == "person" and way.grant == "user"
    return needs_person or 0 <= now - trouble.since < OPERATOR_PAUSE


def _needed(account: Account, way: Way, trouble: Trouble) -> SignInNeeded:
    remedy = f"{trouble.code}: {named(trouble.remedy, account)}" if trouble.remedy else trouble.code
    if trouble.who == "operator" or way.grant != "user":
        what = f"popover cannot sign in at {way.title}: {trouble.cause}; its operator must mend that"
    else:
        what = f"{way.title} wants a new sign-in: {trouble.cause}; on popover's machine, type: {command(account)}"
    return SignInNeeded(what, remedy)
