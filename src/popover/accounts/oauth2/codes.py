"""What providers' codes mean, and what to do about them. Numbers and words as seen in the field; docs/oauth2/ has them
with the screens to go to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

Who: TypeAlias = Literal["person", "operator", "time"]
"""Who can mend it: a person, by signing in once more; the operator, in the configuration or at the provider's; or it
passes by itself."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """`cause` ends a sentence that begins with the provider's name; `remedy`: for the operator."""

    cause: str
    who: Who
    remedy: str = ""


_AGAIN = "sign in again"
_REGISTRATION = "see the registration of the client id (docs/oauth2)"
_CONDITIONAL = Meaning(
    "its rules for this organisation (Conditional Access) do not let popover in",
    "person",
    "an administrator must allow it; where only the device code is blocked, sign in with --browser or --paste",
)

AADSTS: dict[int, Meaning] = {
    16000: Meaning("it wants a person to choose an account", "person", _AGAIN),
    50011: Meaning(
        "it does not know the address that browsers are sent back to",
        "operator",
        'register http://localhost under "Mobile and desktop applications", or write redirect_url as registered',
    ),
    50020: Meaning(
        "it does not take this kind of account for this client id",
        "operator",
        'the registration must be for "Accounts in any organizational directory and personal Microsoft accounts"; '
        'personal accounts are provider = "outlook"',
    ),
    50034: Meaning("it does not know this user", "person", "is the account one of this tenant?"),
    50055: Meaning("the password of the account has run out", "person", "change it in a browser, then sign in again"),
    50057: Meaning("the account is switched off", "person", "its administrator can switch it on"),
    50058: Meaning("it wants a person to sign in", "person", _AGAIN),
    50076: Meaning("it wants a second factor now", "person", _AGAIN),
    50078: Meaning("its second factor has run out", "person", _AGAIN),
    50079: Meaning("it wants a second factor to be set up", "person", "set it up in a browser, then sign in again"),
    50105: Meaning(
        "this user may not use this client id",
        "operator",
        'assign the user under "Enterprise applications", or switch "Assignment required" off there',
    ),
    50126: Meaning("name or password were wrong", "person", _AGAIN),
    50132: Meaning("the sign-in was withdrawn (password changed, or revoked)", "person", _AGAIN),
    50133: Meaning("the password was changed", "person", _AGAIN),
    50158: Meaning("it wants a step that only a browser can take", "person", "sign in with --browser or --paste"),
    50173: Meaning("the password was changed, or the sign-in was revoked", "person", _AGAIN),
    50196: Meaning("it has seen too many requests", "time"),
    53000: _CONDITIONAL,
    53001: _CONDITIONAL,
    53002: _CONDITIONAL,
    53003: _CONDITIONAL,
    53004: _CONDITIONAL,
    530003: _CONDITIONAL,
    530032: _CONDITIONAL,
    530034: _CONDITIONAL,
    65001: Meaning(
        "nobody has agreed yet that this client id may read mail",
        "person",
        'sign in again; where users may not agree, an administrator must ("Grant admin consent")',
    ),
    65004: Meaning("the person did not agree", "person", _AGAIN),
    70000: Meaning("the sign-in is no longer good", "person", _AGAIN),
    70008: Meaning("the sign-in has run out, for it was not used for long", "person", _AGAIN),
    70011: Meaning("it does not know the scope that was asked for", "operator", f"scopes: {_REGISTRATION}"),
    70016: Meaning("the code was not entered yet", "time"),
    70019: Meaning("the code has run out", "person", _AGAIN),
    70043: Meaning("the sign-in has run out (sign-in frequency)", "person", _AGAIN),
    70044: Meaning("the sign-in has run out (sign-in frequency)", "person", _AGAIN),
    80012: Meaning("it lets nobody in at this hour", "time"),
    90002: Meaning("it does not know this tenant", "operator", "is tenant right?"),
    90033: Meaning("it has trouble of its own", "time"),
    90094: Meaning("an administrator must agree first", "operator", 'in the registration: "Grant admin consent"'),
    900561: Meaning("it wants another kind of request", "operator", _REGISTRATION),
    700016: Meaning("it does not know the client id in this tenant", "operator", "are client_id and tenant right?"),
    700027: Meaning("it does not take the certificate's signature", "operator", "is this certificate registered?"),
    700082: Meaning("the sign-in has run out: it was not used for 90 days", "person", _AGAIN),
    700084: Meaning("the sign-in has run out, as single-page ones do in a day", "person", "register it as desktop"),
    7000112: Meaning("the client id is switched off", "operator", "register your own (docs/oauth2/microsoft.md)"),
    7000215: Meaning(
        "the client's secret is wrong", "operator", "client_secret_file must hold the secret's value, not its ID"
    ),
    7000218: Meaning(
        "it wants a secret for this client id",
        "operator",
        'in the registration, Authentication: "Allow public client flows" must be Yes',
    ),
    7000222: Meaning("the client's secret has run out", "operator", "make a new one in the registration"),
    9002313: Meaning("it does not understand the request", "operator", _REGISTRATION),
    9002346: Meaning("the client id is for personal accounts only", "operator", 'use provider = "outlook"'),
    9002331: Meaning("the client id is for personal accounts only", "operator", 'use provider = "outlook"'),
}

