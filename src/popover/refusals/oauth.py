"""The words of OAuth2 itself, as any provider's sign-in may say them."""

from popover.refusals.row import Row, Who

_TOKEN = "RFC 6749 section 5.2"  # noqa: S105 - where it is written
_AUTHORIZE = "RFC 6749 section 4.1.2.1"
_DEVICE = "RFC 8628 section 3.5"
_SIGN_IN = "sign in again: popover account login NAME"


def _row(signs: str, who: Who, cause: str, remedy: str, source: str = _TOKEN) -> Row:
    return Row(tuple(signs.split(" | ")), cause, remedy, source, "", who)


ROWS: tuple[Row, ...] = (
    _row("expired or revoked", "person", "the sign-in has ended: too old, withdrawn, or the password was changed",
         f"{_SIGN_IN}; Google ends it after 7 days while the app's status is \"Testing\""),
    _row("device flow is disabled | unauthorized_device", "operator",
         "the provider has no device code for this client_id",
         "try another way: popover account login NAME --browser, or --paste", _DEVICE),
    _row("deleted_client | disabled_client", "operator", "the client_id was deleted or switched off at the provider",
         "register another one (docs/oauth2)"),
    _row("invalid_grant", "person",
         "the sign-in is void: withdrawn, too old, used elsewhere, or the password was changed",
         f"{_SIGN_IN}; Google ends it after 7 days while the app's status is \"Testing\""),
    _row("invalid_client", "operator", "the provider does not know this client_id, or its secret is wrong",
         "compare client_id and client_secret_file with what the provider's web page shows"),
    _row("unauthorized_client", "operator", "this client_id may not sign in this way",
         "look into the app's settings at the provider; or try another way: --browser, --device"),
    _row("invalid_scope", "operator", "the app may not ask for one of these rights",
         "add the rights for mail to the app at the provider, or take `scopes` out of the account"),
    _row("unsupported_grant_type | unsupported_response_type", "operator", "the provider has no sign-in of this kind",
         "try another one: popover account login NAME --browser, or --device"),
    _row("access_denied | authorization_declined", "person",
         "somebody has said no on the provider's page, or a rule did",
         f"{_SIGN_IN}, and accept what is asked", _AUTHORIZE),
    _row("interaction_required | consent_required | login_required", "person", "a person has to sign in once more",
         _SIGN_IN, "OpenID Connect Core 1.0 section 3.1.2.6"),
    _row("expired_token | bad_verification_code", "person", "the code was not typed in time", _SIGN_IN, _DEVICE),
    _row("authorization_pending", "time",
         "nobody has typed the code yet", "type it on the page that was named", _DEVICE),
    _row("slow_down | rate_limit_exceeded", "time", "the provider was asked too often",
         "nothing; popover waits longer by itself", _DEVICE),
    _row("invalid_request", "time", "the provider does not understand the request",
         "look into the app's settings at the provider: is it of the kind for desktop programs?"),
    _row("temporarily_unavailable | server_error", "time", "the provider's sign-in is out of order",
         "nothing; popover tries again by itself", _AUTHORIZE),
    Row(("invalid_token", "eyjzdgf0dxmioii0mdai", "eyjzdgf0dxmioii0mdei"),  # base64 of {"status":"400" and "401"
         "the server does not take this token: ended, for another account, or without the right to this dialect",
         f"look at its rights with popover account show NAME; if they are there, {_SIGN_IN}", "RFC 7628 section 3.2.2"),
)  # fmt: skip
