"""`popover inetd`: what xinetd, systemd or fetchmail's `--plugin` starts.

Descriptor 0 may be the client's socket (wait = no), a listening socket (wait = yes), or a pipe or
terminal, with descriptor 1 as the way back.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import stat
from dataclasses import replace
from functools import partial

from popover.cli import same_file
from popover.cli.pipes import Pipes
from popover.cli.run import inside_of, log_settings, only_in_file, parse_allow
from popover.config import (
    Activated,
    Admission,
    Config,
    Service,
    Target,
    Trust,
    check,
    is_private,
    load,
    parse_network,
    parse_server,
    quote,
)
from popover.errors import ConfigError, Refused, ServerFailure
from popover.inside.guard import Guard, plain_address
from popover.inside.identity import Identity
from popover.inside.listen import OwnAddresses, prepare
from popover.log import Log, to_stderr, to_syslog
from popover.outside.dial import Dialler
from popover.outside.trust import Verifiers
from popover.outside.warm import Warm
from popover.process.clients import local_time
from popover.process.daemon import serve
from popover.process.finders import Finders
from popover.process.identities import Identities
from popover.process.state import state_file
from popover.process.trust_stores import verifiers_of
from popover.protocols import DIALECTS
from popover.session.memories import Memories
from popover.session.outcome import Outcome
from popover.session.session import Session
from popover.session.waiting import LINGER
from popover.wire.finish import finish
from popover.wire.stream import Scratch, Stream

_NAME = "inetd"
_INTERNET = (socket.AF_INET, socket.AF_INET6)


def inetd(arguments: argparse.Namespace) -> int:
    """Serve what is on descriptor 0. Raises ConfigError, StartError."""
    config = _configuration(arguments)
    [service] = config.services
    write = to_syslog() if same_file(0, 2) else to_stderr(arguments.log_format)
    log = Log(write, arguments.log_format, verbose=arguments.verbose)
    log_settings(log, config)
    is_socket = stat.S_ISSOCK(os.fstat(0).st_mode)
    sock = socket.socket(fileno=os.dup(0)) if is_socket else None
    if sock is not None and sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        serve(config, log, None, lambda _line: None, {_NAME: [sock]})
        return 0
    identities = Identities(log, state_file().parent)
    identities.become(identities.read([service]), ())  # said once for each client it would be too often
    # A broken ca_file is the operator's to mend, and no session's fault.
    proofs = verifiers_of([service], config.accounts), identities.of(service)
    is_in_file = arguments.config is not None
    if sock is None:
        pipes = Pipes()
        code = _one_session(config, proofs, log, pipes.begin(), _LOCAL, is_in_file=is_in_file)
        return code if pipes.have_taken_all() else 1
    prepare(sock)
    return _one_session(config, proofs, log, sock, _peer(sock), is_in_file=is_in_file)


def _configuration(arguments: argparse.Namespace) -> Config:
    return _from_words(arguments) if arguments.config is None else _from_file(arguments)


def _from_file(arguments: argparse.Namespace) -> Config:
    """Take one service of a file, with all that its desk may ask."""
    only_in_file(arguments)
    config = load(arguments.config)
    names = [service.name for service in config.services]
    if arguments.server not in names:
        raise ConfigError(f"{arguments.config} has no service {quote(arguments.server)}; it has {', '.join(names)}")
    service = config.services[names.index(arguments.server)]
    if service.admission.proxy_from:
        raise ConfigError(
            f"service {quote(service.name)}: proxy_from: inetd reads no PROXY header; let popover run do it"
        )
    admission = replace(service.admission, max_sessions_per_client=0)
    service = replace(service, listen=(Activated(_NAME),), admission=admission)
    return replace(config, services=(service,), user=None, status=None)


def _from_words(arguments: argparse.Namespace) -> Config:
    server, mistakes = parse_server(arguments.server), list[str]()
    allow = parse_allow(arguments.allow or (), mistakes)
    public = ", ".join(str(network) for network in allow or () if not is_private(network))
    inside = inside_of(arguments)
    if public and not arguments.unsafe_public:
        danger = (
            "strangers there may try passwords on the server through this gateway"
            if inside.seals_logins
            else "passwords travel in plain text between those clients and this gateway"
        )
        mistakes.append(
            f"--allow: {public} reaches beyond private networks, and {danger}; narrow it, or add --unsafe-public if "
            "you mean it"
        )
    if mistakes:
        raise ConfigError(mistakes)
    service = Service(
        name=server.host,
        listen=(Activated(_NAME),),
        target=Target(server, Trust(arguments.ca_file)),
        inside=inside,
        admission=Admission(allow=allow, max_sessions_per_client=0, unsafe_public=arguments.unsafe_public),
    )
    config = Config(services=(service,))
    check(config)
    return config


_LOCAL, _GONE = "local", "gone"


def _peer(sock: socket.socket) -> str:
    if sock.family not in _INTERNET:
        return _LOCAL
    try:
        return plain_address(sock.getpeername()[0])
    except OSError:
        return _GONE


def refusal(service: Service, address: str, *, is_in_file: bool = False) -> Refused | None:
    """Ask the guard about a client that xinetd, or another, has let in. Pipes and Unix sockets lead to nobody else's
    machine: who may use them was decided when they were made. `is_in_file`: who may come in stands in a file.
    """
    if address == _LOCAL:
        return None
    if address == _GONE:  # nobody knows any more who it was, and nobody waits for an answer
        return Refused("the client went away before it could be served")
    refused = Guard(service.admission).admit(address, 0, local_time)
    if refused is None or is_in_file:
        return refused
    louder = "" if service.admission.unsafe_public or is_private(parse_network(address)) else " --unsafe-public"
    others = (
        "" if service.admission.allow else "; that replaces the private networks, so add those that you want as well"
    )
    return Refused(refused.cause, f"to let it in, add --allow {address}{louder} after `popover inetd`{others}")


_Proofs = tuple[Verifiers, Identity | None]  # by which servers are known, and by which we are


def _one_session(
    config: Config, proofs: _Proofs, log: Log, sock: socket.socket, address: str, *, is_in_file: bool
) -> int:
    """Serve one client; give the exit code, 1 if it may have got half of something."""
    verifiers, identity = proofs
    [service] = config.services

    async def main() -> bool:
        loop, scratch = asyncio.get_running_loop(), Scratch()
        client = Stream(loop, sock, scratch, address)
        if refused := refusal(service, address, is_in_file=is_in_file):
            await _refuse(service, log, client, refused)
            return True
        session = Session(loop, log, service, client, address, os.getpid())
        dialler = Dialler(loop, scratch, OwnAddresses.of([sock]).lead_here)
        dialler.verifiers = verifiers
        session.amend = partial(_for_a_pipe, client)
        nobody_is_next = Warm(loop, dialler, has_room=lambda: False)
        finders, memories = Finders(log, state_file().parent), Memories()
        finders.load(config)
        memories.load([service], finders.of)
        serving = loop.create_task(session.run(dialler, memories.of(service), nobody_is_next, identity))
        loop.add_signal_handler(signal.SIGTERM, serving.cancel)  # the client sees a reset, not the end of a mail
        await asyncio.wait({serving})  # it never raises; a second SIGTERM may cancel its farewell
        await finders.close()
        return session.outcome is not None and session.outcome.clean

    return 0 if asyncio.run(main()) else 1


async def _refuse(service: Service, log: Log, client: Stream, refused: Refused) -> None:
    address, cause, remedy = client.end.name, refused.cause, refused.remedy
    text = f"{address} refused: {cause}; {remedy}" if remedy else f"{address} refused: {cause}"
    log.event("notice", "refused", text, service=service.name, client=address, cause=cause, remedy=remedy)
    if service.inside.tls != "implicit":
        client.write(DIALECTS[service.dialect].farewell(cause))
    await finish(client, LINGER)


def _for_a_pipe(client: Stream, outcome: Outcome) -> Outcome:
    """Say how a cut is told to whom: a pipe and a Unix socket can show no reset."""
    if outcome.end == "server cut" and outcome.failure is not None and client.sock.family not in _INTERNET:
        remedy = "what was being transferred may be incomplete (truncated); exit code 1 tells who started popover"
        return outcome._replace(failure=ServerFailure(outcome.failure.cause, remedy))
    return outcome
