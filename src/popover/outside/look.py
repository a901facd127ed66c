"""A second look at a server whose certificate was refused, so that the words can tell what it showed."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys

from popover.config import Target
from popover.errors import Failure
from popover.outside.chain import Shown, overheard
from popover.outside.converse import converse
from popover.outside.trust import unverified
from popover.protocols.proxy_header import preface
from popover.protocols.starttls import STARTTLS
from popover.wire.sockets import SocketAddress
from popover.wire.stream import Scratch, Stream

TELLS_CHAINS = sys.version_info >= (3, 13)
"""Whether Python's `ssl` tells the chain of a connection, whatever its TLS."""


async def look_at_chain(
    loop: asyncio.AbstractEventLoop, scratch: Scratch, address: SocketAddress, target: Target, patience: float
) -> Shown:
    """Fetch the certificates that a server sends; no byte of mail goes this way. With TLS 1.2 at
    first, where they can be overheard; of a server that has only TLS 1.3, an older Python gets its own alone.

    Empty if they do not come within `patience` seconds, or are not to be had at all.
    """
    with contextlib.suppress(OSError):  # TimeoutError is one
        async with asyncio.timeout(patience):
            if not TELLS_CHAINS:
                shown = await _look(loop, scratch, address, target, may_be_new=False)
                if shown.sent:
                    return shown
            return await _look(loop, scratch, address, target, may_be_new=True)
    return Shown([], is_all=False)


async def _look(
    loop: asyncio.AbstractEventLoop, scratch: Scratch, address: SocketAddress, target: Target, *, may_be_new: bool
) -> Shown:
    heard, server = bytearray(), target.server
    tls = unverified(target.certificate_name, heard, may_be_new=may_be_new)
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    with contextlib.closing(Stream(loop, sock, scratch, server.host)) as stream, contextlib.suppress(OSError, Failure):
        await loop.sock_connect(sock, address)
        stream.write(preface(target.proxy_to_server, None))
        if server.security == "starttls":
            await converse(STARTTLS[server.dialect].start_tls(stream.end), {stream.end: stream})
        await stream.secure(tls)
        stream.leave()
        if not (chain := tls.chain or overheard(heard)):
            return Shown([tls.certificate], is_all=False)
        return Shown(chain, is_all=True)
    chain = overheard(heard)  # it may have shown them before it went away
    return Shown(chain, is_all=bool(chain))
