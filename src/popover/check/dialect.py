"""The dialect: greeting, what the server can do before login, and what its port without TLS answers."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import NamedTuple

import aiohappyeyeballs

from popover.check.dialogues import DIALOGUES, is_unfinished
from popover.check.report import Report
from popover.check.talker import Talker, greet
from popover.check.way import milliseconds
from popover.config import Service
from popover.errors import Failure
from popover.outside.dial import EYEBALLS_DELAY, Dialled, Dialler
from popover.outside.sockets import peer_of
from popover.protocols import printable
from popover.wire.stream import Scratch, Stream

PLAIN_TIMEOUT = 5.0
"""Seconds for the port without TLS to accept, and then to greet. It is only a side glance; submission servers
that make spammers wait do so for 1 to 5 s."""


async def check_dialect(report: Report, service: Service, dialled: Dialled) -> None:
    """Read the greeting and ask for the capabilities, then leave. Raises Failure."""
    server = service.server
    since = time.monotonic()
    async with report.waiting(f"waiting for the greeting of {server.host}"):
        greeting = await greet(service, dialled)
    seconds = time.monotonic() - since
    words = printable(greeting.words, 200)
    text = f"greeting: {words} ({milliseconds(seconds)})"
    if server.security == "starttls":
        text = f"it answers inside TLS ({milliseconds(seconds)}), and popover greets in its place: {words}"
    report.add("dialect", "ok", text, greeting=words, seconds=round(seconds, 3))
    talker, dialogue = Talker(dialled.stream, server.host), DIALOGUES[server.dialect]
    async with report.waiting("asking for capabilities"):
        can = await dialogue.capabilities(talker)
        await dialogue.leave(talker)
    dialled.stream.leave()
    shown = [printable(word.encode("latin-1"), 200) for word in can]
    pipelining = any(word.upper() == "PIPELINING" for word in can)
    report.add(
        "dialect",
        "ok",
        f"before login it offers: {', '.join(shown)}" if can else "it does not tell what it offers before login",
        capabilities=shown,
        pipelining=pipelining,
    )
    if server.dialect == "pop3":
        yes = "PIPELINING is offered: popover need not wait for each answer"
        no = "no PIPELINING before login; some servers offer it after the login only"
        report.add("dialect", "ok", yes if pipelining else no, pipelining=pipelining)


async def leave(service: Service, dialled: Dialled) -> None:
    """Hear a greeting and say goodbye: servers count connections that end without a word. Raises Failure."""
    await greet(service, dialled)
    await DIALOGUES[service.server.dialect].leave(Talker(dialled.stream, service.server.host))


_WHY = "so an old client cannot use this server by itself, and that is why popover is there"
_SHUT = {"closed": "too", "filtered": "either"}


async def check_plain_port(report: Report, dialler: Dialler, service: Service, *, reached: bool) -> None:
    """What the port without TLS says: the first test of every how-to, and the reason why popover is there. For a
    service with STARTTLS it is the very port that is used: if that cannot be reached, it was said before.

    `reached`: the service's port accepts connections.
    """
    server, port = service.server, DIALOGUES[service.server.dialect].plain_port
    if server.security == "starttls":
        port = server.port
        if not reached:
            return
    async with report.waiting(f"looking at port {port} of {server.host}"):
        found = await _plain_port(dialler, service, port)
    text, remedy = f"port {port} (without TLS) {found.text}", ""
    if found.outcome in _SHUT:
        text += f": {_WHY}" if reached else f", {_SHUT[found.outcome]}"
    elif found.offers_tls and not reached and server.security == "tls":
        url = replace(server, port=port, security="starttls")
        remedy = f"this server has no other TLS than that: write {url}"
    report.add("dialect", "warn" if remedy else "ok", text, remedy, plain_port=port, outcome=found.outcome)


class _PlainPort(NamedTuple):
    """The end of a sentence about it, and one word for programs."""

    text: str
    outcome: str
    offers_tls: bool = False


async def _plain_port(dialler: Dialler, service: Service, port: int) -> _PlainPort:
    """Look at it."""
    host, loop = service.server.host, asyncio.get_running_loop()
    try:
        async with asyncio.timeout(PLAIN_TIMEOUT):
            addresses = await dialler.look_up(replace(service.server, port=port))
            sock = await aiohappyeyeballs.start_connection(addresses, happy_eyeballs_delay=EYEBALLS_DELAY, loop=loop)
            address = peer_of(sock)  # which it may not have any more
    except TimeoutError:
        return _PlainPort("does not answer", "filtered")
    except (OSError, Failure):
        return _PlainPort("is closed", "closed")
    stream = Stream(loop, sock, Scratch(), host)
    try:
        async with asyncio.timeout(PLAIN_TIMEOUT):
            return await _ask_plainly(service, stream)
    except TimeoutError:
        stream.close()
        at_once = replace(service.target, server=replace(service.server, security="tls"))
        if await dialler.look_at_certificate((address[0], port), at_once, PLAIN_TIMEOUT) is not None:
            return _PlainPort("speaks TLS from the first octet, as only the port with TLS should", "tls")
        return _PlainPort("accepts connections, but says nothing", "silent")
    except Failure as failure:
        return _PlainPort(f"does not speak {service.server.dialect.upper()}: {failure.cause}", "other")
    finally:
        stream.close()


async def _ask_plainly(service: Service, stream: Stream) -> _PlainPort:
    dialect, dialogue = service.server.dialect, DIALOGUES[service.server.dialect]
    talker = Talker(stream, service.server.host)
    greeting = await talker.line()
    while is_unfinished(dialect, greeting):
        greeting = await talker.line()
    if greeting.startswith(("-ERR", "* BYE", "BYE", "NO", "4", "5")):
        return _PlainPort(f"refuses: {printable(greeting.encode('latin-1'), 200)}", "refused")
    can = [word.upper() for word in await dialogue.capabilities(talker)]
    if "LOGINDISABLED" in can or (dialect == "pop3" and can and not {"USER", "SASL PLAIN"} & set(can)):
        login = False
    else:
        login = dialect != "smtp" or any(word.startswith("AUTH") for word in can)
    offers = dialogue.starttls in can
    words = f"offers {dialogue.starttls}" if offers else f"does not offer {dialogue.starttls}"
    if login:
        words += ", and takes logins in plain text: passwords can be read on the way there"
        return _PlainPort(words, "plain login", offers)
    return _PlainPort(
        f"{words}, and takes no login without TLS: that is why popover is there", "no plain login", offers
    )
