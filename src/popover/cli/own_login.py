"""The own login of `popover setup`: whether there is to be one, its secrets, and where it is kept."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from typing import Any

from popover.accounts.store import Store
from popover.check.login import Login
from popover.cli.account.add import check_new, kept_as
from popover.cli.account.ask import ask
from popover.cli.account.login import login
from popover.cli.account.place import open_store
from popover.config import Account, quote
from popover.errors import ConfigError, StartError
from popover.process.state import state_file
from popover.setup.address import MailAddress
from popover.setup.found import Found, Way
from popover.setup.own import OwnLogin, login_of, ways_of
from popover.setup.person import Person, Terminal

_QUESTION = (
    "Shall the mail program have a name and a password of its own here, so that the provider's never crosses the house "
    "in plain text?"
)
_OAUTH2_ONLY = (
    "This provider takes OAuth2 only, which old mail programs do not know: popover signs in for them, and they get a "
    "name and a password of this house"
)
_CLIENT_ID = (
    "Signing in by OAuth2 needs a client id of your own, from the provider's web pages: --client-id ID (docs/oauth2 "
    "says how to get one)"
)


@dataclass(frozen=True)
class Secrets:
    """What was asked for; its repr has none of it."""

    password: bytes = field(repr=False)
    secret: bytes | None = field(default=None, repr=False)
    client_secret: bytes | None = field(default=None, repr=False)


def choose(arguments: argparse.Namespace, person: Person, found: Found, address: MailAddress) -> OwnLogin | None:
    """Whether there is to be one, and how it signs in. Raises ConfigError, StartError for what cannot be."""
    needed = "password" not in ways_of(found)
    name = arguments.account
    if needed and not name and isinstance(person, Terminal):  # others are told what to add
        person.tell(f"\n{_OAUTH2_ONLY}.")
    if not name and isinstance(person, Terminal) and (needed or person.agrees(_QUESTION)):
        name = person.chooses("Its name:", address.local)
    if not name:
        return None
    way: Way = "oauth2" if arguments.client_id or needed else "password"
    if way == "oauth2" and not arguments.client_id and isinstance(person, Terminal):
        person.tell(_CLIENT_ID)
        arguments.client_id = person.chooses("The client id:", "") or None
    if way == "oauth2" and not arguments.client_id:
        raise ConfigError("without one nothing can be set up" if isinstance(person, Terminal) else _CLIENT_ID)
    if Store(state_file().parent / "accounts").find(name) is not None:
        raise StartError(f"there is an account {quote(name)} already: popover account remove it, or take another name")
    login = arguments.login or login_of(found, address)
    own = OwnLogin(name, login, way, arguments.client_id, arguments.tenant, arguments.issuer)
    unread = {"password": "?"} | ({"secret": "?"} if way == "password" else {})
    check_new(name, own.table(found, arguments.ca_file) | unread)
    return own


def needs_one(found: Found) -> str:
    """Why there must be one; empty where there need not."""
    return "" if "password" in ways_of(found) else f"{_OAUTH2_ONLY}: add --account NAME --client-id ID"


def ask_secrets(arguments: argparse.Namespace, own: OwnLogin) -> Secrets:
    """Ask for the local password, and for what the provider wants. Raises ConfigError, StartError."""
    password = ask(
        f"Local password of {quote(own.name)} (what the mail program will send)", arguments.password_file, twice=True
    )
    if own.way == "password":
        return Secrets(password, ask(f"Password of {own.login} at the provider", arguments.secret_file))
    file = arguments.client_secret_file
    return Secrets(password, client_secret=None if file is None else ask("The client's secret", file))


def login_for(own: OwnLogin, secrets: Secrets) -> Login | None:
    """For the checks; a token cannot be had yet."""
    return None if secrets.secret is None else Login(own.login, _text(secrets.secret))


def keep(own: OwnLogin, secrets: Secrets, table: dict[str, Any]) -> Account:
    """Keep it: behind all that only root may do. Raises ConfigError, StartError."""
    table = table | {"password": _text(kept_as(secrets.password, plain=False))}
    for key, value in (("secret", secrets.secret), ("client_secret", secrets.client_secret)):
        if value is not None:
            table[key] = _text(value)
    return open_store().add(own.name, table)


def signed_in(own: OwnLogin, person: Person) -> bool:
    """Let somebody at a terminal sign in with the provider now. Raises StartError for what went wrong there."""
    if not isinstance(person, Terminal) or not person.agrees(f"Sign in with the provider now, as {own.login}?"):
        return False
    off = dict.fromkeys(("device", "browser", "paste", "encrypt", "no_encrypt"), False)
    login(argparse.Namespace(name=own.name, config=None, password_file=None, **off))
    return True


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")
