"""Both ends talking: bytes go through unchanged, in both directions, at the pace of the slower side.

Nothing is added: no QUIT, no line, no retry. What is decided here is only when it is over:

- The server ended cleanly: the client gets all, then the end.
- The server's stream was cut, reset or broken: the client gets a reset, so that it can't take half a mail for
  a whole one. One exception: after its own QUIT or LOGOUT the client has what it wanted, and many servers
  close without close_notify then.
- The client ended its side. The answers to what it said are waited for and delivered first; then the server is
  told, which frees the mailbox (the recipe left it locked until the server's timeout). Without knowing the dialect,
  an answer counts as whole when nothing has followed for a while.
- The client vanished (reset): the server connection is closed at once, without a QUIT: nothing is deleted.
- Silence: see `_due`.
"""

from __future__ import annotations

import asyncio
import math
from operator import itemgetter
from typing import NamedTuple

from popover.config import Service
from popover.errors import Failure, Misdialled
from popover.inside.guard import mistaken_for
from popover.outside.reasons import explain_ending
from popover.session.aloud import fails_aloud
from popover.wire.engine import Ending
from popover.wire.stream import Stream

LINGER = 2.0
"""Seconds for a peer that was told the end to end its side as well. asyncio waits 30 s by default, and
servers that ignore close_notify exist (protocol notes, 4.4)."""

ANSWER_WAIT = 60.0
"""Seconds for an answer to a client that has half-closed; each answer starts them anew. ghostunnel has 60."""

ANSWER_GAP = 5.0
"""Seconds after an answer in which another may follow, for a client that pipelined and half-closed. Failed
logins are answered after 2 to 3 s by Dovecot and Perdition; a mailbox stays locked that long at most."""

QUIET = 1.0
"""Seconds without a word after which an answer that had begun before the client's end is taken to be whole: a server
that is told the end in the middle of an answer may drop the rest. TCP's first retransmission comes after 0.2 to 1 s."""

FIRST_WORDS = 512
"""Octets of a client's first line in which it is recognised as a browser, or as TLS (guard.mistaken_for)."""

_LAST_WORDS = (b"QUIT", b"LOGOUT")
_TAIL = 16


class Outcome(NamedTuple):
    """How the talk ended: `end` for the log, `clean` if the client may see a normal end, why if it was a fault.

    `may_be_told`: a line with the cause, in the client's dialect, stands where an answer would.
    """

    end: str
    clean: bool
    failure: Failure | None = None
    may_be_told: bool = False


