"""Both ends talking: bytes go through in both directions, at the pace of the slower side, and a dialect's ears listen.

Nothing is added here: no QUIT, no line, no retry. What is decided here is only when it is over:

- The server ended cleanly: the client gets all, then the end.
- The server's stream was cut, reset or broken: the client gets a reset, so that it can't take half a mail for
  a whole one. One exception: after its own QUIT or LOGOUT the client has what it wanted, and many servers
  close without close_notify then, or say something in plain text behind their TLS (exim).
- The client ended its side. The answers to what it said are waited for and delivered first; then the server is
  told, which frees the mailbox (the recipe left it locked until the server's timeout). The ears know when that is;
  where nobody listens, an answer counts as whole when nothing has followed for a while.
- The client vanished (reset): the server connection is closed at once, without a QUIT: nothing is deleted. But what the
  client had said and the ears still hold back is said first, as over a wire: close() with answers unread is a reset.
- Silence: see `_due`.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from operator import itemgetter
from typing import NamedTuple

from popover.config import Patience
from popover.errors import Failure, Misdialled
from popover.inside.guard import mistaken_for
from popover.outside.reasons import explain_ending
from popover.protocols import Ears
from popover.session.aloud import fails_aloud
from popover.session.turns import Turns
from popover.wire.engine import Ending
from popover.wire.outgoing import MORE, nothing
from popover.wire.stream import Secured, Stream

LINGER = 2.0
"""Seconds for a peer that was told the end to end its side as well. asyncio waits 30 s by default, and
servers that ignore close_notify exist (protocol notes, 4.4)."""

ANSWER_WAIT = 60.0
"""Seconds for an answer to a client that has half-closed; each piece that it gets starts them anew. And for a server to
hear what a client that has left had to say. ghostunnel has 60."""

MAIL_WAIT = 600.0
"""Likewise, where the server has got a whole mail: RFC 5321 section 4.5.3.2.6 gives it 10 minutes. Who loses the
connection before sends the mail again, and it arrives twice."""

GONE = 0.8
"""Seconds after a client's end, or the last octet it got since, in which it is owed an answer and gets none: most
likely it has gone, and the server is told. A wire tells it at once, and some servers then drop what they were about to
say; a client that waits for the server's end waits less than a second longer."""

RESET_WAIT = 10.0
"""Seconds for a server to hear what a client had said that has reset its connection since; a wire would have passed it
on before. A client that is alive is waited for longer, but this one may have come again already."""

FIRST_WORDS = 512
"""Octets of a client's first line in which it is recognised as a browser, or as TLS (guard.mistaken_for)."""

_NONE = memoryview(b"")


class Outcome(NamedTuple):
    """How the talk ended: `end` for the log, `clean` if the client may see a normal end, why if it was a fault.

    `may_be_told`: a line with the cause, in the client's dialect, stands where an answer would.
    """

    end: str
    clean: bool
    failure: Failure | None = None
    may_be_told: bool = False


BEGIN_TLS = Outcome("tls", clean=True)
"""This talk is over, another begins inside TLS: the client has the answer to its STLS or STARTTLS, and what it said
behind that stands in its inbox, or is yet to be read."""


