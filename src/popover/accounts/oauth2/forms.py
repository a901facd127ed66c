"""What is sent to a provider: forms, always by POST (RFC 6749 section 3.2, RFC 8628 section 3.1), so that nothing
secret stands in an address; and the one address that a browser is given.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from urllib.parse import quote_plus, urlencode, urlsplit, urlunsplit

from popover.accounts.oauth2.redirect import Attempt
from popover.accounts.oauth2.way import Way

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523 section 2.2


@dataclass(frozen=True, slots=True)
class Form:
    """One question to a provider."""

    url: str
    fields: tuple[tuple[str, str], ...] = field(repr=False)
    authorization: str | None = field(default=None, repr=False)  # the header of this name

    def body(self) -> bytes:
        """Give it as application/x-www-form-urlencoded."""
        return urlencode(self.fields).encode("ascii")


@dataclass(frozen=True, slots=True)
class Client:
    """Who we are to the provider: an id, and a secret, or a JWT in its place (RFC 7523), if it has one."""

    secret: str | None = field(default=None, repr=False)
    assertion: str | None = field(default=None, repr=False)


def device_code(way: Way, client: Client) -> Form:
    """Ask for a code to type. Raises ValueError where there is none to be had."""
    if way.device_url is None:
        raise ValueError("no device_url")
    return _form(way, client, way.device_url, scope=" ".join(way.asked))


def poll(way: Way, client: Client, code: str) -> Form:
    """Ask whether it was typed."""
    return _form(
        way, client, way.token_url, grant_type="urn:ietf:params:oauth:grant-type:device_code", device_code=code
    )


def code(way: Way, client: Client, attempt: Attempt, got: str) -> Form:
    """Ask for the tokens of a code that a browser brought (RFC 6749 section 4.1.3, RFC 7636 section 4.5)."""
    return _form(
        way,
        client,
        way.token_url,
        grant_type="authorization_code",
        code=got,
        redirect_uri=attempt.redirect,
        code_verifier=attempt.verifier,
    )


def refresh(way: Way, client: Client, token: str) -> Form:
    """Ask for a new access token. The scope is left out: it stays as it was (RFC 6749 section 6)."""
    return _form(way, client, way.token_url, grant_type="refresh_token", refresh_token=token)


def client_credentials(way: Way, client: Client) -> Form:
    """Ask for a token for ourselves (RFC 6749 section 4.4)."""
    return _form(way, client, way.token_url, grant_type="client_credentials", scope=" ".join(way.asked))


def jwt_bearer(way: Way, assertion: str) -> Form:
    """Ask for a token by what a key has signed (RFC 7523 section 2.1): it says who asks, and for whom."""
    fields = (("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", assertion))
    return Form(way.token_url, fields)


def revoke(way: Way, client: Client, token: str) -> Form:
    """Give a refresh token back, and all that came of it (RFC 7009). Raises ValueError where nobody takes it."""
    if way.revoke_url is None:
        raise ValueError("no revoke_url")
    return _form(way, client, way.revoke_url, token=token, token_type_hint="refresh_token")  # noqa: S106 - a kind


def authorize_address(way: Way, attempt: Attempt, user: str) -> str:
    """Make the address where a person says yes (RFC 6749 section 4.1.1). It may be seen: the verifier is not in it.
    Raises ValueError where there is none.
    """
    if way.authorize_url is None:
        raise ValueError("no authorize_url")
    fields = {
        "response_type": "code",
        "client_id": way.client_id,
        "redirect_uri": attempt.redirect,
        "scope": " ".join(way.asked),
        "state": attempt.state,
        "code_challenge": attempt.challenge,
        "code_challenge_method": "S256",
        "login_hint": user,
        **way.extra,
    }
    parts = urlsplit(way.authorize_url)
    query = "&".join(filter(None, (parts.query, urlencode({key: value for key, value in fields.items() if value}))))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def _form(way: Way, client: Client, url: str, **fields: str) -> Form:
    """Add who we are. A secret goes into the form, which all known providers take, unless one says that it does not."""
    said = {key: value for key, value in fields.items() if value}
    if client.assertion is not None:
        said |= {"client_id": way.client_id, "client_assertion_type": _ASSERTION, "client_assertion": client.assertion}
    elif client.secret is None:
        said["client_id"] = way.client_id
    elif way.basic:
        pair = f"{quote_plus(way.client_id)}:{quote_plus(client.secret)}".encode("ascii")
        return Form(url, tuple(said.items()), f"Basic {base64.b64encode(pair).decode('ascii')}")
    else:
        said |= {"client_id": way.client_id, "client_secret": client.secret}
    return Form(url, tuple(said.items()))
