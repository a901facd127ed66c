"""`popover route USER`: which table answers for a name, what it says and why, and where a login would lead."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from contextlib import closing

from popover.cli.asking import password_of
from popover.cli.output import say
from popover.config import Config, Service, Target, host_port, load
from popover.config.routes import HTTP, Chain
from popover.config.words import parse_ip, quote
from popover.errors import ConfigError, Failure
from popover.outside.dial import Dialler
from popover.outside.opening import open_up
from popover.outside.trust import Verifiers
from popover.protocols.login import Found, Login, NotFound, Password, Route, Visit
from popover.routing import Tables
from popover.routing.finder import TableFinder
from popover.wire.stream import Scratch


def route(arguments: argparse.Namespace) -> int:
    """Ask for each service with a table: 0 all lead somewhere, 1 one does not. Raises ConfigError."""
    _check_address("--client", arguments.client)
    _check_address("--listen", arguments.listen)
    config = load(arguments.config)
    services = _services(config, arguments.service)
    password = _password(arguments.user, config, services)
    tables = Tables()
    tables.load(config.tables, services)
    return asyncio.run(_ask(tables, services, password, arguments))


def _check_address(option: str, address: str) -> None:
    try:
        parse_ip(address)
    except ConfigError as mistake:
        raise ConfigError(f"{option}: {mistake}") from None


def _services(config: Config, name: str | None) -> list[Service]:
    asking = [one for one in config.services if one.desk.table is not None]
    if not asking:
        raise ConfigError('no service has a table: write table = "users" below its [[service]]')
    found = [one for one in asking if name in {None, one.name}]
    if not found:
        raise ConfigError(f"--service: {quote(name or '')} has no table; there are {_listed(asking)}")
    return found


def _listed(services: Sequence[Service]) -> str:
    return ", ".join(quote(one.name) for one in services)


def _password(user: str, config: Config, services: Sequence[Service]) -> bytes:
    """A back end of nginx's checks the password itself, and so may the service; no other table is told. It is never an
    argument.
    """
    kinds = {one.name: one.source for one in config.tables}
    asked = [kinds[one.desk.table] for one in services if one.desk.table in kinds]
    members = [kinds[name] for one in asked if isinstance(one, Chain) for name in one.tables if name in kinds]
    is_checked = any(one.desk.authenticate is not None for one in services)
    if not is_checked and not any(isinstance(one, HTTP) for one in (*asked, *members)):
        return b""
    return (password_of(user) or "").encode()


async def _ask(tables: Tables, services: Sequence[Service], password: bytes, arguments: argparse.Namespace) -> int:
    all_lead = True
    try:
        for service in services:
            say(f"service {quote(service.name)} ({service.dialect}):")
            login = Login(arguments.user, Password(password))
            visit = Visit(
                login, service.dialect, service.name, arguments.client, arguments.listen, table=service.desk.table
            )
            finder = tables.finder(service)
            assert isinstance(finder, TableFinder)  # noqa: S101 - so they are, of tables
            found = await finder.trace(visit, lambda step: say(f"  {step}"))
            all_lead &= await _tell(found, dial=arguments.dial)
    finally:
        await tables.close()
    return 0 if all_lead else 1


async def _tell(found: Found, *, dial: bool) -> bool:
    """Say what came of it, and whether it leads anywhere."""
    if isinstance(found, NotFound):
        say("  -> not found: the client is told what a wrong password is told")
        return False
    if not isinstance(found, Route):
        say(f"  -> failed: the client is told to try again; {found.remedy or found.cause}")
        return False
    credentials = await found.fetch(False)
    assert credentials is not None  # noqa: S101 - a table's route has some, the first time
    order = ", then ".join(str(target.server) for target in found.targets)
    say(f"  -> leads to {order}, as {credentials.user!r}")
    if not dial:
        return True
    return any([await _dial(target) for target in found.targets])


async def _dial(target: Target) -> bool:
    """Connect as a session would, TLS and greeting; no login."""
    loop = asyncio.get_running_loop()
    dialler = Dialler(loop, Scratch(), lambda _: False)
    dialler.verifiers = Verifiers()
    try:
        dialled = await dialler.dial(target)
        with closing(dialled.stream):
            greeting = await open_up(target, dialled)
            dialled.stream.leave()
    except Failure as failure:
        remedy = f"; {failure.remedy}" if failure.remedy else ""
        say(f"     {target.server}: FAIL {failure.cause}{remedy}")
        return False
    words = greeting.words.decode("latin-1").strip()
    shown = "".join(char if " " <= char <= "~" else "?" for char in words)
    say(f"     {target.server}: ok, {host_port(*dialled.address)}, {dialled.tls.version}, it says: {shown}")
    return greeting.welcome
