"""What is known of each provider. Addresses and scopes are those of its own documentation, or of Thunderbird's table
(mailnews/base/src/OAuth2Providers.sys.mjs), as of 2026; a client id is always the user's own: docs/oauth2/README.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypeAlias

from popover.config import DialectName

Flow: TypeAlias = Literal["device", "browser", "paste"]
"""How a person signs in: a code is typed into a page of the provider's (RFC 8628); a browser on this machine comes back
to us (RFC 8252 section 7.3); or the address it was sent back to is copied by hand."""

LOOPBACK = "http://127.0.0.1/"
"""Where browsers are sent back to, unless a provider wants another: any port of it, at most (RFC 8252 section 7.3)."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One row. `{tenant}` stands in Microsoft's addresses."""

    name: str
    title: str  # as people call it
    token_url: str
    authorize_url: str
    scopes: Mapping[DialectName, tuple[str, ...]]  # what a login needs; a dialect that is missing takes no OAuth2
    device_url: str | None = None  # None: it has none that gives mail
    revoke_url: str | None = None
    also: tuple[str, ...] = ()  # scopes that are asked for besides
    extra: Mapping[str, str] = field(default_factory=dict)  # parameters of the page where a person says yes
    issuer: str | None = None  # what the answer's `iss` has to be (RFC 9207), where that is known
    redirect: str = LOOPBACK
    tenant: str = ""  # the usual one
    own_scope: str | None = None  # what a program asks for that signs in by itself, without a person
    page: str = ""  # of docs/oauth2/

    def flows(self) -> tuple[Flow, ...]:
        """How a person can sign in, the easiest first."""
        typed: tuple[Flow, ...] = ("device",) if self.device_url else ()
        back: tuple[Flow, ...] = ("browser",) if self.redirect.startswith("http:") else ()
        return (*typed, *back, "paste")


def _all(*scopes: str) -> Mapping[DialectName, tuple[str, ...]]:
    return {"pop3": scopes, "imap": scopes, "smtp": scopes}


def _microsoft(name: str, title: str, hosts: tuple[str, str, str], tenant: str) -> Provider:
    """Make a row of Microsoft's: its clouds differ in hosts alone, of the sign-in, of what a person allows, and of what
    a program may by itself. `offline_access`: else a login each hour.
    """
    login, mail, own = hosts
    base = f"https://{login}/{{tenant}}/oauth2/v2.0"
    return Provider(
        name,
        title,
        token_url=f"{base}/token",
        authorize_url=f"{base}/authorize",
        device_url=f"{base}/devicecode",
        scopes={
            "pop3": (f"https://{mail}/POP.AccessAsUser.All",),
            "imap": (f"https://{mail}/IMAP.AccessAsUser.All",),
            "smtp": (f"https://{mail}/SMTP.Send",),
        },
        also=("offline_access",),
        redirect="http://localhost",  # its pages let a public client enter this one; any port is taken
        tenant=tenant,
        own_scope=f"https://{own}/.default",
        page="microsoft",
    )


def _yahoo(name: str, title: str, host: str) -> Provider:
    """Make a row of Yahoo's. Its redirect is https on loopback, where nobody listens: it is pasted."""
    return Provider(
        name,
        title,
        token_url=f"https://{host}/oauth2/get_token",
        authorize_url=f"https://{host}/oauth2/request_auth",
        scopes=_all("mail-w"),
        redirect="https://127.0.0.1",
        page="yahoo",
    )


_WORLD = ("login.microsoftonline.com", "outlook.office.com", "outlook.office365.com")
_US = ("login.microsoftonline.us", "outlook.office365.us", "outlook.office365.us")
_CHINA = ("login.partner.microsoftonline.cn", "partner.outlook.cn", "partner.outlook.cn")
_THUNDERMAIL = "https://auth.tb.pro/realms/tbpro"
_FASTMAIL = "https://www.fastmail.com/dev/protocol-"

