"""One service from its name to a whole session, in the order of a connection."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import replace

from popover.check.desk import check_accounts
from popover.check.dialect import check_dialect, check_plain_port, leave
from popover.check.here import check_ports, check_session
from popover.check.inside import check_inside
from popover.check.login import Login, check_login
from popover.check.old_tls import check_old_tls
from popover.check.report import Part, Report, step_of
from popover.check.settings import settings_of
from popover.check.tls import check_resumption, check_tls, check_trust_store
from popover.check.way import check_connect, check_name
from popover.config import Address, Config, Desk, Inside, Service
from popover.errors import ConnectFailure, Failure, NameFailure
from popover.inside.listen import OwnAddresses
from popover.outside.dial import Dialler
from popover.process.trust_stores import verifiers_of
from popover.wire.stream import Scratch


async def check_all(report: Report, config: Config, login: Login | None) -> None:
    """Check each service, and then what is the same for all of them. Raises ConfigError for a bad ca_file."""
    for service in config.services:
        listen = [str(address) for address in service.listen]
        report.begin(Part(service.name, service.leads_to, listen))
        if service.desk.is_open:
            await _check_desk(report, service, config)
        else:
            await check_service(report, service, login)
    report.begin(Part("this machine"))
    check_old_tls(report)


async def _check_desk(report: Report, service: Service, config: Config) -> None:
    """Look at this side, and then walk to each server that is known to lie behind, as if the service led there alone.
    Where a table leads, `popover route` tells.
    """
    targets = check_accounts(report, config, service)
    await check_ports(report, service)
    check_inside(report, service)
    report.parts[-1].settings = settings_of(service)
    for target in targets:
        report.begin(Part(service.name, str(target.server)))
        await check_service(report, replace(service, target=target, desk=Desk(), listen=(), inside=Inside()), None)


async def check_service(report: Report, service: Service, login: Login | None) -> None:
    """Walk one service's way as far as it goes; then look at this side."""
    own = OwnAddresses((at.host, at.port) for at in service.listen if isinstance(at, Address))
    dialler = Dialler(asyncio.get_running_loop(), Scratch(), own.lead_here)
    dialler.verifiers = verifiers_of([service])
    through, named, reached = False, True, True
    try:
        through = await _reach(report, dialler, service)
    except Failure as failure:
        named = not isinstance(failure, NameFailure)
        reached = named and not isinstance(failure, ConnectFailure)
        report.fail(step_of(failure), failure)
    if named:
        await check_plain_port(report, dialler, service, reached=reached)
    await check_ports(report, service)
    check_inside(report, service)
    if through:
        try:
            await _beyond(report, dialler, service, login)
        except Failure as failure:
            report.fail(step_of(failure), failure)
    report.parts[-1].settings = settings_of(service)


async def _reach(report: Report, dialler: Dialler, service: Service) -> bool:
    """From the name to the dialect. Whether a session can be. Raises Failure."""
    addresses = await check_name(report, dialler, service)
    reached = await check_connect(report, service, addresses)
    check_trust_store(report, service)
    dialled = await check_tls(report, dialler, service, reached)
    if dialled is None:
        return False
    with closing(dialled.stream):
        await check_dialect(report, service, dialled)
    return True


async def _beyond(report: Report, dialler: Dialler, service: Service, login: Login | None) -> None:
    """All that a second connection can tell, and a whole session. Raises Failure."""
    second = await check_resumption(report, dialler, service)
    with closing(second.stream):
        if login is not None:
            await check_login(report, service, second, login)
        else:
            await leave(service, second)
    await check_session(report, dialler, service)
