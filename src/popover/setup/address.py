"""An address, as far as it tells where its mail is."""

from __future__ import annotations

from dataclasses import dataclass, field

from popover.config.places import parse_host
from popover.config.words import quote
from popover.errors import ConfigError


@dataclass(frozen=True, slots=True)
class MailAddress:
    """`local` is nobody else's business: it is in no repr, no question to DNS and no URL. `domain`: in ASCII (IDNA) and
    lower case.
    """

    local: str = field(repr=False)
    domain: str

    def login(self, pattern: str) -> str:
        """Fill it into what a provider calls a user name: "%EMAILADDRESS%"."""
        words = {"%EMAILADDRESS%": str(self), "%EMAILLOCALPART%": self.local, "%EMAILDOMAIN%": self.domain}
        for word, meant in words.items():
            pattern = pattern.replace(word, meant)
        return pattern

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"


def parse_address(text: str) -> MailAddress:
    """`alice@example.com`. Raises ConfigError."""
    local, at, domain = text.strip().rpartition("@")
    if not at or not local or not domain or any(sign.isspace() or not sign.isprintable() for sign in local):
        raise ConfigError(f"{quote(text)} is no address: write it as alice@example.com")
    try:
        host = parse_host(domain)
    except ConfigError as wrong:
        raise ConfigError(f"{quote(text)} is no address: {wrong}") from None
    if "." not in host or ":" in host or host.rpartition(".")[2].isdigit():
        raise ConfigError(f"{quote(text)} is no address whose servers could be found: it needs a domain with a dot")
    return MailAddress(local, host)
