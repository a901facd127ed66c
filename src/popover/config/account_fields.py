"""The keys of an `[[account]]`, each with its reader (account_readers.py), as fields.py has them for a service; and the
account that they make.

The accounts that the command keeps have the same keys in their files (accounts/store.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields as fields_of
from dataclasses import make_dataclass
from pathlib import Path
from typing import Any, Final, get_args, get_type_hints

from popover.config.account_readers import (
    read_login,
    read_names,
    read_opaque,
    read_provider,
    read_redirect,
    read_servers,
    read_url,
    secret_keys,
)
from popover.config.accounts import Account, OAuth2, SecretSource
from popover.config.encrypt import misfits_of_encrypt
from popover.config.fields import DIALECTS, SERVICE
from popover.config.places import parse_server
from popover.config.providers import servers_of
from popover.config.readers import Reader, choice, read_switch, word, words
from popover.config.tables import structurer
from popover.config.values import DialectName, Server, Target, Trust
from popover.errors import ConfigError

_KINDS: Final[dict[str, Any]] = {"file": "file", "credential": "credential", "env": "environment"}
TRUST: Final = ("ca_file", "min_tls", "pin", "certificate_name")


def _read_oauth2(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError('must be a table: { client_id = "..." }')  # a text may be a token: it is not repeated
    read = _structure_oauth2(value)
    return {key: found for key in OAUTH2 if (found := getattr(read, key)) is not None}


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
