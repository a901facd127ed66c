"""How one account comes to its tokens: what is configured, what its provider's row says, and what the provider itself
does, in this order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit

from popover.accounts.oauth2.discovery import Described, is_https
from popover.accounts.oauth2.providers import LOOPBACK, Flow, Provider, provider, provider_names
from popover.config import Account, DialectName, OAuth2
from popover.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Way:
    """`scopes`: what each of the account's dialects needs; `asked`: what is asked for. Addresses are https, but for the
    redirect's. `basic`: the provider wants a secret in a header of its own (RFC 6749 section 2.3.1). `says_issuer`: an
    answer without `iss` is not its (RFC 9207 section 2.4).
    """

    title: str  # the provider, as people call it
    client_id: str
    token_url: str
    authorize_url: str | None
    device_url: str | None
    revoke_url: str | None
    issuer: str | None
    scopes: Mapping[DialectName, tuple[str, ...]]
    asked: tuple[str, ...]
    redirect: str
    grant: Literal["user", "client_credentials", "jwt"] = "user"
    extra: Mapping[str, str] = field(default_factory=dict)
    basic: bool = False
    says_issuer: bool = False
    page: str = "others"
    ca_file: Path | None = None

    @property
    def flows(self) -> tuple[Flow, ...]:
        """How a person can sign in, the easiest first."""
        found: list[Flow] = ["device"] if self.device_url else []
        if self.authorize_url:
            found += ["browser", "paste"] if listens(self.redirect) else ["paste"]
        return tuple(found)

    @property
    def host(self) -> str:
        """Who gives out the tokens."""
        return urlsplit(self.token_url).hostname or ""


def listens(redirect: str) -> bool:
    """Whether a browser that is sent back there can find us: plain HTTP on loopback (RFC 8252 section 7.3)."""
    parts = urlsplit(redirect)
    return parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost"}


def needs_description(account: Account) -> bool:
    """Whether the provider has to be asked about itself (discovery.py) before there is a way."""
    oauth2 = _oauth2(account)
    return oauth2.issuer is not None and oauth2.token_url is None and _row(oauth2) is None


def way_of(account: Account, described: Described | None = None) -> Way:
    """Put it together. Raises ConfigError."""
    oauth2 = _oauth2(account)
    row = _row(oauth2)
    known = _addresses(row, oauth2.tenant)
    if described is not None:
        known |= {key: value for key, value in described.addresses().items() if value}
    token_url = oauth2.token_url or known.get("token_url")
    if token_url is None:
        raise ConfigError(
            f"oauth2: say who gives the tokens: provider = one of {', '.join(provider_names())}; "
            "or issuer (--issuer), or token_url with authorize_url or device_url"
        )
    dialects = _dialects(account)
    scopes = _scopes(oauth2, row, dialects)
    grant, asked = _asked(oauth2, row, scopes)
    way = Way(
        title=row.title if row else urlsplit(token_url).hostname or token_url,
        client_id=oauth2.client_id,
        token_url=token_url,
        authorize_url=oauth2.authorize_url or known.get("authorize_url"),
        device_url=oauth2.device_url or known.get("device_url"),
        revoke_url=known.get("revoke_url"),
        issuer=oauth2.issuer or (row.issuer if row else None),
        scopes=scopes,
        asked=asked,
        redirect=oauth2.redirect_url or (row.redirect if row else LOOPBACK),
        grant=grant,
        extra=row.extra if row else _offline(asked),
        basic=described is not None and described.basic_only,
        says_issuer=described is not None and described.says_issuer,
        page=row.page if row else "others",
        ca_file=oauth2.ca_file,
    )
    _check(way)
    return way


def _oauth2(account: Account) -> OAuth2:
    if account.oauth2 is None:
        raise ConfigError(f"account {account.name}: it has no oauth2")
    return account.oauth2


def _row(oauth2: OAuth2) -> Provider | None:
    if oauth2.provider is None:
        return None
    if (found := provider(oauth2.provider)) is None:
        raise ConfigError(f"oauth2: provider: must be one of {', '.join(provider_names())}; is {oauth2.provider!r}")
    return found


def _addresses(row: Provider | None, tenant: str | None) -> dict[str, str]:
    """Give the row's addresses, with the tenant's name in them."""
    if row is None:
        return {}
    if tenant is not None and not row.tenant:
        raise ConfigError(f"oauth2: tenant: {row.title} has none")
    found = {
        "token_url": row.token_url,
        "authorize_url": row.authorize_url,
        "device_url": row.device_url,
        "revoke_url": row.revoke_url,
    }
    name = quote(tenant or row.tenant, safe="")
    return {key: value.replace("{tenant}", name) for key, value in found.items() if value}


def _dialects(account: Account) -> tuple[DialectName, ...]:
    return tuple(dict.fromkeys(target.server.dialect for target in account.targets))


def _scopes(
    oauth2: OAuth2, row: Provider | None, dialects: tuple[DialectName, ...]
) -> dict[DialectName, tuple[str, ...]]:
    """Find what each dialect needs. What is configured holds for all."""
    if oauth2.scopes is not None:
        return dict.fromkeys(dialects, oauth2.scopes)
    if row is None:
        return {}
    if missing := [dialect for dialect in dialects if dialect not in row.scopes]:
        raise ConfigError(
            f"oauth2: {row.title} takes no OAuth2 for {' and '.join(missing).upper()}: use IMAP, or an app password"
        )
    return {dialect: row.scopes[dialect] for dialect in dialects}


def _asked(
    oauth2: OAuth2, row: Provider | None, scopes: Mapping[DialectName, tuple[str, ...]]
) -> tuple[Literal["user", "client_credentials", "jwt"], tuple[str, ...]]:
    """Find what is asked for, and by which grant. Microsoft knows no JWT grant without a person: there a key signs for
    the client (RFC 7523 section 2.2), and the grant is client_credentials.
    """
    grant = oauth2.grant
    if grant == "jwt" and row is not None and row.tenant:
        grant = "client_credentials"
    if oauth2.scopes is not None:
        return grant, oauth2.scopes
    if grant != "user" and row is not None:
        if row.own_scope is None:
            raise ConfigError(f"oauth2: grant: {row.title} lets no program sign in by itself")
        if row.tenant and oauth2.tenant is None and oauth2.token_url is None:
            raise ConfigError('oauth2: tenant: is missing: it is of one organisation, tenant = "example.com"')
        return grant, (row.own_scope,)
    single = dict.fromkeys(scope for needed in scopes.values() for scope in needed)
    return grant, (*single, *(row.also if row else ()))


def _offline(asked: tuple[str, ...]) -> dict[str, str]:
    """Give the parameter without which OpenID Connect lets nobody go on offline (Core 1.0 section 11)."""
    return {"prompt": "consent"} if {"openid", "offline_access"} <= {*asked} else {}


def _check(way: Way) -> None:
    named = {
        "token_url": way.token_url,
        "authorize_url": way.authorize_url,
        "device_url": way.device_url,
        "issuer": way.issuer,
    }
    for name, value in named.items():
        if value is not None and not is_https(value):
            raise ConfigError(f"oauth2: {name}: must be an https:// address, for secrets go there; is {value!r}")
    if way.grant == "user" and not way.flows:
        raise ConfigError("oauth2: a person cannot sign in there: give device_url or authorize_url")
