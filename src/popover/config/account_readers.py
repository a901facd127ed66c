"""What stands in an `[[account]]`: value -> what it means, or ConfigError. account_fields.py has the keys."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from popover.config.accounts import fold
from popover.config.fields import DIALECTS
from popover.config.places import parse_server
from popover.config.providers import OTHER_NAMES, PROVIDERS
from popover.config.readers import Reader, read_name, read_text, show, word, words
from popover.config.values import Server
from popover.config.words import quote
from popover.errors import ConfigError

LOGIN_LIMIT: Final = 254
"""Characters of a login at the provider: the longest address that there can be (RFC 5321 section 4.5.3.1, less <>)."""

OPAQUE_LIMIT: Final = 1024
"""Characters of what a provider hands out as a name (a client id, a scope, a key's id) and of an address of its own."""

_CREDENTIAL = re.compile(r"[!-.0-~]{1,255}")  # a file's name: systemd.exec(5), LoadCredential=
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")  # POSIX 8.1, and lower case, which works as well


def read_login(value: object) -> str:
    """Who signs in with the provider."""
    login = read_text(value)
    if len(login) > LOGIN_LIMIT or not login.isprintable():
        raise ConfigError(f"must be at most {LOGIN_LIMIT} characters, all printable; is {show(login)}")
    return login


def read_opaque(value: object) -> str:
    """What a provider has handed out, or an address of its: no secret, one line."""
    text = read_text(value)
    if len(text) > OPAQUE_LIMIT or not text.isascii() or not text.isprintable():
        raise ConfigError(f"must be at most {OPAQUE_LIMIT} characters of ASCII; is {show(text)}")
    return text


def read_url(value: object) -> str:
    """Where a provider gives out tokens: never in plain text."""
    url = read_opaque(value)
    if not re.match(r"https://[^/@ ]+", url) or not _is_address(url):
        raise ConfigError(f"must be an address that begins with https://; is {show(url)}")
    return url


def read_redirect(value: object) -> str:
    """Where a provider sends the browser back to: this machine, or a page whose address a person pastes."""
    url = read_opaque(value)
    if not re.match(r"https?://[^/@ ]+", url) or not _is_address(url):
        raise ConfigError(f"must be an address that begins with http:// or https://; is {show(url)}")
    return url


def _is_address(url: str) -> bool:
    """Whether a host and a port can be read in it, and nobody's name."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        return False


def read_names(value: object) -> tuple[str, ...]:
    """What a client may call itself: one name, or a list of them."""
    if value == []:
        raise ConfigError("must not be empty")
    names = words(read_name)(value)
    seen: set[str] = set()
    for name in names:
        if fold(name) in seen:
            raise ConfigError(f"{quote(name)} stands there twice; capitals make no difference")
        seen.add(fold(name))
    return names


def read_provider(value: object) -> str:
    """The name of a provider that is known."""
    name = read_text(value).lower()
    known = OTHER_NAMES.get(name, name)
    if known not in PROVIDERS:
        near = difflib.get_close_matches(name[:80], PROVIDERS, 1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(PROVIDERS)}; else name its server"
        raise ConfigError(f"{quote(name)} is none that popover knows; {hint}")
    return known


def read_servers(value: object) -> tuple[Server, ...]:
    """At most one server a dialect; a bare host name means TLS from the first octet on."""
    if not isinstance(value, dict) or not value:
        raise ConfigError('must be a table: { pop3 = "pop.example.com", smtp = "smtp.example.com" }')
    found, mistakes = [], []
    for dialect, text in value.items():
        try:
            found.append(_read_server(dialect, text))
        except ConfigError as mistake:
            mistakes += [f"{dialect if dialect in DIALECTS else quote(dialect)}: {line}" for line in mistake.mistakes]
    if mistakes:
        raise ConfigError(mistakes)
    return tuple(found)


def _read_server(dialect: str, value: object) -> Server:
    if dialect not in DIALECTS:
        raise ConfigError("unknown; known are pop3, imap, smtp")
    text = read_text(value)
    server = parse_server(text if "://" in text else f"{dialect}s://{text}")
    if server.dialect != dialect:
        raise ConfigError(f"{server} speaks another dialect; write it as {server.dialect} = ...")
    return server


def read_credential(value: object) -> str:
    """A systemd credential's name."""
    name = read_text(value)
    if not _CREDENTIAL.fullmatch(name):
        # It may be the secret itself, such as Google's in four groups: it is not repeated.
        raise ConfigError("must be the name of a systemd credential: write the NAME of LoadCredential=NAME:FILE")
    return name


def read_variable(value: object) -> str:
    """A variable's name."""
    name = read_text(value)
    if not _VARIABLE.fullmatch(name):
        # Likewise.
        raise ConfigError("must be the name of a variable of the environment, which holds the secret")
    return name


def secret_keys(stem: str) -> dict[str, Reader]:
    """The keys by which a file says where a secret is, and their readers."""
    return {f"{stem}_file": word(Path), f"{stem}_credential": read_credential, f"{stem}_env": read_variable}