class Relay:
    """One session's talk, from the server's greeting to the end. `talk` returns the outcome. `spent`: seconds of the
    client's login_timeout that are used up. `judge`: says what a client's first octets are (guard.mistaken_for).

    `server_left`: it was the server that ended it. `spoke_at`: when the client last said something (loop time).
    `on_left`: called once the client has had its goodbye and the server has not. `on_server`: called when the server
    has said something, before anybody hears it.
    """

    __slots__ = (
        "_client", "_done", "_first", "_hears_on", "_left_at", "_loop", "_patience", "_server", "_server_spoke",
        "_since", "_spoken", "_timer", "_touched", "_turns", "_wakes_at", "bytes_in", "bytes_out", "ears", "judge",
        "on_left",
        "on_server", "server_left", "spoke_at",
    )  # fmt: skip

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        patience: Patience,
        client: Stream,
        server: Secured,
        ears: Ears,
        spent: float = 0.0,
    ) -> None:
        self.bytes_in = self.bytes_out = 0
        self.server_left = False
        self.ears = ears
        self.on_left: Callable[[], None] = nothing
        self.on_server: Callable[[memoryview], None] | None = None
        self._loop = loop
        self._turns = Turns.of(loop)
        self._patience = patience
        self._client = client
        self._server = server
        self._done: asyncio.Future[Outcome] = loop.create_future()
        self.judge = mistaken_for
        self._touched = self._server_spoke = self.spoke_at = loop.time()
        self._since = self._touched - spent
        self._left_at: float | None = None
        self._spoken = self._hears_on = False
        self._first = b""
        self._wakes_at = math.inf
        self._timer: asyncio.TimerHandle | None = None

    async def talk(self, greeting: bytes, ready: bytes = b"", *, silently: bool = False) -> Outcome:
        """Let the two talk until it is over; `greeting` is what the server has said already, `ready` what it was asked
        while it waited. `silently`: the client has had its greeting, before TLS began.
        """
        client, server = self._client, self._server
        client.on_data, client.on_end, client.on_drain = self._from_client, self._client_ended, self._drained
        server.on_data, server.on_end, server.on_drain = self._from_server, self._server_ended, self._drained
        self.ears.on_wake = self._woken
        self.ears.start(greeting, ready, self._touched)
        if silently:
            client.end.outbox.clear()
        early = bytes(client.end.inbox)  # a client that need not wait for a greeting speaks behind its handshake
        client.end.inbox.clear()
        client.resume()
        if early:
            self._from_client(memoryview(early))
        else:
            self._flush()
        self._tick()
        if client.ending is not None:  # it ended right after its handshake, and what it said in one piece with that
            self._client_ended(client.ending)
        if server.ending is not None:  # it ended right after the greeting
            self._server_ended(server.ending)
        try:
            outcome = await self._done
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self.ears.on_wake = nothing
        self.server_left = server.ending is not None and client.ending is None
        return outcome

    # -- data ------------------------------------------------------------------------------------

    @fails_aloud
    def _from_client(self, data: memoryview) -> None:
        if not self._spoken:
            self._first_words(data)
        if self._done.done() or self._server.ending is not None:
            return
        self._touched = self.spoke_at = self._loop.time()
        self.bytes_in += len(data)
        self._flush(to_server=self.ears.client_said(data, self._touched))

    def _first_words(self, data: memoryview) -> None:
        self._first += bytes(data[: FIRST_WORDS - len(self._first)])
        if mistake := self.judge(self._first):
            cause, remedy = mistake
            self._over(Outcome(Misdialled.end, clean=True, failure=Misdialled(cause, remedy), may_be_told=True))
        if b"\n" in bytes(data):
            self._spoken, self._first = True, b""

    @fails_aloud
    def _from_server(self, data: memoryview) -> None:
        if self._done.done():
            return
        if self.on_server is not None:
            self.on_server(data)
        self._server_spoke = self._loop.time()
        self._flush(self.ears.server_said(data, self._server_spoke))
        if self._client.ending is not None or self.ears.has_left:
            self._tick()  # from now on we wait for less

    def _flush(self, to_client: memoryview = _NONE, to_server: memoryview = _NONE) -> None:
        """Send what the dialect has for both, and see whether that was all."""
        client, server, ears = self._client, self._server, self.ears
        if size := len(client.end.outbox) + len(to_client):
            self.bytes_out += size
            self._touched = self._loop.time()
            if client.end.outbox:
                client.write(client.end.outbox, MORE if ears.has_left else 0)
                client.end.outbox.clear()
            client.write(to_client)
        if server.end.outbox:
            server.write(server.end.outbox)
            server.end.outbox.clear()
        server.write(to_server)
        if ears.has_more and not self._hears_on:
            self._hears_on = True
            self._turns.add(self._hear_on)
        self._see_ends()
        self._pace()
        if (due := ears.due) < self._wakes_at:
            self._wake_by(due)

    def _see_ends(self) -> None:
        """See what has ended by what was just said."""
        client, server, ears = self._client, self._server, self.ears
        if ears.failure is not None:
            is_ours = not isinstance(ears.failure, Misdialled)
            told = not is_ours and not ears.is_owed
            self._over(Outcome(ears.failure.end, clean=not is_ours, failure=ears.failure, may_be_told=told))
        elif ears.wants_tls:
            if not client.backlog:
                self._over(BEGIN_TLS)
        elif ears.has_left and self._left_at is None:
            self._left_at = self._loop.time()
            client.end_writing()
            self.on_left()
            self._tick()
        elif client.ending is not None and self._is_answered and ears.gap == 0 and not server.finishing:
            self._touched = self._loop.time()
            server.end_writing()
            self._tick()

    @property
    def _is_answered(self) -> bool:
        return not self.ears.is_owed and self.ears.is_settled

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

    def _pace(self) -> None:
        """Read from each side what the other can take, and no more than is wanted. A client that reads nothing is
        still listened to, for its end, where what it can ask meanwhile is limited.
        """
        client, server, ears = self._client, self._server, self.ears
        if ears.wants_tls:  # what comes from now on is not this talk's
            client.pause()
            server.pause()
            return
        if ears.wants_client and not server.backlog:
            client.resume()
        else:
            client.pause()
        if ears.wants_server and not client.backlog:
            server.resume()
        else:
            server.pause()

    @fails_aloud
    def _drained(self) -> None:
        """One side has taken all: the other may go on, and it is another that we wait for now."""
        if self.ears.wants_tls:
            self._see_ends()
        self._pace()
        self._tick()

    # -- ends ------------------------------------------------------------------------------------

    @fails_aloud
    def _client_ended(self, ending: Ending) -> None:
        if self.ears.has_left:  # however it goes: it has had its answer
            self._tick()
        elif ending.kind not in _ENDS and self.ears.is_settled:
            self._over(Outcome(f"client {ending.kind}", clean=False))
        elif self._server.ending is not None:
            if not self._client.backlog:  # else it is on its way, and `on_drain` will tell
                self._over(Outcome("server closed", clean=True))
        else:
            self.ears.client_ended(self._loop.time())
            if self.ears.is_owed:
                self._touched = self._loop.time()
            self._flush()
            self._tick()

    @fails_aloud
    def _server_ended(self, ending: Ending) -> None:
        if self._done.done():
            return
        self.ears.server_ended(self._loop.time())
        self._flush()
        if self.ears.has_left or (ending.kind in _HARMLESS and self.ears.has_quit):
            ending = Ending("closed")
        if ending.kind != "closed":
            failure = explain_ending(ending, self._server.end.name)
            self._over(Outcome(f"server {ending.kind}", clean=False, failure=failure))
        elif self._client.backlog:
            self._client.on_drain = self._all_delivered
        else:
            self._all_delivered()

    @fails_aloud
    def _all_delivered(self) -> None:
        self._over(Outcome("client closed" if self._client.ending else "server closed", clean=True))

    # -- time ------------------------------------------------------------------------------------

    def _due(self) -> tuple[float, Outcome | None]:
        """When what we wait for is overdue, and what it means then; None: time to tell the server the end.

        One timer serves them all: it is not moved when bytes flow, but looks anew when it fires, and it is only ever
        moved to an earlier time.
        """
        due = self._due_by_silence()
        if self._client.ending is None and self.ears.awaits_login:
            login = self._since + self._patience.login_timeout, Outcome("login timeout", clean=True)
            return min(login, due, key=itemgetter(0))
        return due

    def _due_by_silence(self) -> tuple[float, Outcome | None]:
        """Likewise, but for the login."""
        client, server, patience = self._client, self._server, self._patience
        if self._left_at is not None and not client.backlog:
            goodbye = Outcome("server closed", clean=True)
            if self.ears.is_settled:
                return max(self._server_spoke, self._left_at) + LINGER, goodbye
            return self._left_at + ANSWER_WAIT, goodbye
        if client.backlog or server.backlog:
            slow, end = (client, "client stalled") if client.backlog else (server, "server stalled")
            return slow.moved_at + patience.stall_timeout, Outcome(end, clean=False)
        if client.ending is not None:
            return self._due_to_the_ended()
        if self.ears.is_idling:  # each side's TCP tells when the other is gone (sockets.keep_alive); look again later
            return self._loop.time() + patience.idle_timeout, None
        # Silence may begin in the middle of an answer: a reset says that it was not the whole.
        return self._touched + patience.idle_timeout, Outcome("idle timeout", clean=False)

    def _due_to_the_ended(self) -> tuple[float, Outcome | None]:
        """Likewise, for a client that has ended its side."""
        # While the client took its time, the server was not read: it has been silent for our sake.
        silent_since = max(self._touched, self._client.moved_at)
        if self._is_answered:
            if self._server.finishing:
                return silent_since + LINGER, Outcome("client closed", clean=True)
            return silent_since + self.ears.gap, None
        if self.ears.is_settled and not self._server.finishing:
            return self._touched + GONE, None  # as a wire would; an answer may still come
        wait = MAIL_WAIT if self.ears.is_at_work else ANSWER_WAIT
        if self._client.ending is not None and self._client.ending.kind not in _ENDS:
            wait = RESET_WAIT
        return self._touched + min(wait, self._patience.idle_timeout), Outcome("client closed", clean=False)

    @fails_aloud
    def _wake(self) -> None:
        self._wakes_at = math.inf
        now = self._loop.time()
        if not self._done.done() and self.ears.due <= now:
            self.ears.on_time(now)
            self._flush()
        self._tick()

    def _wake_by(self, when: float) -> None:
        """See to it that `_tick` is called at `when` (loop time), or before."""
        if when < self._wakes_at:
            self._wakes_at = when
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(when, self._wake)

    def _tick(self) -> None:
        if self._done.done():
            return
        now, (due, outcome) = self._loop.time(), self._due()
        if due <= now:
            if outcome is not None:
                self._over(outcome)
                return
            self._touched = now
            self._server.end_writing()
            self._wake_by(now + LINGER)
        else:  # a stall may begin meanwhile and be due earlier
            self._wake_by(min(due, now + self._patience.stall_timeout, self.ears.due))

    def fail(self, bug: Exception) -> None:
        """End the talk by raising `bug` in `talk`."""
        if not self._done.done():
            self._done.set_exception(bug)

    def _over(self, outcome: Outcome) -> None:
        if not self._done.done():
            self._done.set_result(outcome)


_ENDS = ("closed", "cut")  # of a client: Outlook never says close_notify, and no client is told more than it asked for
_HARMLESS = ("cut", "broken")  # once the client has said goodbye and has its answer
