"""What a provider answers, as one of few values. Parsed, never compared: providers spell the same in many ways.

Permanent is only what a provider says in so many words (RFC 6749 section 5.2). Whatever else is odd, a page of a
hotel's network, a 500, half an object, is `Later`: no sign-in is given up for it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from popover.accounts.oauth2.codes import meaning
from popover.refusals import Who

TOKEN_LIMIT = 8 * 1024
"""Octets of a token: Microsoft's have 2 to 3 kB; Dovecot closes at 11 kB in every form (measured)."""

DEFAULT_LIFE = 3600.0
"""Seconds that a token is good whose provider does not say it (RFC 6749 section 5.1: it should). An hour is what most
give; one that ends sooner is refused by the mail server, and another is asked for then."""

LIFE_LIMIT = 365 * 86400.0  # seconds; a number beyond is a mistake, and a float that is none would never end

INTERVAL = 5.0  # seconds between two questions, where the provider does not say it (RFC 8628 section 3.2)
SLOWER = 5.0  # seconds more after each slow_down (RFC 8628 section 3.5)
CODE_LIFE = 900.0  # seconds; Microsoft's codes last so long. RFC 8628 wants it said

_LONG_WORD = re.compile(r"\S{24,}")

_NOW = (408, 425, 429)  # of the 4xx those that say "not now"


@dataclass(frozen=True, slots=True)
class Token:
    """`life`: seconds that `access` is good for. `refresh`: for the next one, None: go on with the one you have.
    `scopes`: what was given, None: what was asked for (RFC 6749 section 5.1).
    """

    access: bytes = field(repr=False)
    life: float
    refresh: str | None = field(default=None, repr=False)
    scopes: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class LoginNeeded:
    """It will not pass by itself. `cause` ends a sentence that begins with the provider's name; `code` is its own."""

    code: str
    cause: str
    remedy: str = ""
    who: Who = "person"


@dataclass(frozen=True, slots=True)
class Later:
    """It may pass. `after`: seconds that the provider wants to be left alone."""

    cause: str
    remedy: str = ""
    after: float | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """Nobody has entered the code yet. `slower`: ask less often."""

    slower: bool = False


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """What a person is shown (RFC 8628 section 3.2). `address` with `user_code` typed into it, or `complete` alone."""

    device_code: str = field(repr=False)
    user_code: str
    address: str
    complete: str | None
    life: float
    interval: float


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. `after`: its Retry-After in seconds, where it has one."""

    status: int
    body: bytes = field(repr=False)
    after: float | None = None

    @property
    def is_trouble(self) -> bool:
        """Whether the server has trouble of its own, or wants to be asked later."""
        return self.status >= 500 or self.status in _NOW  # noqa: PLR2004


Tokens: TypeAlias = Token | LoginNeeded | Later


def read_token(answer: Answer) -> Tokens:
    """Read what came to a question for a token."""
    found = _object(answer.body)
    if answer.status != 200:  # noqa: PLR2004 - OK
        return _refusal(answer, found)
    access = found.get("access_token")
    if not isinstance(access, str) or not access:
        # Some say 200 and mean no.
        return _refusal(answer, found) if "error" in found else Later("its answer holds no token")
    if len(access) > TOKEN_LIMIT or not _is_bearer(access):
        return Later(
            f"it gave a token that no mail server would take ({len(access):,} characters, {TOKEN_LIMIT:,} at most)"
            if len(access) > TOKEN_LIMIT
            else "it gave a token with characters that no token may have"
        )
    kind = found.get("token_type", "Bearer")
    if str(kind).lower() != "bearer":
        return Later(f"it gave a token of a kind that mail servers do not know ({str(kind)[:20]!r})")
    refresh = found.get("refresh_token")
    scope = found.get("scope")
    return Token(
        access.encode("ascii"),
        _seconds(found.get("expires_in"), DEFAULT_LIFE),
        refresh if isinstance(refresh, str) and refresh else None,
        tuple(scope.split()) if isinstance(scope, str) else None,
    )


def read_device(answer: Answer) -> DeviceCode | LoginNeeded | Later:
    """Read what came to the wish for a device code."""
    found = _object(answer.body)
    if answer.status != 200:  # noqa: PLR2004 - OK
        return _refusal(answer, found)
    # Google, and drafts of RFC 8628, say verification_url.
    address = found.get("verification_uri") or found.get("verification_url")
    device_code, user_code = found.get("device_code"), found.get("user_code")
    if not (isinstance(address, str) and isinstance(device_code, str) and isinstance(user_code, str)):
        return Later("its answer holds no code")
    complete = found.get("verification_uri_complete")
    return DeviceCode(
        device_code,
        user_code,
        address,
        complete if isinstance(complete, str) else None,
        _seconds(found.get("expires_in"), CODE_LIFE),
        max(_seconds(found.get("interval"), INTERVAL), 1.0),
    )


def read_poll(answer: Answer) -> Tokens | Pending:
    """Read what came to the question whether the code was entered."""
    code = _object(answer.body).get("error")
    if answer.status in (400, 401, 403, 428) and code in ("authorization_pending", "slow_down"):
        return Pending(slower=code == "slow_down")
    return read_token(answer)


def refused(code: str, description: str = "") -> LoginNeeded | Later:
    """Say what a provider's code means. Its own words go to the operator, never to the client's user."""
    told = meaning(code, description)
    if told is None:
        return LoginNeeded(_shown(code), "it refuses, in a way that popover does not know", _says(code, description))
    cause = told.cause if "error" in told.code else f"{told.cause} ({told.code})"
    return Later(cause, told.remedy) if told.who == "time" else LoginNeeded(told.code, cause, told.remedy, told.who)


def _refusal(answer: Answer, found: dict[str, Any]) -> LoginNeeded | Later:
    status = answer.status
    if answer.is_trouble:
        return Later(f"it has trouble of its own (HTTP {status})", "", answer.after)
    code, description = found.get("error"), found.get("error_description")
    if isinstance(code, dict):  # Google's other form: {"error": {"code": 400, "status": "...", "message": "..."}}
        described: dict[str, Any] = code
        code, description = described.get("status"), described.get("message")
    description = description if isinstance(description, str) else ""
    if not isinstance(code, str) or not code:
        return Later(
            f"it answers in another way than a provider does (HTTP {status})", "is token_url right? is there a proxy?"
        )
    if status not in (200, 400, 401, 403) or meaning(code, description) is None:
        return Later(f"it does not give a token now (HTTP {status})", _says(code, description), answer.after)
    return refused(code, description)


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _seconds(value: object, default: float) -> float:
    """Read a number of seconds, which some write as text."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return default
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return default
    return seconds if 0 < seconds < LIFE_LIMIT else default


def _is_bearer(token: str) -> bool:
    """Whether it can be said to a mail server: visible ASCII (RFC 6750 section 2.1 has less; providers have more)."""
    return all("!" <= character <= "~" for character in token)


def _says(code: str, description: str) -> str:
    """Give a provider's own words: the first line, for Microsoft's go on with numbers for many."""
    lines = description.strip().splitlines()
    return f"it says {_shown(code)}" + (f": {_shown(lines[0])}" if lines else "")


def _shown(text: str) -> str:
    """Text from outside, short, without what might be a token that is said back to us: any long word."""
    return _LONG_WORD.sub("...", text)[:200]
