"""On this side: may the gateway listen where it should, and does a whole session through it work?"""

from __future__ import annotations

import asyncio
import re
import socket
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from popover.check.dialect import leave
from popover.check.dialogues import DIALOGUES, is_unfinished
from popover.check.report import Report
from popover.check.talker import Talker
from popover.check.way import milliseconds
from popover.config import Activated, Address, Admission, Config, Inside, Service
from popover.errors import Failure, ServerFailure, StartError
from popover.inside.listen import must_be_here, open_listener, port_holder
from popover.log import Log
from popover.outside.dial import Dialler
from popover.process.gateway import Gateway
from popover.process.privileges import session_ceiling
from popover.wire.stream import Scratch, Stream

PATIENCE = 60.0
"""Seconds for a whole session: longer than all timeouts of the gateway together, so that its words come first."""

_GREETINGS = {"pop3": ("+OK",), "imap": ("* OK", "* PREAUTH"), "smtp": ("220",), "sieve": ("OK",)}

_NAMES = (b"popover", b"popover.pyz")  # of the program, as it is installed or built

_LOOPBACK = Address("127.0.0.1", 0)


async def check_ports(report: Report, service: Service) -> None:
    """May each address be listened on; if it is taken: by whom, and is that a popover?"""
    for listen in service.listen:
        if isinstance(listen, Activated):
            report.add("here", "ok", f"{listen}: systemd opens this socket", listen=str(listen), outcome="systemd")
            continue
        try:
            must_be_here(listen)
            sockets = open_listener(listen, {})
        except StartError as fault:
            await _not_free(report, service, listen, str(fault))
            continue
        for sock in sockets:
            sock.close()
        report.add("here", "ok", f"{listen} is free for popover to listen on", listen=str(listen), outcome="free")


async def _not_free(report: Report, service: Service, listen: Address, why: str) -> None:
    holder = port_holder(listen) if "in use" in why else None
    command = _command(holder) if holder else None
    if holder and command == "demo":  # it greets, too, but leads nowhere else
        why = why.replace(holder, f"the demo, {holder}")
    elif holder and command is not None:
        try:
            async with report.waiting(f"talking to the popover at {listen}"), asyncio.timeout(PATIENCE):
                seconds, _ = await _session(service, _reach(listen))
        except (Failure, OSError) as fault:
            cause = fault.cause if isinstance(fault, Failure) else "it does not answer"
            report.add("here", "fail", f"{listen}: a popover is running, but does not serve it: {cause}",
                       "what it logs says more", listen=str(listen), outcome="popover", holder=holder)  # fmt: skip
            return
        report.add(
            "here",
            "ok",
            f"{listen} is served by a running popover, {holder}: greeted and left in {milliseconds(seconds)}; "
            "where it leads, its log tells",
            listen=str(listen),
            outcome="popover",
            holder=holder,
        )
        return
    outcome = "in use" if "in use" in why else "not allowed" if "only root" in why else "failed"
    report.add("here", "fail", f"popover cannot listen on {listen}", why, listen=str(listen), outcome=outcome,
               holder=holder)  # fmt: skip


def _reach(listen: Address) -> tuple[str, int]:
    """Where a client on this machine finds that listener."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
    return everywhere.get(listen.host, listen.host), listen.port


def _command(holder: str) -> str | None:
    """Which of popover's commands that process is, such as "run"; None: it is no popover."""
    found = re.search(r"\(pid (\d+)\)", holder)
    try:
        words = Path(f"/proc/{found[1]}/cmdline").read_bytes().split(b"\0") if found else []
    except OSError:
        return None
    at = next((at for at, word in enumerate(words) if word.rpartition(b"/")[2] in _NAMES), None)
    return None if at is None else b"".join(words[at + 1 : at + 2]).decode("ascii", "replace")


async def check_session(report: Report, dialler: Dialler, service: Service) -> None:
    """Go from the client's first octet to its goodbye, through a gateway of our own and beside it directly."""
    loop = asyncio.get_running_loop()
    gateway = Gateway(Log(lambda _line, _priority: None), session_ceiling())
    ours = replace(service, listen=(_LOOPBACK,), admission=Admission(), inside=Inside())
    try:
        line = gateway.load(Config((ours,)))[0]
        place = ("127.0.0.1", int(line.partition(" ")[0].rpartition(":")[2]))
        async with report.waiting("a whole session through popover"), asyncio.timeout(PATIENCE):
            await _session(service, place)  # its first one has no ticket and no address yet, ours has both
            seconds, greeting = await _session(service, place)
            since = loop.time()
            dialled = await dialler.dial(service.target)
            with closing(dialled.stream):
                await leave(service, dialled)
            direct = loop.time() - since
    except TimeoutError:
        raise ServerFailure(f"a session through popover did not end within {PATIENCE:g} seconds", "try again") from None
    finally:
        gateway.stop_accepting()
        await gateway.cut()
    report.add(
        "session",
        "ok",
        f"through popover: connected, greeted, left in {milliseconds(seconds)}; directly: {milliseconds(direct)}",
        seconds=round(seconds, 4),
        direct_seconds=round(direct, 4),
        greeting=greeting,
    )


async def _session(service: Service, place: tuple[str, int]) -> tuple[float, str]:
    """Be a client: connect in plain text, read the greeting, leave. Seconds, and the greeting. Raises Failure."""
    loop = asyncio.get_running_loop()
    since = loop.time()
    family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
    stream = Stream(loop, socket.socket(family, socket.SOCK_STREAM), Scratch(), "popover")
    with closing(stream):
        await loop.sock_connect(stream.sock, place)
        talker = Talker(stream, "popover")
        greeting = line = await talker.line()
        while is_unfinished(service.server.dialect, line):
            line = await talker.line()
        if not line.startswith(_GREETINGS[service.server.dialect]):
            raise ServerFailure(f"through popover the client is told: {greeting}", "the steps above say more")
        await DIALOGUES[service.server.dialect].leave(talker)
    return loop.time() - since, greeting
