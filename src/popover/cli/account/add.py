"""`popover account add`: keep a new account."""

from __future__ import annotations

import argparse
from typing import Any

from popover.accounts.oauth2.way import needs_description, way_of
from popover.accounts.passwords import as_utf8
from popover.accounts.scrypt import make_hash
from popover.accounts.store import Store
from popover.check.providers import known
from popover.cli.account.ask import ask
from popover.cli.account.place import open_store, shown_path
from popover.cli.output import say, warn
from popover.config import parse_server, quote
from popover.errors import ConfigError
from popover.process.state import state_file

DIGESTS = "APOP and CRAM-MD5 are offered at services of which every account keeps its password itself"


def add(arguments: argparse.Namespace) -> int:
    """Ask for the passwords, and keep the account. Raises ConfigError, StartError."""
    table = _table(arguments)
    # Before anybody types a password for nothing.
    check_new(arguments.name, table | _placeholders(arguments))
    password = None
    if not arguments.device:
        password = ask(f"Local password of {quote(arguments.name)} (what the mail program will send)",
                       arguments.password_file, twice=True)  # fmt: skip
        table["password"] = _text(kept_as(password, plain=arguments.plain))
    if arguments.client_id is None:
        secret = ask(f"Password of {arguments.login} at the provider", arguments.secret_file)
        table["secret"] = _text(secret)
        if secret == password:
            warn(
                "the local password is the provider's: so that crosses the house in plain text after all; "
                f"popover account passwd {arguments.name} changes it"
            )
    elif arguments.client_secret_file is not None:
        table["client_secret"] = _text(ask("The client's secret", arguments.client_secret_file))
    account = open_store().add(arguments.name, table)
    services = "each service with accounts = true, at once"
    if arguments.device:
        services = f"a service with device = true and accounts = [{quote(account.name)}]"
    say(f"{quote(account.name)} is kept in {shown_path(account.name)}, for {services}")
    if password is not None and arguments.plain:
        say(DIGESTS)
    if account.oauth2 is not None:
        say(f"now sign in with the provider: popover account login {account.name}")
    elif words := known(account.targets[0].server.host):
        say(f"before the first login: {words}")
    return 0


def check_new(name: str, table: dict[str, Any]) -> None:
    """Make sure that this is an account, that nobody has its names, and that it can sign in. Raises ConfigError,
    StartError.
    """
    account = Store(state_file().parent / "accounts").check_new(name, table)
    if account.oauth2 is not None and not needs_description(account):
        way_of(account)


def kept_as(password: bytes, *, plain: bool) -> bytes:
    """Give what is kept of a local password: itself, or its hash, of the form in which it will be compared."""
    return password if plain else make_hash(as_utf8(password))


def _placeholders(arguments: argparse.Namespace) -> dict[str, str]:
    """What stands for the passwords that will be there."""
    wanted = {"password": not arguments.device, "secret": arguments.client_id is None}
    return {key: "?" for key, is_so in wanted.items() if is_so}


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")


def _table(arguments: argparse.Namespace) -> dict[str, Any]:
    """Make the keys of an `[[account]]` of the options. Raises ConfigError."""
    _misfits(arguments)
    names = [arguments.name, *(arguments.also or ())]
    table: dict[str, Any] = {"name": names if len(names) > 1 else arguments.name, "login": arguments.login}
    for key in ("provider", "mailbox"):
        if getattr(arguments, key) is not None:
            table[key] = getattr(arguments, key)
    if arguments.server:
        table["servers"] = _servers(arguments.server)
    if arguments.ca_file is not None:
        table["ca_file"] = str(arguments.ca_file.absolute())
    if arguments.client_id is not None:
        keys = {"client_id": arguments.client_id, "tenant": arguments.tenant, "issuer": arguments.issuer}
        table["oauth2"] = {key: value for key, value in keys.items() if value is not None}
        if arguments.encrypt:
            table["oauth2"]["encrypt"] = True
    return table


def _servers(words: list[str]) -> dict[str, str]:
    servers: dict[str, str] = {}
    mistakes = []
    for word in words:
        try:
            server = parse_server(word)
        except ConfigError as mistake:
            mistakes += [f"--server: {line}" for line in mistake.mistakes]
            continue
        if server.dialect in servers:
            mistakes.append(f"--server: {word}: there is one for {server.dialect} already")
        servers[server.dialect] = str(server)
    if mistakes:
        raise ConfigError(mistakes)
    return servers


def _misfits(arguments: argparse.Namespace) -> None:
    """Refuse options that would silently do nothing. Raises ConfigError."""
    oauth2 = arguments.client_id is not None
    wrong = {
        "--device: nobody logs in as it, so there is no password": arguments.device
        and (arguments.password_file or arguments.plain),
        "--secret-file: with OAuth2 (--client-id) there is no password of the provider": oauth2
        and arguments.secret_file,
        "--client-secret-file, --tenant, --issuer: go with --client-id": not oauth2
        and (arguments.client_secret_file or arguments.tenant or arguments.issuer),
        "--encrypt: is for the tokens of OAuth2, and goes with --client-id": arguments.encrypt and not oauth2,
        "--encrypt: the key is made of the password, so that must not lie beside them (--plain)": arguments.encrypt
        and arguments.plain,
        "name one SERVER or more, or a PROVIDER": bool(arguments.server) == bool(arguments.provider),
    }
    if mistakes := [line for line, is_so in wrong.items() if is_so]:
        raise ConfigError(mistakes)
