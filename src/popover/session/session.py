"""The life of one client: admit, dial, open, let the two talk; and say why when it can't be.

`Session.run` calls; it never decides. What fails before the server's greeting becomes one line in the
client's dialect and a clean close; after it, the talk ends as `relay.Outcome` says.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from functools import partial
from typing import Literal

from popover.config import Service, host_port
from popover.errors import Failure, OurFailure, ServerFailure
from popover.log import Log
from popover.outside.dial import Dialled, Dialler
from popover.outside.opening import converse, open_up
from popover.outside.spare import FIRST_WORD, Opened
from popover.outside.warm import Warm
from popover.protocols import DIALECTS
from popover.session.attentive import Attentive
from popover.session.relay import LINGER, Outcome, Relay
from popover.session.trace import Spy
from popover.wire.stream import Stream

__all__ = ["Session", "converse"]


class Session:
    """One client connection and, once dialled, its server connection. `run` never raises."""

    __slots__ = ("_log", "_loop", "_spy", "address", "client", "dialled", "id", "is_warm", "relay", "service", "since")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        log: Log,
        service: Service,
        client: Stream,
        address: str,
        number: int,
    ) -> None:
        self.service = service
        self.client = client
        self.address = address
        self.id = f"{number:x}"
        self.dialled: Dialled | None = None
        self.is_warm = False
        self.relay: Relay | None = None
        self.since = loop.time()
        self._loop = loop
        self._log = log
        self._spy = Spy(log, service, self.id) if service.trace else None
        client.spy = self._spy

    async def run(self, dialler: Dialler, warm: Warm | None = None) -> None:
        """Serve the client to its end, and log one line about it."""
        warm = warm or Warm(self._loop, dialler, has_room=lambda: False)
        if self._spy is not None:
            self._spy.note(f"{self.address} connected")
        try:
            opened = warm.take(self.service.target) or await self._open(dialler)
            self.relay = self._relay(opened, warm)
            outcome = await self.relay.talk(opened.greeting)
            if isinstance(self.relay, _OnSpare) and self.relay.was_dead(outcome):
                warm.failed(self.service.target, opened)
        except Failure as failure:
            told = isinstance(failure, _Dismissed)  # in the server's own words
            outcome = Outcome(failure.end, clean=True, failure=failure, may_be_told=not told)
        except asyncio.CancelledError:
            outcome = Outcome("gateway stopped", clean=False)
        except Exception as bug:  # noqa: BLE001 - whatever it is, it ends this session and no other
            outcome = self._our_fault(bug)
        if isinstance(self.relay, Attentive) and self.relay.dry.logged_in:
            warm.visited(self.service.target, self.since, self.service.ahead.warm)
        await self._end(outcome)

    async def _open(self, dialler: Dialler) -> Opened:
        """Dial and read the greeting, and what came with it. A server that greets with a refusal has said it all."""
        self.dialled = await dialler.dial(self.service.target)
        stream = self.dialled.stream
        greeting = await open_up(self.service.target, self.dialled)
        if not greeting.welcome:
            self.client.write(greeting.words)
            raise _Dismissed(f"{self.service.server.host} refused: {greeting.words.decode().strip()}")
        words = greeting.words + bytes(stream.end.inbox)
        stream.end.inbox.clear()
        return Opened(self.dialled, words)

    def _relay(self, opened: Opened, warm: Warm) -> Relay:
        """Let the dialect listen where it can; a server that says more than its greeting unasked is no POP3."""
        self.dialled = opened.dialled
        self.is_warm = bool(opened.capa)
        if self._spy is not None:
            self._spy.note(_connected(opened, self._loop.time() - self.since))
        stream = opened.dialled.stream
        if self.service.server.dialect != "pop3" or opened.greeting.count(b"\n") != 1:
            return Relay(self._loop, self.service, self.client, stream)
        habits = warm.habits(self.service.target)
        if not self.is_warm:
            return Attentive(self._loop, self.service, self.client, stream, habits)
        relay = _OnSpare(self._loop, self.service, self.client, stream, habits, opened.capa)
        relay.on_first_words = partial(warm.served, self.service.target, opened)
        return relay

    def _our_fault(self, bug: Exception) -> Outcome:
        where = "".join(traceback.format_tb(bug.__traceback__)[-3:])  # no locals: they may hold secrets
        failure = OurFailure(
            "the gateway failed on this connection, please try again",
            f"this is a bug of popover, please report it: {type(bug).__name__} at {where}",
        )
        is_first = self.relay is None
        return Outcome(failure.end, clean=is_first, failure=failure, may_be_told=is_first)

    async def _end(self, outcome: Outcome) -> None:
        """Close both sides as the outcome wants it, and log it."""
        if self.dialled is not None:
            self.dialled.stream.leave()
        self._log_end(outcome)
        if outcome.failure is not None and outcome.may_be_told:
            self.client.write(DIALECTS[self.service.server.dialect].farewell(outcome.failure.cause))
        try:
            if outcome.clean:
                await self.client.finish(LINGER)
            else:
                self.client.reset()
        finally:
            self.client.close()

    def _log_end(self, outcome: Outcome) -> None:
        relay, dialled, failure = self.relay, self.dialled, outcome.failure
        fields: dict[str, str | int | float | bool | None] = {
            "id": self.id,
            "service": self.service.name,
            "client": self.address,
            "server": host_port(*dialled.address) if dialled else str(self.service.server),
            "tls": dialled.tls.version if dialled else None,
            "cipher": dialled.tls.cipher if dialled else None,
            "resumed": dialled.tls.resumed if dialled else None,
            "warm": self.is_warm,
            "bytes_in": relay.bytes_in if relay else 0,
            "bytes_out": relay.bytes_out if relay else 0,
            "seconds": round(self._loop.time() - self.since, 3),
            "end": outcome.end,
        }
        if isinstance(relay, Attentive) and relay.dry.user:
            fields["user"] = relay.dry.user
        if failure is not None:
            fields |= {"cause": failure.cause, "remedy": failure.remedy}
        level: Literal["warning", "info"] = "info" if failure is None else "warning"
        self._log.event(level, "session", _sentence(fields), **fields)


class _OnSpare(Attentive):
    """The talk on a connection that stood ready: it may have died unnoticed, and only the server's first words show
    that it has not. `on_first_words`: gets them, and is None from then on.
    """

    __slots__ = ("on_first_words",)
    on_first_words: Callable[[memoryview], None] | None

    def _from_server(self, data: memoryview) -> None:
        if self.on_first_words is not None:
            self.on_first_words(data)
            self.on_first_words = None
        super()._from_server(data)

    def _is_lost(self, outcome: Outcome) -> bool:
        return self.on_first_words is None and super()._is_lost(outcome)  # what is dead has not heard what was asked

    def was_dead(self, outcome: Outcome) -> bool:
        """Whether the client was let down: it said something, and the server not a word, until it ended or somebody
        had waited long enough. A client that left at once has shown nothing.
        """
        if self.on_first_words is not None:
            if self._server.ending is not None and not self._server.finishing:
                return self.bytes_in > 0
            if self.dry.is_owed:
                return outcome.end in _OVERDUE or self._loop.time() - self._client_spoke >= FIRST_WORD
        return False


_OVERDUE = ("login timeout", "idle timeout", "server stalled")


def _connected(opened: Opened, seconds: float) -> str:
    """Say how the server was reached, for the trace."""
    dialled = opened.dialled
    how = "a connection that was ready" if opened.capa else "a new connection"
    return f"{host_port(*dialled.address)} has greeted after {seconds * 1000:.0f} ms: {how}, {dialled.tls.version}"


class _Dismissed(ServerFailure):
    """The server greeted with a refusal, and the client has got it."""

    end = "server refused"


def _sentence(fields: dict[str, str | int | float | bool | None]) -> str:
    """The line for people, from the fields."""
    how = f"{fields['tls']} {fields['cipher']}{' resumed' if fields['resumed'] else ''}, " if fields["tls"] else ""
    where = f"{fields['server']} as {fields['user']}" if "user" in fields else fields["server"]
    if fields["warm"]:
        how = f"warm, {how}"
    line = (
        f"{fields['client']} -> {where}, {how}{fields['bytes_in']} in, {fields['bytes_out']} out, "
        f"{fields['seconds']} s, {fields['end']}"
    )
    if "cause" in fields:
        line += f": {fields['cause']}; {fields['remedy']}" if fields["remedy"] else f": {fields['cause']}"
    return line
