"""What is kept of an account between two refreshes, and what of it is still good (dry)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any, cast
from urllib.parse import urlsplit

from popover.accounts.oauth2.answers import LoginNeeded, Token
from popover.accounts.oauth2.way import Way, needs_description, way_of
from popover.config import Account
from popover.errors import ConfigError
from popover.refusals import Who

AHEAD = 90.0
"""Seconds that a token must have left: a login, and what the server asks its provider, come before its end. pizauth has
the same number. Of short-lived ones it is a fifth of their life, so that five seconds are not refreshed at once.
"""
_PART = 5

LAST = 10.0  # seconds that are enough where a new one cannot be had; of short-lived ones a tenth
_LAST_PART = 10

CLOCK_SLACK = 60.0
"""Seconds by which the clock may be behind the token's own beginning; beyond, somebody has set it, and the end of the
token's life is somewhere else."""

VERSION = 1


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a provider has said that does not pass. `since`: seconds since 1970."""

    code: str
    cause: str
    remedy: str
    who: Who
    since: float


@dataclass(frozen=True, slots=True)
class Kept:
    """One account's file. Times in seconds since 1970, by the wall clock, for providers and suspends go by that.

    `signed_in`: when a person did; `obtained`: when the access token came. All of it is for `login`, of `client_id`, by
    the provider of `token_url`, which `issuer` names if it was found by that: see `belongs`.
    """

    account: str
    client_id: str
    token_url: str
    access: bytes = field(repr=False)
    obtained: float
    expires: float
    signed_in: float
    refresh: str | None = field(default=None, repr=False)
    scopes: tuple[str, ...] | None = None
    trouble: Trouble | None = None
    login: str = ""  # "": it is not known, likewise
    issuer: str = ""

    def is_fresh(self, now: float) -> bool:
        """Whether it need not be refreshed yet."""
        return self._has(min(AHEAD, (self.expires - self.obtained) / _PART), now)

    def is_usable(self, now: float) -> bool:
        """Whether it is worth a try if another cannot be had."""
        return self._has(min(LAST, (self.expires - self.obtained) / _LAST_PART), now)

    def _has(self, seconds: float, now: float) -> bool:
        return bool(self.access) and self.expires - now > seconds and now >= self.obtained - CLOCK_SLACK


def nothing(account: Account, way: Way, now: float) -> Kept:
    """Give what can be kept of an account that has no token yet."""
    return Kept(
        account.name,
        way.client_id,
        way.token_url,
        access=b"",
        obtained=now,
        expires=now,
        signed_in=now,
        login=account.login,
        issuer=_issuer(account),
    )


def became(token: Token, before: Kept | None, now: float, account: Account, way: Way) -> Kept:
    """Give what is kept once a token has come. What it does not say stays as it was (RFC 6749 sections 5.1 and 6)."""
    return replace(
        nothing(account, way, now),
        access=token.access,
        expires=now + token.life,
        signed_in=before.signed_in if before else now,
        refresh=token.refresh or (before.refresh if before else None),
        scopes=token.scopes if token.scopes is not None or before is None else before.scopes,
    )


def belongs(kept: Kept, account: Account) -> bool:
    """Whether it is this account's as it is set up now: nobody else, neither a provider nor a mail server, may get to
    see it. Asks nobody.
    """
    if account.oauth2 is None or kept.client_id != account.oauth2.client_id:
        return False
    if kept.login and kept.login.lower() != account.login.lower():
        return False
    try:
        if needs_description(account):
            return kept.issuer in ("", _issuer(account))
        return urlsplit(kept.token_url).netloc == urlsplit(way_of(account).token_url).netloc
    except (ConfigError, ValueError):
        return False


def _issuer(account: Account) -> str:
    return (account.oauth2.issuer if account.oauth2 else None) or ""


def troubled(needed: LoginNeeded, now: float) -> Trouble:
    """Give what is kept of a refusal."""
    return Trouble(needed.code, needed.cause, needed.remedy, needed.who, now)


def to_json(kept: Kept) -> bytes:
    """Write it."""
    trouble = kept.trouble
    return json.dumps(
        {
            "version": VERSION,
            "account": kept.account,
            "client_id": kept.client_id,
            "token_url": kept.token_url,
            "access_token": kept.access.decode("ascii"),
            "obtained": kept.obtained,
            "expires": kept.expires,
            "signed_in": kept.signed_in,
            "refresh_token": kept.refresh,
            "scopes": kept.scopes,
            "login": kept.login,
            "issuer": kept.issuer,
            "trouble": None
            if trouble is None
            else {
                "code": trouble.code,
                "cause": trouble.cause,
                "remedy": trouble.remedy,
                "who": trouble.who,
                "since": trouble.since,
            },
        },
        indent=1,
    ).encode()


def from_json(octets: bytes) -> Kept:
    """Read it. Raises ValueError for what is none."""
    try:
        found: dict[str, Any] = json.loads(octets)
        if found["version"] != VERSION:
            raise ValueError("it was written by a newer popover")
        trouble, refresh, scopes = found["trouble"], found["refresh_token"], found["scopes"]
        return Kept(
            str(found["account"]),
            str(found["client_id"]),
            str(found["token_url"]),
            str(found["access_token"]).encode("ascii"),
            float(found["obtained"]),
            float(found["expires"]),
            float(found["signed_in"]),
            None if refresh is None else str(refresh),
            None if scopes is None else tuple(map(str, scopes)),
            None if trouble is None else _trouble(trouble),
            str(found.get("login", "")),
            str(found.get("issuer", "")),
        )
    except (KeyError, TypeError, AttributeError, OverflowError, UnicodeError, RecursionError):
        raise ValueError("it is not what popover has written") from None


def _trouble(found: dict[str, Any]) -> Trouble:
    who = found["who"] if found["who"] in ("person", "operator", "time") else "person"
    return Trouble(
        str(found["code"]), str(found["cause"]), str(found["remedy"]), cast("Who", who), float(found["since"])
    )
