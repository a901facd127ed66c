"""Both ends talking: bytes go through in both directions, at the pace of the slower side, and a dialect's ears listen.

Nothing is added here: no QUIT, no line, no retry. What is decided here is only when it is over:

- The server ended cleanly: the client gets all, then the end.
- The server's stream was cut, reset or broken: the client gets a reset, so that it cannot take half a mail for
  a whole one. One exception: after its own QUIT or LOGOUT the client has what it wanted, and many servers
  close without close_notify then, or say something in plain text behind their TLS (exim). Another: a client that has
  ended its side and is owed nothing has all of it, however a server goes that we have asked something ahead.
- The client ended its side. The answers to what it said are waited for and delivered first; then the server is
  told, which frees the mailbox (the recipe left it locked until the server's timeout). The ears know when that is;
  where nobody listens, an answer counts as whole when nothing has followed for a while.
- The client vanished (reset): the server connection is closed at once, without a QUIT: nothing is deleted. But what the
  client had said and the ears still hold back is said first, as over a wire: close() with answers unread is a reset.
- Silence: see waiting.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from popover.config import Patience
from popover.errors import Misdialled
from popover.protocols import Ears
from popover.session import ends, waiting
from popover.session.alarm import Alarm
from popover.session.aloud import fails_aloud
from popover.session.first_words import FirstWords
from popover.session.outcome import BEGIN_TLS, Outcome
from popover.session.pace import pace
from popover.session.peer import Peer
from popover.session.waiting import Waiting, has_vanished
from popover.wire.engine import Ending
from popover.wire.outgoing import MORE, nothing
from popover.wire.stream import Secured
from popover.wire.turns import Turns

_NONE = memoryview(b"")


class Relay:
    """One session's talk, from the server's greeting to the end. `talk` returns the outcome. `spent`: seconds of the
    client's login_timeout that are used up. `first_words`: looks whether the client is one. `alarm`: there may be one
    that is set already, and goes on.

    `server_left`: it was the server that ended it. `spoke_at`: when the client last said something (loop time).
    `on_left`: called once the client has had its goodbye and the server has not. `on_server`: called when the server
    has said something, before anybody hears it. `on_told`: called when all that there was to say has been said; whether
    there is no more.
    """

    __slots__ = (
        "_client", "_done", "_hears_on", "_loop", "_patience", "_server", "_waits", "alarm", "bytes_in",
        "bytes_out", "ears", "first_words", "on_left", "on_server", "on_told", "server_left", "spoke_at",
    )  # fmt: skip

    def __init__(
        self, loop: asyncio.AbstractEventLoop, patience: Patience, client: Peer, server: Secured, ears: Ears,
        spent: float = 0.0,
    ) -> None:  # fmt: skip
        self.bytes_in = self.bytes_out = 0
        self.server_left = False
        self.ears = ears
        self.on_left: Callable[[], None] = nothing
        self.on_server: Callable[[memoryview], None] | None = None
        self.on_told: Callable[[], bool] | None = None
        self._loop = loop
        self._patience = patience
        self._client = client
        self._server = server
        self._done: asyncio.Future[Outcome] = loop.create_future()
        self.first_words = FirstWords()
        self.spoke_at = loop.time()
        self._waits = Waiting(patience, client, server, ears, self.spoke_at, spent)
        self._hears_on = False
        self.alarm = Alarm(loop)

    async def talk(self, greeting: bytes, ready: bytes = b"", *, silently: bool = False) -> Outcome:
        """Let the two talk until it is over; `greeting` is what the server has said already, `ready` what it was asked
        while it waited. `silently`: the client has had its greeting, before TLS began.
        """
        self.ears.start(greeting, ready, self.spoke_at)
        end = self._client.end
        if silently and not self.ears.greets_again:
            end.outbox.clear()
        early = bytes(end.inbox)  # a client that need not wait for a greeting speaks behind its handshake
        end.inbox.clear()
        return await self.go_on(early)

    async def go_on(self, early: bytes = b"") -> Outcome:
        """Let the two talk on from where the ears are, with what the client has said already, until it is over."""
        client, server = self._client, self._server
        client.on_data, client.on_end, client.on_drain = self._from_client, self._client_ended, self._drained
        server.on_data, server.on_end, server.on_drain = self._from_server, self._server_ended, self._drained
        self.ears.on_wake = self._woken
        client.resume()
        if early:
            self._from_client(memoryview(early))
        else:
            self._flush()
        if server.end.inbox:  # between a talk about a login and this one
            said = bytes(server.end.inbox)
            server.end.inbox.clear()
            self._from_server(memoryview(said))
        self._tick()
        if client.ending is not None:  # it ended right after its handshake, and what it said in one piece with that
            self._client_ended(client.ending)
        if server.ending is not None:  # it ended right after the greeting
            self._server_ended(server.ending)
        try:
            outcome = await self._done
        finally:
            self.alarm.cancel()
            self.ears.on_wake = nothing
        self.server_left = server.ending is not None and client.ending is None
        return outcome

    # -- data ------------------------------------------------------------------------------------

    @fails_aloud
    def _from_client(self, data: memoryview) -> None:
        if not self.first_words.is_over and (mistake := self.first_words.hear(data)):
            self.conclude(ends.of_failure(Misdialled(*mistake), is_owed=False))
        if self._done.done() or self._server.ending is not None:
            return
        self._waits.touched = self.spoke_at = self._loop.time()
        self.bytes_in += len(data)
        self._flush(to_server=self.ears.client_said(data, self.spoke_at))

    @fails_aloud
    def _from_server(self, data: memoryview) -> None:
        if self._done.done():
            return
        if self.on_server is not None:
            self.on_server(data)
        now = self._waits.server_spoke = self._loop.time()
        self._flush(self.ears.server_said(data, now))
        if self._client.ending is not None or self.ears.has_left:
            self._tick()  # from now on we wait for less

    def _flush(self, to_client: memoryview = _NONE, to_server: memoryview = _NONE) -> None:
        """Send what the dialect has for both, and see whether that was all."""
        client, server, ears = self._client, self._server, self.ears
        if size := len(client.end.outbox) + len(to_client):
            self.bytes_out += size
            self._waits.touched = self._loop.time()
            if client.end.outbox:
                client.write(client.end.outbox, MORE if ears.has_left else 0)
                client.end.outbox.clear()
            if to_client:
                client.write(to_client)
        if server.end.outbox:
            server.write(server.end.outbox)
            server.end.outbox.clear()
        if to_server:
            server.write(to_server)
        if ears.has_more and not self._hears_on:
            self._hears_on = True
            Turns.of(self._loop).add(self._hear_on)
        self._see_ends()
        pace(client, server, ears)
        if self.on_told is not None and not self.on_told():
            return  # there is more to say at once, and then we come here again
        if (due := ears.due) < self.alarm.at:
            self.alarm.set(due, self._wake)

    def _see_ends(self) -> None:
        """See what has ended by what was just said."""
        client, server, ears = self._client, self._server, self.ears
        if ears.failure is not None:
            self.conclude(ends.of_failure(ears.failure, is_owed=ears.is_owed))
        elif ears.wants_tls:
            if not client.backlog:
                self.conclude(BEGIN_TLS)
        elif ears.has_left and self._waits.left_at is None:
            self._waits.left_at = self._loop.time()
            client.end_writing()
            self.on_left()
            self._tick()
        elif client.ending is not None and self._waits.is_answered and ears.gap == 0 and not server.finishing:
            self._waits.touched = self._loop.time()
            server.end_writing()
            self._tick()

    @fails_aloud
    def _hear_on(self) -> None:
        """Hear what was said before and what was too much for one go."""
        self._hears_on = False
        if not self._done.done():
            self._flush(to_server=self.ears.client_said(_NONE, self._loop.time()))

    @fails_aloud
    def _woken(self) -> None:
        """Another session has made way for what this one has to say."""
        if not self._done.done():
            self._flush()

    @fails_aloud
    def _drained(self) -> None:
        """One side has taken all: the other may go on, and it is another that we wait for now."""
        if self._done.done():  # what comes now is the next talk's
            return
        if self.ears.wants_tls:
            self._see_ends()
        pace(self._client, self._server, self.ears)
        self._tick()

    # -- ends ------------------------------------------------------------------------------------

    @fails_aloud
    def _client_ended(self, ending: Ending) -> None:
        if self.ears.has_left:  # however it goes: it has had its answer
            self._tick()
        elif has_vanished(ending) and self.ears.is_settled:
            self.conclude(Outcome(f"client {ending.kind}", clean=False))
        elif self._server.ending is not None:
            if not self._client.backlog:  # else it is on its way, and `on_drain` will tell
                self.conclude(Outcome("server closed", clean=True))
        else:
            self.ears.client_ended(self._loop.time())
            if self.ears.is_owed:
                self._waits.touched = self._loop.time()
            self._flush()
            self._tick()

    @fails_aloud
    def _server_ended(self, ending: Ending) -> None:
        if self._done.done():
            return
        self.ears.server_ended(self._loop.time())
        self._flush()
        has_client_ended = self._client.ending is not None
        outcome = ends.of_server(ending, self.ears, self._server.end.name, has_client_ended=has_client_ended)
        if outcome is not None:
            self.conclude(outcome)
        elif self._client.backlog:
            self._client.on_drain = self._all_delivered
        else:
            self._all_delivered()

    @fails_aloud
    def _all_delivered(self) -> None:
        self.conclude(Outcome("client closed" if self._client.ending else "server closed", clean=True))

    # -- time ------------------------------------------------------------------------------------

    @fails_aloud
    def _wake(self) -> None:
        now = self._loop.time()
        if not self._done.done() and self.ears.due <= now:
            self.ears.on_time(now)
            self._flush()
        self._tick()

    def _tick(self) -> None:
        if self._done.done():
            return
        now = self._loop.time()
        due, outcome = self._waits.due(now)
        if due <= now:
            if outcome is not None:
                self.conclude(outcome)
                return
            self._waits.touched = now
            self._server.end_writing()
            self.alarm.set(now + waiting.LINGER, self._wake)
        else:  # a stall may begin meanwhile and be due earlier
            self.alarm.set(min(due, now + self._patience.stall_timeout, self.ears.due), self._wake)

    def fail(self, bug: Exception) -> None:
        """End the talk by raising `bug` in `talk`."""
        if not self._done.done():
            self._done.set_exception(bug)

    def conclude(self, outcome: Outcome) -> None:
        """End the talk so, unless it is over."""
        if not self._done.done():
            self._done.set_result(outcome)
