"""The demo's gateway: in front of the demo's mail server, in the same process and event loop."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path

from popover.config import Address, Config, Server, Service, Target, Trust, default_listen
from popover.demo.circle import go_round
from popover.demo.letters import ADDRESS
from popover.demo.pop3 import PASSWORD, USER
from popover.demo.server import MailServer, mail_server
from popover.errors import StartError
from popover.inside.listen import must_be_here, open_listener
from popover.inside.machine import reachable_at
from popover.log import Log
from popover.process.daemon import Daemon
from popover.process.gateway import Gateway
from popover.process.privileges import session_ceiling

Tell = Callable[[str], None]

_LAST = 2  # of the services: POP3 and SMTP


def once(tell: Tell) -> None:
    """Go the full circle once. Raises StartError if it is broken."""
    with tempfile.TemporaryDirectory(prefix="popover-demo-") as directory:
        asyncio.run(_once(Path(directory), tell))


async def _once(directory: Path, tell: Tell) -> None:
    async with mail_server(directory) as server:
        gateway = Gateway(Log(lambda _line, _priority: None), session_ceiling())
        config = _config(server, Address("127.0.0.1", 0), Address("127.0.0.1", 0))
        lines = gateway.load(config)
        for line in lines:
            tell(f"listening {line}")
        pop3, smtp = (("127.0.0.1", int(line.partition(" ")[0].rpartition(":")[2])) for line in lines)
        letters = [letter.raw for letter in server.mailbox.letters()]
        try:
            await asyncio.to_thread(go_round, pop3, smtp, letters, tell)
        finally:
            gateway.stop_accepting()
            await gateway.cut()


def show(host: str, log: Log, tell: Tell) -> None:
    """Serve until stopped, with clients let in at `host`, an IP address of this machine."""
    with tempfile.TemporaryDirectory(prefix="popover-demo-") as directory, contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_show(Path(directory), host, log, tell))


async def _show(directory: Path, host: str, log: Log, tell: Tell) -> None:
    async with mail_server(directory) as server:
        config = _config(server, _free(host, server.pop3), _free(host, server.smtp))
        ports: list[int] = []

        def announce(line: str) -> None:
            tell(f"listening {line}")
            ports.append(int(line.partition(" ")[0].rpartition(":")[2]))
            if len(ports) == _LAST:
                tell(what_to_type(host, *ports))

        await Daemon(config, log, None, {}).run(announce)


def _config(server: MailServer, pop3: Address, smtp: Address) -> Config:
    pairs = (("demo-pop3", pop3, server.pop3), ("demo-smtp", smtp, server.smtp))
    trust = Trust(server.ca_file)
    services = tuple(Service(name, (listen,), Target(leads_to, trust)) for name, listen, leads_to in pairs)
    return Config(services, drain_timeout=1)


def _free(host: str, server: Server) -> Address:
    """The port that `popover run` would take, or any other where that one is taken."""
    usual = Address(host, default_listen(server.dialect).port)
    must_be_here(usual)
    try:
        sockets = open_listener(usual, {})
    except StartError:
        return Address(host, 0)  # if more than the port is wrong, binding it to port 0 says so
    for sock in sockets:
        sock.close()
    return usual


def what_to_type(host: str, pop3: int, smtp: int) -> str:
    """Say what to type into a client: one or several addresses of this machine, ports, name, password."""
    hosts = reachable_at(host)
    shown = " or ".join(hosts)
    bounds = "this machine" if Address(host, 0).is_loopback else "your network"
    url = f"[{hosts[0]}]" if ":" in hosts[0] else hosts[0]
    return f"""
Type this into a mail program, however old it is:

    incoming mail (POP3)   {shown}   port {pop3}
    outgoing mail (SMTP)   {shown}   port {smtp}
    SSL or TLS             off: popover speaks it to the server
    user name              {USER}
    password               {PASSWORD}
    address                {ADDRESS}

or into another terminal:

    curl pop3://{USER}:{PASSWORD}@{url}:{pop3}/1

There are a few letters in the mailbox. What you send arrives there, too, whoever it is for.
Nothing leaves {bounds}. Ctrl-C ends the demo, and all of its mail with it.
"""
