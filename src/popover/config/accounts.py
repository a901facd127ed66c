"""An account of one's own, as it is configured: what the old client says, and what is said to the provider for it."""

import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from popover.config.values import DialectName, Target


def fold(name: str) -> str:
    """The form in which names are compared: without case, and composed (Unicode 3.13, canonical caseless matching)."""
    if name.isascii():  # as most are, and each login asks several times
        return name.lower()
    folded = unicodedata.normalize("NFD", name).casefold()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", folded).casefold())


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where a secret is read from, each time anew: a file, a systemd credential, a variable of the environment; or the
    file of an account that the command keeps (accounts/store.py), and which of its keys.
    """

    kind: Literal["file", "credential", "environment", "account"]
    where: str  # the file's path, the credential's or the variable's name
    key: str = ""

    @property
    def path(self) -> Path:
        """Of a file."""
        return Path(self.where)


@dataclass(frozen=True, slots=True)
class OAuth2:
    """How an account signs in with its provider, where that takes no password. What is None comes from the provider's
    row (accounts/oauth2/providers.py), or from its issuer's own description (RFC 8414).
    """

    client_id: str
    provider: str | None = None  # "outlook", "google", ...; `tenant` goes with Microsoft's
    tenant: str | None = None
    issuer: str | None = None
    authorize_url: str | None = None
    token_url: str | None = None
    device_url: str | None = None
    scopes: tuple[str, ...] | None = None
    redirect_url: str | None = None
    client_secret: SecretSource | None = None
    grant: Literal["user", "client_credentials", "jwt"] = "user"  # who signs in: a person once, or the program itself
    key: SecretSource | None = None  # the private key of a JWT assertion (RFC 7523), PEM
    key_id: str | None = None
    encrypt: bool = False  # whether what is kept is sealed by the local password
    ca_file: Path | None = None  # who vouches for the provider's own servers; None: the system's trust store


@dataclass(frozen=True, slots=True)
class Account:
    """One. `names`: what the client may call itself; `password`: what it has to say; `targets`: at most one a dialect.

    `login`: who signs in with the provider; `mailbox`: whose mail it is, where that is another (shared mailboxes).
    """

    name: str  # the first of `names`; files are called so
    names: tuple[str, ...]
    password: SecretSource | None  # None: it is a device's, nobody can log in as it
    targets: tuple[Target, ...]
    login: str
    mailbox: str | None = None
    secret: SecretSource | None = None
    oauth2: OAuth2 | None = None

    def target(self, dialect: DialectName) -> Target | None:
        """Its server for a dialect, if it has one."""
        return next((one for one in self.targets if one.server.dialect == dialect), None)

    @property
    def user(self) -> str:
        """The name that the server is told."""
        return self.mailbox or self.login

    @property
    def encrypts(self) -> bool:
        """Whether its tokens are kept so that only its local password opens them."""
        return self.oauth2 is not None and self.oauth2.encrypt
