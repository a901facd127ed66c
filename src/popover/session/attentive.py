"""A relay whose dialect listens: octets go through `protocols.pop3.Relay`, which knows what is owed to whom.

So the ends are exact here: nothing is guessed from silence. All else is as in `relay`: backpressure,
resets for cut streams, no QUIT of our own.
"""

from __future__ import annotations

import asyncio
from operator import itemgetter

from popover.config import Service
from popover.errors import Misdialled, ServerFailure
from popover.protocols import pop3
from popover.session.aloud import fails_aloud
from popover.session.relay import ANSWER_WAIT, LINGER, Outcome, Relay
from popover.wire.engine import Ending
from popover.wire.outgoing import MORE
from popover.wire.stream import Stream

KEEP_ALIVE_FOR = 600.0
"""Seconds after a client's last word for which its server is kept awake: RFC 1939 section 3 wants no server to
log anybody out earlier, so it is what a client may count on; a client that died must not keep its mailbox locked."""


CAPA_WAIT = 10.0
"""Seconds without a word after which a server has not understood a CAPA of ours: its answer needs no mailbox."""


_BROKEN = "server broken"


class Attentive(Relay):
    """One POP3 session's talk. `capa`: the server's answer to CAPA, if it was asked before."""

    __slots__ = ("_capa", "_client_spoke", "_server_spoke", "dry")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        service: Service,
        client: Stream,
        server: Stream,
        habits: pop3.Habits,
        capa: bytes = b"",
    ) -> None:
        self.dry = pop3.Relay(service, habits, client.end, server.end)
        self._capa = capa
        self._client_spoke = self._server_spoke = loop.time()
        super().__init__(loop, service, client, server)

    async def talk(self, greeting: bytes) -> Outcome:
        """Let the two talk until it is over, and remember what it taught."""
        is_lost = False
        try:
            outcome = await super().talk(greeting)
            is_lost = self._is_lost(outcome)
            return outcome
        finally:
            self.dry.over(lost=is_lost)

    def _is_lost(self, outcome: Outcome) -> bool:
        """Whether the server ended the talk: it may not have borne what it was asked ahead."""
        return outcome.end == _BROKEN or (self._server.ending is not None and self._client.ending is None)

    def _begin(self, greeting: bytes) -> None:
        self._server.on_drain = self._server_drained
        self.dry.start(greeting, self._capa)
        self._flush(memoryview(b""))

    # -- data ------------------------------------------------------------------------------------

    @fails_aloud
    def _from_client(self, data: memoryview) -> None:
        if not self._takes(data):
            return
        if self._touched - self._client_spoke > KEEP_ALIVE_FOR:
            self._wake_by(self._touched + 1)  # it is there again
        self._client_spoke = self._touched
        if self.dry.is_plain:
            self._answered = False
        self.dry.client_said(data)
        self._flush(memoryview(b""))

    @fails_aloud
    def _from_server(self, data: memoryview) -> None:
        if self._done.done():
            return
        self._server_spoke = self._loop.time()
        if self.dry.is_plain:
            self._answered = True
        if self.dry.is_owed:
            self._touched = self._server_spoke  # an answer that the client does not get is one step towards its own
        self._flush(self.dry.server_said(data))
        if self.dry.left_early:
            self._tick()  # perhaps that was its goodbye, and from now on we wait for less

    def _flush(self, straight: memoryview) -> None:
        """Send what the dialect has for both, and see whether that was all."""
        client, server, dry = self._client, self._server, self.dry
        if size := len(client.end.outbox) + len(straight):
            self.bytes_out += size
            self._touched = self._loop.time()
            client.write(client.end.outbox, MORE if dry.left_early else 0)
            client.end.outbox.clear()
            client.write(straight)
        if server.end.outbox:
            server.write(server.end.outbox)
            server.end.outbox.clear()
        if not dry.is_plain:
            self._answered = not dry.is_owed
        if dry.fault:
            failure = Misdialled(dry.fault, dry.remedy)
            self._over(Outcome(Misdialled.end, clean=True, failure=failure, may_be_told=not dry.is_owed))
        elif dry.is_broken:
            what = f"{server.end.name} answers as no POP3 server does"
            remedy = "the next sessions ask it nothing by themselves"
            self._over(Outcome(_BROKEN, clean=False, failure=ServerFailure(what, remedy)))
        elif dry.left_early and not client.finishing:
            client.end_writing()
            self._tick()
        elif client.ending is not None and self._answered and not dry.is_plain and not server.finishing:
            self._touched = self._loop.time()
            server.end_writing()
            self._tick()
        self._pace()

    def _pace(self) -> None:
        """Read from each side what the other can take, and no more than is wanted. A client that reads nothing is
        still listened to, for its end: what it can ask meanwhile is limited.
        """
        client, server, dry = self._client, self._server, self.dry
        if dry.wants_client and not server.backlog:
            client.resume()
        else:
            client.pause()
        if dry.wants_server and not client.backlog:
            server.resume()
        else:
            server.pause()

    @fails_aloud
    def _server_drained(self) -> None:
        self._pace()

    @fails_aloud
    def _client_drained(self) -> None:
        self._pace()
        self._tick()

    # -- ends ------------------------------------------------------------------------------------

    @fails_aloud
    def _client_ended(self, ending: Ending) -> None:
        if self.dry.left_early:  # however it goes: it has had its answer
            self._touched = self._loop.time()
            self._tick()
        else:
            super()._client_ended(ending)

    def _gap_after(self, *, is_answered: bool) -> float:
        return 0.0 if not self.dry.is_plain else super()._gap_after(is_answered=is_answered)

    @fails_aloud
    def _server_ended(self, ending: Ending) -> None:
        if self._done.done():
            return
        self.dry.server_ended()
        self._flush(memoryview(b""))
        if self.dry.left_early:
            ending = Ending("closed")
        super()._server_ended(ending)

    def _said_goodbye(self) -> bool:
        return super()._said_goodbye() if self.dry.is_plain else self.dry.has_quit

    # -- time ------------------------------------------------------------------------------------

    def _due(self) -> tuple[float, Outcome | None]:
        client, dry = self._client, self.dry
        if dry.left_early and not client.backlog:
            wait = LINGER if dry.has_told_quit else ANSWER_WAIT
            return max(self._touched, self._server_spoke) + wait, Outcome("server closed", clean=True)
        due = super()._due()
        if dry.waits_for_capa and not client.backlog:
            what = f"{self._server.end.name} does not answer CAPA"
            failure = ServerFailure(what, "the next sessions ask it nothing by themselves")
            outcome = Outcome(_BROKEN, clean=False, failure=failure)
            due = min((max(self._server_spoke, self._client_spoke) + CAPA_WAIT, outcome), due, key=itemgetter(0))
        if client.ending is None and not client.backlog and not dry.logged_in and not dry.is_plain:
            login = self._since + self._service.patience.login_timeout, Outcome("login timeout", clean=True)
            return min(login, due, key=itemgetter(0))
        return due

    def _first_look(self) -> float:
        return min(CAPA_WAIT, self._service.ahead.keep_alive or CAPA_WAIT)

    def _tick(self) -> None:
        super()._tick()
        pause, now = self._service.ahead.keep_alive, self._loop.time()
        if not self._done.done() and (not self.dry.logged_in or self.dry.waits_for_capa):
            self._wake_by(now + CAPA_WAIT)
        if not pause or self._done.done() or self.dry.is_plain or now - self._client_spoke > KEEP_ALIVE_FOR:
            return
        if now - self._server_spoke >= pause and self.dry.keep_alive():
            self._server_spoke = now
            self._flush(memoryview(b""))
        self._wake_by(max(self._server_spoke + pause, now + 1))