CODES: dict[str, Meaning] = {
    # RFC 6749 sections 4.1.2.1 and 5.2
    "invalid_grant": Meaning("the sign-in is no longer good", "person", _AGAIN),
    "invalid_client": Meaning("it does not take the client id or its secret", "operator", _REGISTRATION),
    "unauthorized_client": Meaning("the client id may not sign in this way", "operator", _REGISTRATION),
    "unsupported_grant_type": Meaning("it does not know this way to sign in", "operator", _REGISTRATION),
    "unsupported_response_type": Meaning("it does not know this way to sign in", "operator", _REGISTRATION),
    "invalid_scope": Meaning("it does not give the scope that was asked for", "operator", f"scopes: {_REGISTRATION}"),
    "access_denied": Meaning("the person, or an administrator, said no", "person", _AGAIN),
    "server_error": Meaning("it has trouble of its own", "time"),
    "temporarily_unavailable": Meaning("it has trouble of its own", "time"),
    "invalid_request": Meaning("it does not understand the request", "time", _REGISTRATION),
    # RFC 8628 section 3.5, and Microsoft's own names for the same
    "expired_token": Meaning("the code has run out", "person", _AGAIN),
    "authorization_declined": Meaning("the person, or an administrator, said no", "person", _AGAIN),
    "bad_verification_code": Meaning("the code has run out", "person", _AGAIN),
    # OpenID Connect Core section 3.1.2.6
    "interaction_required": Meaning("it wants a person to sign in", "person", _AGAIN),
    "login_required": Meaning("it wants a person to sign in", "person", _AGAIN),
    "consent_required": Meaning("it wants a person to agree", "person", _AGAIN),
    # Google's
    "admin_policy_enforced": Meaning(
        "the rules of this organisation do not let popover in", "operator", "its administrator must trust the client id"
    ),
    "org_internal": Meaning("the client id is for one organisation only", "operator", 'its "User type" is "Internal"'),
    "deleted_client": Meaning("the client id was deleted", "operator", "register another"),
    "disabled_client": Meaning("the client id is switched off", "operator", "register another"),
    "redirect_uri_mismatch": Meaning(
        "it does not know the address that browsers are sent back to",
        "operator",
        'the client id must be of the type "Desktop app", or its address be written as redirect_url',
    ),
    "rate_limit_exceeded": Meaning("it has seen too many requests", "time"),
    "slow_down": Meaning("it has seen too many requests", "time"),
}

_DESCRIBED = (
    (
        re.compile(r"expired or revoked", re.IGNORECASE),
        Meaning(
            "the sign-in has run out or was revoked",
            "person",
            'sign in again; at Google it lasts 7 days in "Testing", and ends when the password is changed',
        ),
    ),
    (
        re.compile(r"invalid device flow scope", re.IGNORECASE),
        Meaning("it gives no mail by a device code", "operator", "sign in with --browser or --paste"),
    ),
    (
        re.compile(r"device flow is disabled|unauthorized_device", re.IGNORECASE),
        Meaning("it lets this client id have no device code", "operator", "sign in with --browser or --paste"),
    ),
)

_NUMBER = re.compile(r"AADSTS(\d{4,8})")


@dataclass(frozen=True, slots=True)
class Told:
    """What a refusal means. `code`: the most telling of its own ("AADSTS700082", "invalid_grant")."""

    code: str
    meaning: Meaning


def meaning(code: str, description: str = "") -> Told | None:
    """Look a refusal up: by Microsoft's number in its description, by what that says, by its code."""
    if (found := _NUMBER.search(description)) and (known := AADSTS.get(int(found[1]))):
        return Told(found[0], known)
    for pattern, known in _DESCRIBED:
        if pattern.search(description):
            return Told(code, known)
    known_code = CODES.get(code)
    if known_code is None:
        return None
    return Told(found[0] if found else code, known_code)
