"""What is kept of an account between two refreshes, and what of it is still good (dry)."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, replace
from typing import Any, cast
from urllib.parse import urlsplit

from popover.accounts.oauth2.answers import LoginNeeded, Token
from popover.accounts.oauth2.vault import Key
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
SEALED = 2  # the version of a file whose tokens are sealed: see vault.py


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

    `salt`: that of the key by which it is sealed in its file; b"": it is not. `is_closed`: it is, and here is no key
    that opens it: both tokens are missing.
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
    salt: bytes = b""
    is_closed: bool = False

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
        salt=before.salt if before else b"",
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


def to_json(kept: Kept, key: Key | None = None) -> bytes:
    """Write it: sealed, if it has the salt of a key. Raises ValueError where that is missing; for what is closed, too,
    whose tokens would be lost.
    """
    if kept.is_closed:
        raise ValueError("it is closed")
    tokens = {"access_token": kept.access.decode("ascii"), "refresh_token": kept.refresh}
    if not kept.salt:
        return _dumped({"version": VERSION, **_about(kept), **tokens})
    if key is None or key.salt != kept.salt:
        raise ValueError("it is to be sealed by another key")
    about = {"version": SEALED, **_about(kept), "salt": _base64(key.salt)}
    return _dumped({**about, "sealed": _base64(key.seal(_dumped(tokens), _dumped(about)))})


def _about(kept: Kept) -> dict[str, Any]:
    """What may be seen of it."""
    trouble = kept.trouble
    return {
        "account": kept.account,
        "client_id": kept.client_id,
        "token_url": kept.token_url,
        "obtained": kept.obtained,
        "expires": kept.expires,
        "signed_in": kept.signed_in,
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
    }


def from_json(octets: bytes, key: Key | None = None) -> Kept:
    """Read it, and open it if it is sealed and this is the key. Raises ValueError for what is none."""
    try:
        found: dict[str, Any] = json.loads(octets)
        if found["version"] == SEALED:
            return _unsealed(octets, found, key)
        if found["version"] != VERSION:
            raise ValueError("it was written by a newer popover")
        return _read(found, found)
    except (KeyError, TypeError, AttributeError, OverflowError, UnicodeError, RecursionError):
        raise ValueError("it is not what popover has written") from None


def _unsealed(octets: bytes, found: dict[str, Any], key: Key | None) -> Kept:
    salt = base64.b64decode(found["salt"], validate=True)
    sealed = base64.b64decode(found["sealed"], validate=True)
    clear = None
    if key is not None and key.salt == salt and _dumped({**found, "sealed": _base64(sealed)}) == octets:
        about = {name: value for name, value in found.items() if name != "sealed"}
        clear = key.open(sealed, _dumped(about))
    if clear is None:
        return replace(_read(found, {"access_token": "", "refresh_token": None}), salt=salt, is_closed=True)
    return replace(_read(found, json.loads(clear)), salt=salt)


def _read(found: dict[str, Any], tokens: dict[str, Any]) -> Kept:
    trouble, refresh, scopes = found["trouble"], tokens["refresh_token"], found["scopes"]
    return Kept(
        str(found["account"]),
        str(found["client_id"]),
        str(found["token_url"]),
        str(tokens["access_token"]).encode("ascii"),
        float(found["obtained"]),
        float(found["expires"]),
        float(found["signed_in"]),
        None if refresh is None else str(refresh),
        None if scopes is None else tuple(map(str, scopes)),
        None if trouble is None else _trouble(trouble),
        str(found.get("login", "")),
        str(found.get("issuer", "")),
    )


def _dumped(table: dict[str, Any]) -> bytes:
    """Write it in the one way in which we do: what is sealed is not taken in any other."""
    return json.dumps(table, indent=1).encode()


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")


def _trouble(found: dict[str, Any]) -> Trouble:
    who = found["who"] if found["who"] in ("person", "operator", "time") else "person"
    return Trouble(
        str(found["code"]), str(found["cause"]), str(found["remedy"]), cast("Who", who), float(found["since"])
    )
