"""TLS between one client and us: when it begins, how long it may take, and what it came to."""

from __future__ import annotations

import asyncio

from popover.config import Service
from popover.errors import HandshakeFailure
from popover.inside.handshake import first_words, shake_hands
from popover.inside.hello import Hello
from popover.inside.identity import Identity, alpn_of
from popover.inside.reasons import silent
from popover.protocols.reception import ClientTLS
from popover.wire.stream import Stream


class Overdue(HandshakeFailure):
    """The client did not come to an end with its handshake."""

    end = "login timeout"


class Sealing:
    """One client's. `identity`: what to show it; None: there is no TLS to be had. `version`, `cipher`: what is
    spoken; empty: plain text.

    `spent`: seconds of the client's `login_timeout` that are used up, by handshakes and by talks before them.
    """

    __slots__ = ("_client", "_identity", "_service", "cipher", "spent", "version")

    def __init__(self, service: Service, client: Stream, identity: Identity | None) -> None:
        self.version = self.cipher = ""
        self.spent = 0.0
        self._service = service
        self._client = client
        self._identity = identity

    @property
    def terms(self) -> ClientTLS:
        """What holds for the next talk. What is required stays so where there is no certificate."""
        if self.version:
            return "on"
        tls = self._service.inside.tls
        return "off" if tls == "implicit" or (tls == "offer" and self._identity is None) else tls

    @property
    def comes_first(self) -> bool:
        """Whether TLS is to begin before anything else."""
        return self._service.inside.tls == "implicit"

    async def begin(self, *, behind_starttls: bool = False) -> None:
        """Shake hands. Raises Misdialled for what is no TLS, else HandshakeFailure."""
        if self._identity is None:
            raise HandshakeFailure("there is no certificate to show any more", "a reload has taken the service away")
        loop = asyncio.get_running_loop()
        since, patience, client = loop.time(), self._service.patience.login_timeout, self._client
        alpn = alpn_of(self._service.dialect)
        hello: Hello | None = None
        spy, client.spy = client.spy, None  # what follows is nothing that was said
        try:
            async with asyncio.timeout(patience - self.spent):
                hello = await first_words(client, alpn, behind_starttls=behind_starttls)
                engine = await shake_hands(client, self._identity, hello, alpn)
                # Asked now: once it has broken, OpenSSL does not tell any more.
                self.version, self.cipher = engine.version, engine.cipher
        except TimeoutError:
            if hello is None and not client.end.inbox and not behind_starttls:
                raise silent(patience) from None
            raise Overdue(f"the handshake did not end within {patience:g} seconds") from None
        finally:
            client.spy = spy
            if spy is not None and self.version and client.end.inbox:
                spy(True, client.end.inbox)  # what came right behind the handshake
            client.pause()
            self.spent += loop.time() - since
