"""POP3S and SMTPS on loopback, under a certificate that lives as long as the demo."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import NamedTuple

from popover.config import Server
from popover.demo.certificate import make_certificate
from popover.demo.letters import samples
from popover.demo.mailbox import Mailbox
from popover.demo.pop3 import serve_pop3
from popover.demo.smtp import serve_smtp

_LOOPBACK = "127.0.0.1"

Serve = Callable[[Mailbox, asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]


class MailServer(NamedTuple):
    """Where the demo's mail server is, and the file of the authority that vouches for it."""

    pop3: Server
    smtp: Server
    ca_file: Path
    mailbox: Mailbox


@contextlib.asynccontextmanager
async def mail_server(directory: Path) -> AsyncIterator[MailServer]:
    """Serve POP3S and SMTPS on free ports of 127.0.0.1; `directory` gets the certificate. Raises StartError."""
    certificate, key = make_certificate(directory)
    mailbox = Mailbox(samples())
    loop = asyncio.get_running_loop()
    talks: set[asyncio.Task[None]] = set()

    def listen(serve: Serve, *alpn: str) -> Awaitable[asyncio.Server]:
        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # A task of ours, not asyncio's own for a coroutine: that one complains when it is cancelled.
            talk = loop.create_task(serve(mailbox, reader, writer))
            talks.add(talk)
            talk.add_done_callback(talks.discard)

        return asyncio.start_server(accept, _LOOPBACK, 0, ssl=_context(certificate, key, alpn))

    pop3 = await listen(serve_pop3, "pop3")
    smtp = await listen(serve_smtp)
    try:
        yield MailServer(
            Server("pop3", "localhost", pop3.sockets[0].getsockname()[1]),
            Server("smtp", "localhost", smtp.sockets[0].getsockname()[1]),
            certificate,
            mailbox,
        )
    finally:
        pop3.close()
        smtp.close()
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


def _context(certificate: Path, key: Path, alpn: tuple[str, ...]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context
