"""The keys of an `[[account]]`: for each a reader, as fields.py has them for a service; and the account they make.

The accounts that the command keeps have the same keys in their files (accounts/store.py).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import fields as fields_of
from dataclasses import make_dataclass
from pathlib import Path
from typing import Any, Final, get_args, get_type_hints
from urllib.parse import urlsplit

from popover.config.accounts import Account, OAuth2, SecretSource, fold
from popover.config.encrypt import misfits_of_encrypt
from popover.config.fields import DIALECTS, SERVICE
from popover.config.places import parse_server
from popover.config.providers import OTHER_NAMES, PROVIDERS, servers_of
from popover.config.readers import Reader, choice, read_name, read_switch, read_text, show, word, words
from popover.config.tables import structurer
from popover.config.values import DialectName, Server, Target, Trust
from popover.config.words import quote
from popover.errors import ConfigError

LOGIN_LIMIT: Final = 254
"""Characters of a login at the provider: the longest address that there can be (RFC 5321 section 4.5.3.1, less <>)."""

OPAQUE_LIMIT: Final = 1024
"""Characters of what a provider hands out as a name (a client id, a scope, a key's id) and of an address of its own."""

_CREDENTIAL = re.compile(r"[!-.0-~]{1,255}")  # a file's name: systemd.exec(5), LoadCredential=
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")  # POSIX 8.1, and lower case, which works as well

_KINDS: Final[dict[str, Any]] = {"file": "file", "credential": "credential", "env": "environment"}
TRUST: Final = ("ca_file", "min_tls", "pin", "certificate_name")


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


def _read_oauth2(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError('must be a table: { client_id = "..." }')  # a text may be a token: it is not repeated
    read = _structure_oauth2(value)
    return {key: found for key in OAUTH2 if (found := getattr(read, key)) is not None}


def _read_credential(value: object) -> str:
    name = read_text(value)
    if not _CREDENTIAL.fullmatch(name):
        # It may be the secret itself, such as Google's in four groups: it is not repeated.
        raise ConfigError("must be the name of a systemd credential: write the NAME of LoadCredential=NAME:FILE")
    return name


def _read_variable(value: object) -> str:
    name = read_text(value)
    if not _VARIABLE.fullmatch(name):
        # Likewise.
        raise ConfigError("must be the name of a variable of the environment, which holds the secret")
    return name


def secret_keys(stem: str) -> dict[str, Reader]:
    """The keys by which a file says where a secret is, and their readers."""
    return {f"{stem}_file": word(Path), f"{stem}_credential": _read_credential, f"{stem}_env": _read_variable}


OAUTH2: dict[str, Reader] = {
    "client_id": read_opaque,
    **secret_keys("client_secret"),
    "provider": read_opaque,
    "tenant": read_opaque,
    "issuer": read_url,
    "authorize_url": read_url,
    "token_url": read_url,
    "device_url": read_url,
    "scopes": words(read_opaque),
    "redirect_url": read_redirect,
    "grant": choice(get_args(get_type_hints(OAuth2)["grant"])),
    **secret_keys("key"),
    "key_id": read_opaque,
    "encrypt": read_switch,
    "ca_file": word(Path),
}

ACCOUNT: dict[str, Reader] = {
    "name": read_names,
    **secret_keys("password"),
    "server": word(parse_server),
    "servers": read_servers,
    "provider": read_provider,
    "login": read_login,
    "mailbox": read_login,
    **secret_keys("secret"),
    "oauth2": _read_oauth2,
    **{key: SERVICE[key] for key in TRUST},
}

_structure_oauth2: Callable[[dict[str, Any]], Any] = structurer(
    make_dataclass("_OAuth2", [(key, Any, None) for key in OAUTH2]), OAUTH2
)
_structure: Callable[[dict[str, Any]], Any] = structurer(
    make_dataclass("_Account", [(key, Any, None) for key in ACCOUNT]), ACCOUNT
)


def read_account(table: dict[str, Any], directory: Path, kept: Mapping[str, SecretSource] | None = None) -> Account:
    """Make an account of its table; files are relative to `directory`. `kept`: secrets ("password", "secret",
    "client_secret") that stand in the account's own file. Raises ConfigError with all mistakes.
    """
    mistakes = _missing(table, kept or {})
    try:
        read = _structure(table)
    except ConfigError as wrong:
        raise ConfigError([*mistakes, *wrong.mistakes]) from None
    if mistakes:
        raise ConfigError(mistakes)
    keys = {key: value for key in ACCOUNT if (value := getattr(read, key)) is not None}
    names = keys["name"]
    return Account(
        name=names[0],
        names=names,
        password=(kept or {}).get("password") or _source(keys, "password", directory),
        targets=_targets(keys, directory),
        login=keys["login"],
        mailbox=keys.get("mailbox"),
        secret=(kept or {}).get("secret") or _source(keys, "secret", directory),
        oauth2=_oauth2(keys, directory, (kept or {}).get("client_secret")) if "oauth2" in keys else None,
    )


def _missing(table: Mapping[str, object], kept: Mapping[str, object]) -> list[str]:
    """Say what is not there, and what is there twice."""
    mistakes = [f"{key}: is missing; write {how}" for key, how in (("name", 'name = "grandpa"'), ("login", _LOGIN))
                if key not in table]  # fmt: skip
    places = [key for key in ("server", "servers", "provider") if key in table]
    if not places:
        mistakes.append('server: is missing; write server = "pop3s://mail.example.com", or provider = "gmail"')
    ways = [key for key in kept if key == "secret"]
    ways += [key for key in table if key in secret_keys("secret") or key == "oauth2"]
    if not ways:
        mistakes.append(
            'secret_file: is missing; write secret_file = "FILE" (what the provider takes), or oauth2 = { ... }'
        )
    passwords = [key for key in table if key in secret_keys("password")]
    mistakes += [f"{', '.join(several)}: one of them is enough" for several in (places, ways, passwords)
                 if len(several) > 1]  # fmt: skip
    oauth2 = table.get("oauth2")
    has_password = bool(passwords) or "password" in kept
    return [*mistakes, *_missing_oauth2(oauth2), *misfits_of_encrypt(oauth2, has_password=has_password)]


_LOGIN: Final = 'login = "you@example.com", who signs in with the provider'


def _missing_oauth2(table: object) -> list[str]:
    if not isinstance(table, dict):
        return []
    mistakes = []
    if "client_id" not in table:
        mistakes.append("oauth2: client_id: is missing; docs/oauth2/README.md tells who gives you one")
    for stem in ("client_secret", "key"):
        several = [key for key in table if key in secret_keys(stem)]
        if len(several) > 1:
            mistakes.append(f"oauth2: {', '.join(several)}: one of them is enough")
    return mistakes


def _source(keys: Mapping[str, Any], stem: str, directory: Path) -> SecretSource | None:
    for end, kind in _KINDS.items():
        where = keys.get(f"{stem}_{end}")
        if where is not None:
            return SecretSource(kind, str(directory / where) if kind == "file" else where)
    return None


def _targets(keys: Mapping[str, Any], directory: Path) -> tuple[Target, ...]:
    trust = {key: keys[key] for key in TRUST if key in keys}
    if "ca_file" in trust:
        trust["ca_file"] = directory / trust["ca_file"]
    one = (keys["server"],) if "server" in keys else ()
    servers: tuple[Server, ...] = one or keys.get("servers") or servers_of(keys["provider"])
    return tuple(Target(server, Trust(**trust)) for server in sorted(servers, key=_order))


def _order(server: Server) -> int:
    dialects: tuple[DialectName, ...] = DIALECTS
    return dialects.index(server.dialect)


def _oauth2(account: Mapping[str, Any], directory: Path, client_secret: SecretSource | None) -> OAuth2:
    """`account`: the keys around it, whose provider it has where it names none of its own."""
    keys = account["oauth2"]
    named = {key: keys[key] for key in (field.name for field in fields_of(OAuth2)) if key in keys}
    named |= {stem: _source(keys, stem, directory) for stem in ("client_secret", "key")}
    named["client_secret"] = client_secret or named["client_secret"]
    if "ca_file" in named:
        named["ca_file"] = directory / named["ca_file"]
    named.setdefault("provider", account.get("provider"))
    return OAuth2(**named)