_ROWS = (
    _microsoft("microsoft365", "Microsoft 365", _WORLD, "common"),
    _microsoft("outlook", "Outlook.com", _WORLD, "consumers"),
    _microsoft("microsoft365-us", "Microsoft 365 (US Government)", _US, "common"),
    _microsoft("microsoft365-cn", "Microsoft 365 (21Vianet)", _CHINA, "common"),
    Provider(
        "gmail",
        "Google",
        token_url="https://oauth2.googleapis.com/token",  # noqa: S106 - an address
        # Its older pair of addresses may answer "This app is blocked". Its device page gives no mail scope.
        authorize_url="https://accounts.google.com/o/oauth2/v2/auth",
        revoke_url="https://oauth2.googleapis.com/revoke",
        scopes=_all("https://mail.google.com/"),
        extra={"access_type": "offline", "prompt": "consent"},  # else there is a refresh token the first time only
        issuer="https://accounts.google.com",
        own_scope="https://mail.google.com/",
        page="google",
    ),
    _yahoo("yahoo", "Yahoo", "api.login.yahoo.com"),
    _yahoo("aol", "AOL", "api.login.aol.com"),
    Provider(
        "fastmail",
        "Fastmail",
        token_url="https://api.fastmail.com/oauth/refresh",  # noqa: S106
        authorize_url="https://api.fastmail.com/oauth/authorize",
        scopes={"pop3": (f"{_FASTMAIL}pop",), "imap": (f"{_FASTMAIL}imap",), "smtp": (f"{_FASTMAIL}smtp",)},
        page="fastmail",
    ),
    Provider(
        "mail.ru",
        "Mail.ru",
        token_url="https://o2.mail.ru/token",  # noqa: S106
        authorize_url="https://o2.mail.ru/login",
        scopes={"imap": ("mail.imap",), "smtp": ("mail.imap",)},
        page="others",
    ),
    Provider(
        "yandex",
        "Yandex",
        token_url="https://oauth.yandex.com/token",  # noqa: S106
        authorize_url="https://oauth.yandex.com/authorize",
        scopes={"imap": ("mail:imap_full",), "smtp": ("mail:smtp",)},
        page="others",
    ),
    Provider(
        "seznam",
        "Seznam",
        token_url="https://login.seznam.cz/api/v1/oauth/token",  # noqa: S106
        authorize_url="https://login.seznam.cz/api/v1/oauth/auth",
        scopes=_all("identity", "calendar", "email"),
        redirect="http://127.0.0.1/seznam",
        page="others",
    ),
    Provider(
        "comcast",
        "Comcast",
        token_url="https://oauth.xfinity.com/oauth/token",  # noqa: S106
        authorize_url="https://oauth.xfinity.com/oauth/authorize",
        scopes=_all("https://email.comcast.net/", "profile", "openid"),
        page="others",
    ),
    Provider(
        "thundermail",
        "Thundermail",
        token_url=f"{_THUNDERMAIL}/protocol/openid-connect/token",
        authorize_url=f"{_THUNDERMAIL}/protocol/openid-connect/auth",
        scopes=_all("openid", "profile", "email"),
        also=("offline_access",),
        issuer=_THUNDERMAIL,
        page="others",
    ),
)

PROVIDERS: Mapping[str, Provider] = MappingProxyType({row.name: row for row in _ROWS})

ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "google": "gmail",
        "att": "yahoo",
        "hotmail": "outlook",
        "live": "outlook",
        "outlook.com": "outlook",
        "m365": "microsoft365",
        "microsoft": "microsoft365",
        "office365": "microsoft365",
        "mailru": "mail.ru",
    }
)
"""What people write for a row's name."""


def provider(name: str) -> Provider | None:
    """Find a row by its name or by what people write for it."""
    low = name.lower()
    return PROVIDERS.get(ALIASES.get(low, low))


def provider_names() -> tuple[str, ...]:
    """All names that can be written, for a mistake's words."""
    return tuple(PROVIDERS)
