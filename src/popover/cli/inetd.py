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
import threading

from popover.cli import same_file
from popover.config import Activated, Config, Service, check, parse_server
from popover.daemon import serve
from popover.dial import Dialler
from popover.guard import plain_address
from popover.listen import OwnAddresses, prepare
from popover.log import Log, to_stderr, to_syslog
from popover.session import Session
from popover.stream import Scratch, Stream

_NAME = "inetd"
_PIECE = 64 * 1024  # octets copied at once between a pipe and its socket; a Linux pipe holds as many


def inetd(arguments: argparse.Namespace) -> int:
    """Serve what is on descriptor 0. Raises ConfigError, StartError."""
    server = parse_server(arguments.server)
    service = Service(
        name=server.host,
        listen=(Activated(_NAME),),
        server=server,
        ca_file=arguments.ca_file,
        max_sessions_per_client=0,
    )
    config = Config(services=(service,))
    check(config)
    write = to_syslog() if same_file(0, 2) else to_stderr(arguments.log_format)
    log = Log(write, arguments.log_format, verbose=arguments.verbose)
    if not stat.S_ISSOCK(os.fstat(0).st_mode):
        return _one_session(service, log, _bridged(), "local")
    sock = socket.socket(fileno=os.dup(0))
    if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        serve(config, log, None, lambda _line: None, {_NAME: [sock]})
        return 0
    prepare(sock)
    return _one_session(service, log, sock, _peer(sock))


def _peer(sock: socket.socket) -> str:
    try:
        name = sock.getpeername()
    except OSError:
        return "gone"
    return plain_address(name[0]) if isinstance(name, tuple) and name else "local"


def _one_session(service: Service, log: Log, sock: socket.socket, address: str) -> int:
    async def main() -> None:
        loop, scratch = asyncio.get_running_loop(), Scratch()
        own = OwnAddresses.of([sock])
        session = Session(loop, log, service, Stream(loop, sock, scratch, address), address, os.getpid())
        serving = loop.create_task(session.run(Dialler(loop, scratch, own.lead_here)))
        loop.add_signal_handler(signal.SIGTERM, serving.cancel)  # the client sees a reset, not the end of a mail
        await serving

    asyncio.run(main())
    for thread in _copiers:
        thread.join()
    return 0


_copiers: list[threading.Thread] = []


def _bridged() -> socket.socket:
    """Make a socket of stdin and stdout, whatever they are. Two threads copy: not all files can be polled, and
    making a terminal non-blocking would make it so for the shell, too.
    """
    ours, theirs = socket.socketpair()

    def inward() -> None:
        while piece := os.read(0, _PIECE):
            theirs.sendall(piece)
        theirs.shutdown(socket.SHUT_WR)

    def outward() -> None:
        try:
            while piece := theirs.recv(_PIECE):
                while piece:
                    piece = piece[os.write(1, piece) :]
        except OSError:  # nobody reads stdout any more: let the session know
            theirs.shutdown(socket.SHUT_RDWR)

    threading.Thread(target=_quietly, args=(inward,), daemon=True).start()
    _copiers.append(threading.Thread(target=_quietly, args=(outward,), daemon=True))
    _copiers[0].start()
    return ours


def _quietly(copy: object) -> None:
    try:
        copy()  # type: ignore[operator]
    except OSError:
        pass  # one of the two sides has gone; the session sees that by itself
