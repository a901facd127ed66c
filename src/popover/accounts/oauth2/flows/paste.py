"""The browser is somewhere else: a person copies the address that it was sent back to, where it finds nobody."""

from __future__ import annotations

from collections.abc import Callable

from popover.accounts.oauth2 import forms
from popover.accounts.oauth2.answers import Token
from popover.accounts.oauth2.flows.sign_in import SignIn
from popover.accounts.oauth2.redirect import NotOurs, begin, read_back
from popover.errors import SignInNeeded

TRIES = 3  # of pasting: half an address, or that of yesterday, is soon taken by mistake


def by_paste(
    sign_in: SignIn, show: Callable[[str], None], read: Callable[[], str], complain: Callable[[str], None]
) -> Token:
    """`show` the address to open, `read` the one that comes of it. Raises SignInNeeded, ProviderFailure."""
    way = sign_in.way
    attempt = begin(way.redirect)
    show(forms.authorize_address(way, attempt, sign_in.account.login))
    for _ in range(TRIES):
        try:
            found = read_back(read(), attempt, way)
        except NotOurs as wrong:
            complain(f"this is not the address that the browser was sent back to: {wrong}")
            continue
        return sign_in.redeem(attempt, found)
    raise SignInNeeded("no address that the browser was sent back to was given", "begin again")
