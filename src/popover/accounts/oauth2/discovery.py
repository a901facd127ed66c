"""A provider's own description (RFC 8414, OpenID Connect Discovery 1.0): where it is asked for, and what it says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from popover.errors import ConfigError

_PLACES = ("oauth-authorization-server", "openid-configuration")


@dataclass(frozen=True, slots=True)
class Described:
    """What it says. `basic_only`: it takes a client's secret in a header of its own only; `says_issuer`: whatever it
    sends a browser back with names it.
    """

    issuer: str
    token_url: str
    authorize_url: str | None = None
    device_url: str | None = None
    revoke_url: str | None = None
    basic_only: bool = False
    says_issuer: bool = False

    def addresses(self) -> dict[str, str | None]:
        """Give the addresses, by the names of config.OAuth2."""
        return {
            "token_url": self.token_url,
            "authorize_url": self.authorize_url,
            "device_url": self.device_url,
            "revoke_url": self.revoke_url,
        }


def is_https(url: str) -> bool:
    """Whether it is an address to which a secret may go."""
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:  # "https://[x", a port beyond all
        return False


def places(issuer: str) -> tuple[str, ...]:
    """Say where a description may lie, the likeliest first. RFC 8414 section 3.1 puts its word between host and path,
    OpenID Connect (section 4) at the end, and many providers have the one in the other's place.
    """
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    made = []
    for word in _PLACES:
        made.append(urlunsplit((parts.scheme, parts.netloc, f"/.well-known/{word}{path}", "", "")))
        made.append(urlunsplit((parts.scheme, parts.netloc, f"{path}/.well-known/{word}", "", "")))
    return tuple(dict.fromkeys(made))


def read(body: bytes, issuer: str) -> Described:
    """Read one. It must be the issuer's own word for word (RFC 8414 section 3.3), else anybody's will do; all in it has
    to be https. Raises ConfigError.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ConfigError(f"oauth2: issuer: what {issuer} says of itself is no JSON object")
    if found.get("issuer") != issuer:
        raise ConfigError(f"oauth2: issuer: {issuer} says that it is {str(found.get('issuer'))[:100]!r}: write that")

    def address(key: str) -> str | None:
        value = found.get(key)
        return value if isinstance(value, str) and is_https(value) else None

    token_url = address("token_endpoint")
    if token_url is None:
        raise ConfigError(f"oauth2: issuer: {issuer} names no https:// address for tokens")
    ways = found.get("token_endpoint_auth_methods_supported")
    return Described(
        issuer,
        token_url,
        address("authorization_endpoint"),
        address("device_authorization_endpoint"),
        address("revocation_endpoint"),
        # RFC 8414 section 2: what is left out means client_secret_basic; in practice it means both.
        basic_only=isinstance(ways, list) and "client_secret_basic" in ways and "client_secret_post" not in ways,
        says_issuer=found.get("authorization_response_iss_parameter_supported") is True,
    )
