"""POP3S and SMTPS on loopback, under a certificate authority that lives as long as the demo."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

from popover.config import Server
from popover.demo.letters import samples
from popover.demo.mailbox import Mailbox
from popover.demo.pop3 import is_right, serve_pop3
from popover.errors import StartError

_LOOPBACK = "127.0.0.1"
_MISSING = "popover demo needs {name}: in popover's clone, pip install '.[demo]' (or pipx install --force '.[demo]')"

try:
    import trustme
    from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
except ModuleNotFoundError as missing:
    raise StartError(_MISSING.format(name=(missing.name or "").partition(".")[0])) from None


class MailServer(NamedTuple):
    """Where the demo's mail server is, and the file of the authority that vouches for it."""

    pop3: Server
    smtp: Server
    ca_file: Path
    mailbox: Mailbox


class _Post:
    """aiosmtpd's handler: whatever is sent, to whomever, arrives in the one mailbox."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name
        """Take a message; the answer is the SMTP reply."""
        content = envelope.content
        raw = content if isinstance(content, bytes) else (content or "").encode()
        return "250 2.0.0 it is in the mailbox" if self._mailbox.add(raw) else "452 4.2.2 the mailbox is full"


@contextlib.asynccontextmanager
async def mail_server(directory: Path) -> AsyncIterator[MailServer]:
    """Serve POP3S and SMTPS on free ports of 127.0.0.1; `directory` gets the authority's certificate."""
    authority = trustme.CA(organization_name="popover demo")
    ca_file = directory / "demo-ca.pem"
    authority.cert_pem.write_to_path(ca_file)
    mailbox = Mailbox(samples())
    loop = asyncio.get_running_loop()
    talks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = loop.create_task(serve_pop3(mailbox, reader, writer))
        talks.add(talk)
        talk.add_done_callback(talks.discard)

    pop3 = await asyncio.start_server(accept, _LOOPBACK, 0, ssl=_context(authority, "pop3"))
    smtp = await loop.create_server(lambda: _smtp(mailbox, loop), _LOOPBACK, 0, ssl=_context(authority))
    try:
        yield MailServer(
            Server("pop3", "localhost", pop3.sockets[0].getsockname()[1]),
            Server("smtp", "localhost", smtp.sockets[0].getsockname()[1]),
            ca_file,
            mailbox,
        )
    finally:
        pop3.close()
        smtp.close()
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


def _smtp(mailbox: Mailbox, loop: asyncio.AbstractEventLoop) -> SMTP:
    """Make the protocol of one connection. Who signs in must do it right, but nobody has to: scanners can't."""
    return SMTP(
        _Post(mailbox),
        hostname="demo.example",
        ident="popover demo",
        authenticator=_authenticate,
        auth_require_tls=False,  # it means STARTTLS; here all is inside TLS from the first octet
        loop=loop,
    )


def _authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: object) -> AuthResult:
    right = isinstance(data, LoginPassword) and is_right(data.login.decode(), data.password.decode())
    return AuthResult(success=right, handled=False)


def _context(authority: trustme.CA, *alpn: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", _LOOPBACK).configure_cert(context)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context
