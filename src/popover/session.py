"""The life of one client: admit, dial, open, let the two talk; and say why when it can't be.

`Session.run` calls; it never decides. What fails before the server's greeting becomes one line in the
client's dialect and a clean close; after it, the talk ends as `relay.Outcome` says.
"""

from __future__ import annotations

import asyncio
import traceback
from typing import Literal, TypeVar

from popover.config import Service, host_port
from popover.dial import Dialled, Dialler
from popover.errors import Failure, OurFailure, ServerFailure
from popover.log import Log
from popover.protocols import DIALECTS, Greeting
from popover.reasons import explain_ending
from popover.relay import LINGER, Outcome, Relay
from popover.stream import Stream
from popover.talk import End, More, Talk, Want

T = TypeVar("T")


async def converse(talk: Talk[T], streams: dict[End, Stream]) -> T:
    """Drive a conversation: serve each want of the dry floor with the streams of the wet one."""
    want: Want | None = None
    try:
        while True:
            want = talk.send(None)
            for end, stream in streams.items():
                if end.outbox:
                    stream.write(end.outbox)
                    end.outbox.clear()
            if isinstance(want, More):
                await streams[want.end].more()
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]


class Session:
    """One client connection and, once dialled, its server connection. `run` never raises."""

    __slots__ = ("_log", "_loop", "address", "client", "dialled", "id", "relay", "service", "since")

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
        self.relay: Relay | None = None
        self.since = loop.time()
        self._loop = loop
        self._log = log

    async def run(self, dialler: Dialler) -> None:
        """Serve the client to its end, and log one line about it."""
        try:
            self.dialled = await dialler.dial(self.service)
            greeting = await self._open_up(self.dialled)
            self.relay = Relay(self._loop, self.service, self.client, self.dialled.stream)
            outcome = await self.relay.talk(greeting)
        except Failure as failure:
            outcome = Outcome(failure.end, clean=True, failure=failure)
        except asyncio.CancelledError:
            outcome = Outcome("gateway stopped", clean=False)
        except Exception as bug:  # noqa: BLE001 - whatever it is, it ends this session and no other
            outcome = self._our_fault(bug)
        await self._end(outcome)

    async def _open_up(self, dialled: Dialled) -> bytes:
        """Read the greeting, and what came with it. A server that greets with a refusal has said it all."""
        stream, service = dialled.stream, self.service
        try:
            async with asyncio.timeout(service.greeting_timeout):
                greeting: Greeting = await converse(
                    DIALECTS[service.server.dialect].open_up(stream.end), {stream.end: stream}
                )
        except TimeoutError:
            raise ServerFailure(
                f"{service.server.host} did not greet within {service.greeting_timeout:g} seconds (timeout)",
                f"is it {service.server} that answers there? it may be overloaded",
            ) from None
        except ServerFailure:
            if stream.ending is not None and stream.ending.kind != "closed":
                raise explain_ending(stream.ending, service.server.host) from None
            raise
        dialled.verifier.keep(service.server.host, service.server.port, dialled.tls)
        if not greeting.welcome:
            self.client.write(greeting.words)
            raise _Dismissed(f"{service.server.host} refused: {greeting.words.decode().strip()}")
        words = greeting.words + bytes(stream.end.inbox)
        stream.end.inbox.clear()
        return words

    def _our_fault(self, bug: Exception) -> Outcome:
        where = "".join(traceback.format_tb(bug.__traceback__)[-3:])  # no locals: they may hold secrets
        failure = OurFailure(
            "the gateway failed on this connection, please try again",
            f"this is a bug of popover, please report it: {type(bug).__name__} at {where}",
        )
        return Outcome(failure.end, clean=self.relay is None, failure=failure)

    async def _end(self, outcome: Outcome) -> None:
        """Close both sides as the outcome wants it, and log it."""
        if self.dialled is not None:
            self.dialled.stream.leave()
        self._log_end(outcome)
        if outcome.failure is not None and self._may_speak(outcome.failure):
            self.client.write(DIALECTS[self.service.server.dialect].farewell(outcome.failure.cause))
        try:
            if outcome.clean:
                await self.client.finish(LINGER)
            else:
                self.client.reset()
        finally:
            self.client.close()

    def _may_speak(self, failure: Failure) -> bool:
        """A line of ours belongs where the greeting would be; later only to who speaks no mail at all."""
        if isinstance(failure, _Dismissed):
            return False
        return self.relay is None or (self.relay.bytes_in == 0 and failure.end == "misdialled")

    def _log_end(self, outcome: Outcome) -> None:
        relay, dialled, failure = self.relay, self.dialled, outcome.failure
        fields: dict[str, str | int | float | bool | None] = {
            "id": self.id,
            "service": self.service.name,
            "client": self.address,
            "server": host_port(*dialled.address) if dialled else str(self.service.server),
            "tls": dialled.tls.version() if dialled else None,
            "cipher": (dialled.tls.cipher() or ("",))[0] if dialled else None,
            "resumed": dialled.tls.session_reused if dialled else None,
            "bytes_in": relay.bytes_in if relay else 0,
            "bytes_out": relay.bytes_out if relay else 0,
            "seconds": round(self._loop.time() - self.since, 3),
            "end": outcome.end,
        }
        if failure is not None:
            fields |= {"cause": failure.cause, "remedy": failure.remedy}
        level: Literal["warning", "info"] = "info" if failure is None else "warning"
        self._log.event(level, "session", _sentence(fields), **fields)


class _Dismissed(ServerFailure):
    """The server greeted with a refusal, and the client has got it."""

    end = "server refused"


def _sentence(fields: dict[str, str | int | float | bool | None]) -> str:
    """The line for people, from the fields."""
    how = f"{fields['tls']} {fields['cipher']}{' resumed' if fields['resumed'] else ''}, " if fields["tls"] else ""
    line = (
        f"{fields['client']} -> {fields['server']}, {how}{fields['bytes_in']} in, {fields['bytes_out']} out, "
        f"{fields['seconds']} s, {fields['end']}"
    )
    if "cause" in fields:
        line += f": {fields['cause']}; {fields['remedy']}" if fields["remedy"] else f": {fields['cause']}"
    return line
