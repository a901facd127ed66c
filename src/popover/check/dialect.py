"""The dialect: greeting, what the server can do before login, and what its port without TLS answers."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import aiohappyeyeballs

from popover.check.dialogues import DIALOGUES
from popover.check.report import Report
from popover.check.talker import Talker, greet
from popover.check.way import milliseconds
from popover.config import Service
from popover.errors import Failure
from popover.outside.dial import EYEBALLS_DELAY, Dialled, Dialler
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
    report.add(
        "dialect", "ok", f"greeting: {words} ({milliseconds(seconds)})", greeting=words, seconds=round(seconds, 3)
    )
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


_WHY = "so an old client can not use this server by itself, and that is why popover is there"
_SHUT = {"closed": "too", "filtered": "either"}


async def check_plain_port(report: Report, dialler: Dialler, service: Service, *, reached: bool) -> None:
    """What the port without TLS says: the first test of every how-to, and the reason why popover is there.

    `reached`: the port with TLS accepts connections.
    """
    server, dialogue = service.server, DIALOGUES[service.server.dialect]
    port = dialogue.plain_port
    async with report.waiting(f"looking at port {port} of {server.host}"):
        text, outcome = await _plain_port(dialler, service, port)
    if outcome in _SHUT:
        text += f": {_WHY}" if reached else f", {_SHUT[outcome]}"
    report.add("dialect", "ok", f"port {port} (without TLS) {text}", plain_port=port, outcome=outcome)


async def _plain_port(dialler: Dialler, service: Service, port: int) -> tuple[str, str]:
    """Look at it. The end of a sentence about it, and one word for programs."""
    host, loop = service.server.host, asyncio.get_running_loop()
    try:
        async with asyncio.timeout(PLAIN_TIMEOUT):
            addresses = await dialler.look_up(replace(service.server, port=port))
            sock = await aiohappyeyeballs.start_connection(addresses, happy_eyeballs_delay=EYEBALLS_DELAY, loop=loop)
    except TimeoutError:
        return "does not answer", "filtered"
    except (OSError, Failure):
        return "is closed", "closed"
    address = sock.getpeername()
    stream = Stream(loop, sock, Scratch(), host)
    try:
        async with asyncio.timeout(PLAIN_TIMEOUT):
            return await _ask_plainly(service, stream)
    except TimeoutError:
        stream.close()
        if await dialler.look_at_certificate((address[0], port), service.target, PLAIN_TIMEOUT) is not None:
            return "speaks TLS from the first octet, as only the port with TLS should", "tls"
        return "accepts connections, but says nothing", "silent"
    except Failure as failure:
        return f"does not speak {service.server.dialect.upper()}: {failure.cause}", "other"
    finally:
        stream.close()


async def _ask_plainly(service: Service, stream: Stream) -> tuple[str, str]:
    dialect, dialogue = service.server.dialect, DIALOGUES[service.server.dialect]
    talker = Talker(stream, service.server.host)
    greeting = await talker.line()
    while dialect == "smtp" and greeting[3:4] == "-":
        greeting = await talker.line()
    if greeting.startswith(("-ERR", "* BYE", "4", "5")):
        return f"refuses: {printable(greeting.encode('latin-1'), 200)}", "refused"
    can = [word.upper() for word in await dialogue.capabilities(talker)]
    if "LOGINDISABLED" in can or (dialect == "pop3" and can and not {"USER", "SASL PLAIN"} & set(can)):
        login = False
    else:
        login = dialect != "smtp" or any(word.startswith("AUTH") for word in can)
    starttls = f"offers {dialogue.starttls}" if dialogue.starttls in can else f"does not offer {dialogue.starttls}"
    if login:
        return f"{starttls}, and takes logins in plain text: passwords can be read on the way there", "plain login"
    return f"{starttls}, and takes no login without TLS: that is why popover is there", "no plain login"
