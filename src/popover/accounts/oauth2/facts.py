"""What there is of an account's sign-in, for people and for programs: `popover account show`, `popover check -c`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias

from popover.accounts.oauth2.kept import Kept, Trouble, belongs
from popover.accounts.oauth2.refresh import OF_ANOTHER, UNSET, command, named
from popover.accounts.oauth2.store import TokenFile
from popover.accounts.oauth2.way import Way, needs_description, way_of
from popover.config import Account, DialectName
from popover.errors import ConfigError, ProviderFailure

State: TypeAlias = Literal["good", "sign in", "broken"]


@dataclass(frozen=True, slots=True)
class Facts:
    """`state`: "good", a person has to "sign in", or the operator has to mend what is "broken", by `remedy`. Times in
    seconds since 1970. `missing`: dialects whose scopes were not given.
    """

    state: State
    sentence: str
    remedy: str = ""
    valid_until: float | None = None
    refreshed: float | None = None
    signed_in: float | None = None
    missing: tuple[DialectName, ...] = ()
    encrypted: bool = False

    def rows(self) -> tuple[tuple[str, str], ...]:
        """Give it as words and what there is to say to them."""
        found = [("oauth2", self.sentence)]
        if self.signed_in is not None:
            found.append(("signed in", _day(self.signed_in)))
        if self.valid_until is not None:
            found.append(("token valid until", _minute(self.valid_until)))
        if self.refreshed is not None:
            found.append(("refresh token since", _minute(self.refreshed)))
        if self.encrypted:
            found.append(("encrypted", "by the local password; after each start, renewed from its first login on"))
        if self.missing:
            found.append(("scopes missing", " ".join(self.missing)))
        if self.remedy:
            found.append(("to do", self.remedy))
        return tuple(found)

    def as_json(self) -> dict[str, object]:
        """Give it as a JSON object. Nothing secret is in it."""
        return {
            "state": self.state,
            "sentence": self.sentence,
            "remedy": self.remedy,
            "valid_until": self.valid_until,
            "refreshed": self.refreshed,
            "signed_in": self.signed_in,
            "scopes_missing": list(self.missing),
            "encrypted": self.encrypted,
        }


def facts(account: Account, directory: Path, now: float) -> Facts:
    """Look at what is kept of an account in the directory of tokens. Asks nobody; never raises."""
    try:
        way = None if needs_description(account) else way_of(account)
    except ConfigError as mistake:
        return Facts("broken", "the account is not set up to sign in", str(mistake))
    try:
        kept = TokenFile(directory, account.name).read()
    except ProviderFailure as fault:
        return Facts("broken", fault.cause, fault.remedy)
    return _of(kept, account, way, now)


def _of(kept: Kept | None, account: Account, way: Way | None, now: float) -> Facts:
    if kept is None or not belongs(kept, account):
        if account.oauth2 and account.oauth2.grant != "user":
            return Facts("good", "it signs in by itself, and has not yet")
        return Facts("sign in", OF_ANOTHER if kept else "nobody has signed in yet", command(account))
    if kept.is_closed and not account.encrypts:
        return Facts("sign in", f"what is kept is encrypted, {UNSET}", command(account), encrypted=True)
    if kept.trouble is not None:
        return replace(_troubled(account, kept, kept.trouble), encrypted=bool(kept.salt))
    missing = missing_scopes(way.scopes if way else {}, kept)
    left = kept.expires - now
    is_usable = kept.is_usable(now) or (kept.is_closed and left > 0)
    has_refresh = kept.refresh is not None or kept.is_closed  # nearly all have one, and it cannot be seen
    sentence = f"token valid {left / 60:.0f} min" if is_usable else "token has run out, the next login renews it"
    return Facts(
        "good",
        sentence
        + (f", refresh token of {_day(kept.obtained)}" if has_refresh else "")
        + (f"; {' '.join(missing)} scope missing" if missing else "")
        + _how_kept(account, kept),
        f"{command(account)}, and agree to all that is asked" if missing else "",
        valid_until=kept.expires,
        refreshed=kept.obtained if has_refresh else None,
        signed_in=kept.signed_in,
        missing=missing,
        encrypted=bool(kept.salt),
    )


def _how_kept(account: Account, kept: Kept) -> str:
    if kept.salt:
        return "; encrypted: after a start of popover, not renewed before the first login"
    return "; not encrypted yet: the next login does that" if account.encrypts else ""


def _troubled(account: Account, kept: Kept, trouble: Trouble) -> Facts:
    sentence = f"{trouble.cause} (since {_minute(trouble.since)})"
    if trouble.who == "operator" or (account.oauth2 and account.oauth2.grant != "user"):
        return Facts("broken", sentence, named(trouble.remedy, account), signed_in=kept.signed_in)
    return Facts("sign in", sentence, command(account), signed_in=kept.signed_in)


def missing_scopes(wanted: Mapping[DialectName, tuple[str, ...]], kept: Kept) -> tuple[DialectName, ...]:
    """Find the dialects whose scopes were not given. Providers give them back in other letters, or by other hosts."""
    if kept.scopes is None:
        return ()
    given = {_short(scope) for scope in kept.scopes}
    return tuple(
        dialect for dialect, scopes in wanted.items() if any(_short(scope) not in given for scope in _mail(scopes))
    )


def _mail(scopes: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out what is no access to anything: no provider lists `.default` or offline_access among what it gave."""
    return tuple(scope for scope in scopes if not scope.endswith("/.default") and scope != "offline_access")


def _short(scope: str) -> str:
    return scope.rstrip("/").rpartition("/")[2].lower()


def _day(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%d")


def _minute(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%d %H:%M UTC")