class Relay:
    """One session's talk, from the server's greeting to the end. `talk` returns the outcome."""

    __slots__ = (
        "_answered", "_client", "_done", "_first", "_gap", "_last_words", "_loop", "_server", "_service", "_since",
        "_spoken", "_timer", "_touched", "_wakes_at", "bytes_in", "bytes_out",
    )  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop, service: Service, client: Stream, server: Stream) -> None:
        self.bytes_in = self.bytes_out = 0
        self._loop = loop
        self._service = service
        self._client = client
        self._server = server
        self._done: asyncio.Future[Outcome] = loop.create_future()
        self._since = self._touched = loop.time()
        self._spoken = False
        self._first = b""
        self._answered = True
        self._gap = ANSWER_GAP
        self._last_words = b""
        self._wakes_at = min(self._due()[0], self._since + self._first_look())
        self._timer = loop.call_at(self._wakes_at, self._wake)

    async def talk(self, greeting: bytes) -> Outcome:
        """Let the two talk until it is over; `greeting` is what the server has said already."""
        client, server = self._client, self._server
        client.on_data, client.on_end, client.on_drain = self._from_client, self._client_ended, self._client_drained
        server.on_data, server.on_end, server.on_drain = self._from_server, self._server_ended, client.resume
        self._begin(greeting)
        client.resume()
        if server.ending is not None:  # it ended right after the greeting
            self._server_ended(server.ending)
        elif not client.backlog:
            server.resume()
        try:
            return await self._done
        finally:
            self._timer.cancel()

    def _begin(self, greeting: bytes) -> None:
        self._from_server(memoryview(greeting))

    # -- data ------------------------------------------------------------------------------------

    @fails_aloud
    def _from_client(self, data: memoryview) -> None:
        if not self._takes(data):
            return
        self._answered = False
        self._server.write(data)
        if self._server.backlog:
            self._client.pause()

    def _takes(self, data: memoryview) -> bool:
        """Whether what the client says is still for the server; take note of it then."""
        if not self._spoken:
            self._first_words(data)
        if self._done.done() or self._server.ending is not None:
            return False
        self._touched = self._loop.time()
        self.bytes_in += len(data)
        self._last_words = (self._last_words + bytes(data[-_TAIL:]))[-_TAIL:]
        return True

    def _first_words(self, data: memoryview) -> None:
        self._first += bytes(data[: FIRST_WORDS - len(self._first)])
        if mistake := mistaken_for(self._first):
            cause, remedy = mistake
            self._over(Outcome(Misdialled.end, clean=True, failure=Misdialled(cause, remedy), may_be_told=True))
        if b"\n" in bytes(data):
            self._spoken, self._first = True, b""

    @fails_aloud
    def _from_server(self, data: memoryview) -> None:
        self._touched = self._loop.time()
        self._answered = True
        self.bytes_out += len(data)
        self._client.write(data)
        if self._client.backlog:
            self._server.pause()
        if self._client.ending is not None:
            self._tick()  # from now on we wait for less

    @fails_aloud
    def _client_drained(self) -> None:
        """The client has taken all: the server may go on, and it is the server that we wait for now."""
        self._server.resume()
        self._tick()

    # -- ends ------------------------------------------------------------------------------------

    @fails_aloud
    def _client_ended(self, ending: Ending) -> None:
        if ending.kind != "closed":
            self._over(Outcome("client reset", clean=False))
        elif self._server.ending is not None:
            if not self._client.backlog:  # else it is on its way, and `on_drain` will tell
                self._over(Outcome("server closed", clean=True))
        else:
            self._gap = self._gap_after(is_answered=self._answered)
            if not self._answered:
                self._touched = self._loop.time()
            self._tick()

    def _gap_after(self, *, is_answered: bool) -> float:
        """Say how long no answer must come before a client that has ended is owed none. `is_answered`: so far."""
        return QUIET if is_answered else ANSWER_GAP

    @fails_aloud
    def _server_ended(self, ending: Ending) -> None:
        if ending.kind == "closed" or (ending.kind == "cut" and self._said_goodbye()):
            if self._client.backlog:
                self._client.on_drain = self._all_delivered
            else:
                self._all_delivered()
        else:
            self._over(
                Outcome(
                    f"server {ending.kind}",
                    clean=False,
                    failure=explain_ending(ending, self._server.end.name),
                )
            )

    def _all_delivered(self) -> None:
        self._over(Outcome("client closed" if self._client.ending else "server closed", clean=True))

    def _said_goodbye(self) -> bool:
        return self._last_words.rstrip().upper().endswith(_LAST_WORDS)

    # -- time ------------------------------------------------------------------------------------

    def _due(self) -> tuple[float, Outcome | None]:
        """When what we wait for is overdue, and what it means then; None: time to tell the server the end.

        One timer serves them all: it is not moved when bytes flow, but looks anew when it fires, and it is only ever
        moved to an earlier time.
        """
        client, server, service = self._client, self._server, self._service
        if client.backlog or server.backlog:
            slow, end = (client, "client stalled") if client.backlog else (server, "server stalled")
            return slow.moved_at + service.patience.stall_timeout, Outcome(end, clean=False)
        if client.ending is not None:
            # While the client took its time, the server was not read: it has been silent for our sake.
            silent_since = max(self._touched, client.moved_at)
            if server.finishing:
                return silent_since + LINGER, Outcome("client closed", clean=True)
            if self._answered:
                return silent_since + self._gap, None
            return self._touched + min(ANSWER_WAIT, service.patience.idle_timeout), Outcome(
                "client closed", clean=False
            )
        # Silence may begin in the middle of an answer: a reset says that it was not the whole.
        idle = self._touched + service.patience.idle_timeout, Outcome("idle timeout", clean=False)
        if not self._spoken:
            login = self._since + service.patience.login_timeout, Outcome("login timeout", clean=True)
            return min(login, idle, key=itemgetter(0))
        return idle

    @fails_aloud
    def _wake(self) -> None:
        self._wakes_at = math.inf
        self._tick()

    def _first_look(self) -> float:
        """Seconds after which to look for the first time what is due: a stall may begin at once."""
        return self._service.patience.stall_timeout

    def _wake_by(self, when: float) -> None:
        """See to it that `_tick` is called at `when` (loop time), or before."""
        if when < self._wakes_at:
            self._wakes_at = when
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
            self._wake_by(min(due, now + self._service.patience.stall_timeout))

    def fail(self, bug: Exception) -> None:
        """End the talk by raising `bug` in `talk`."""
        if not self._done.done():
            self._done.set_exception(bug)

    def _over(self, outcome: Outcome) -> None:
        if not self._done.done():
            self._done.set_result(outcome)
