"""The life of one client: shake hands, dial, open, let the two talk; and say why when it can't be.

`Session.run` calls; it never decides. What fails before the server's greeting becomes one line in the
client's dialect and a clean close; after it, the talk ends as `Outcome` says.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from functools import partial
from typing import Literal

from popover.config import Service, host_port
from popover.errors import Failure, HandshakeFailure, OurFailure, ServerFailure
from popover.inside.guard import mistaken_for
from popover.inside.handshake import Left
from popover.inside.identity import Identity
from popover.inside.proxied import ends_of
from popover.log import Log
from popover.outside.dial import Dialled, Dialler
from popover.outside.opening import open_up
from popover.outside.spare import Opened
from popover.outside.warm import Warm
from popover.protocols import DIALECTS, Memory, Terms
from popover.protocols.proxy_header import Reader
from popover.session.dead_spare import DeadSpare
from popover.session.outcome import BEGIN_TLS, Outcome
from popover.session.relay import Relay
from popover.session.sealing import Sealing
from popover.session.trace import Spy
from popover.session.waiting import LINGER
from popover.wire.outgoing import nothing
from popover.wire.stream import Stream


class Session:
    """One client connection and, once dialled, its server connection. `run` never raises.

    `header`: its balancer's word for where it comes from. `on_left`: called once the client has had its goodbye, while
    the server is yet to be told. `amend`: may change how the outcome is told before it is; `outcome`: what it was, once
    it is over.
    """

    __slots__ = (
        "_dialect", "_greeted", "_log", "_loop", "_sealing", "_spy", "_was_heard", "address", "amend", "bytes_in",
        "bytes_out", "client", "dialled", "header", "id", "is_warm", "on_left", "outcome", "relay", "service", "since",
    )  # fmt: skip

    def __init__(
        self, loop: asyncio.AbstractEventLoop, log: Log, service: Service, client: Stream, address: str, number: int
    ) -> None:  # fmt: skip
        self.service = service
        self.client = client
        self.address = address
        self.id = f"{number:x}"
        self.header: Reader | None = None
        self.dialled: Dialled | None = None
        self.is_warm = False
        self.relay: Relay | None = None
        self.since = loop.time()
        self.bytes_in = self.bytes_out = 0  # of the talks that are over
        self._greeted = b""  # what the client was greeted with
        self._was_heard = False  # the server of a connection that stood ready has said something
        self._sealing = Sealing(service, client, None)
        self.on_left: Callable[[], None] = nothing
        self.amend: Callable[[Outcome], Outcome] = _as_it_is
        self.outcome: Outcome | None = None
        self._loop = loop
        self._log = log
        self._spy = Spy(log, service, self.id) if service.trace else None
        self._dialect = DIALECTS[service.server.dialect]
        client.spy = self._spy

    async def run(self, dialler: Dialler, memory: Memory, warm: Warm, identity: Identity | None = None) -> None:
        """Serve the client to its end, and log one line about it. `identity`: what to show a client that speaks TLS."""
        self._sealing = Sealing(self.service, self.client, identity)
        self._note(f"{self.address} connected")
        try:
            outcome = await self._serve(dialler, memory, warm)
        except Left as gone:
            outcome = Outcome(gone.end, clean=True)
        except Failure as failure:
            outcome = Outcome(failure.end, clean=True, failure=failure, may_be_told=not isinstance(failure, _UNTOLD))
        except asyncio.CancelledError:
            outcome = Outcome("gateway stopped", clean=False)
        except Exception as bug:  # noqa: BLE001 - whatever it is, it ends this session and no other
            outcome = self._our_fault(bug)
        if self.relay is not None and self.relay.ears.logged_in:
            self._tell_of_visit(memory, warm)
        await self._end(outcome)

    def _tell_of_visit(self, memory: Memory, warm: Warm) -> None:
        """A client was here and logged in: it may come again, and find a connection that stands ready."""
        target, ahead, dialect = self.service.target, self.service.ahead, self._dialect
        # With a header that names the client, nobody knows yet for whom the next connection will be.
        most = ahead.warm if dialect.CAN_WAIT and not target.proxy_to_server else 0
        is_curious = dialect.CAN_WAIT and memory.is_curious and ahead.wants_to_know
        warm.visited(target, self.since, most, partial(dialect.get_ready, memory=memory), is_curious=is_curious)

    @property
    def octets(self) -> tuple[int, int]:
        """From and to the client, up to now."""
        if self.relay is None:
            return self.bytes_in, self.bytes_out
        return self.bytes_in + self.relay.bytes_in, self.bytes_out + self.relay.bytes_out

    async def _serve(self, dialler: Dialler, memory: Memory, warm: Warm) -> Outcome:
        """Let the client talk with the server, in plain text, in TLS, or in the one after the other."""
        if self._sealing.comes_first:
            await self._seal()
        opened = await self._take(dialler, warm)
        outcome = await self._talk(opened, memory, warm)
        while outcome is BEGIN_TLS:
            stays = self._may_go_on(opened)
            if not stays:
                opened.dialled.stream.leave()  # now: whoever is slow with its handshake costs the server nothing
            await self._seal(behind_starttls=True)
            if stays and opened.dialled.stream.has_news:  # most likely its end: a person was asked about a certificate
                opened.dialled.stream.leave()
                stays = False
            if not stays:
                self._was_heard = False
                opened = await self._take(dialler, warm)
            outcome = await self._talk(opened, memory, warm, silently=True)
        return outcome

    async def _seal(self, *, behind_starttls: bool = False) -> None:
        await self._sealing.begin(behind_starttls=behind_starttls)
        self._note(f"{self.address} speaks {self._sealing.version} {self._sealing.cipher}")

    def _may_go_on(self, opened: Opened) -> bool:
        """Whether another talk may begin on the server's connection: it has heard nothing of this client."""
        return self.relay is not None and not self.relay.ears.has_spoken and opened.dialled.stream.ending is None

    def _note(self, text: str) -> None:
        if self._spy is not None:
            self._spy.note(text)

    async def _take(self, dialler: Dialler, warm: Warm) -> Opened:
        opened = warm.take(self.service.target) or await self._open(dialler)
        self._note(_connected(opened, self._loop.time() - self.since))
        return opened

    async def _open(self, dialler: Dialler) -> Opened:
        """Dial and read the greeting, and what came with it. A server that greets with a refusal has said it all."""
        target = self.service.target
        client = ends_of(self.client.sock, self.header) if target.proxy_to_server else None
        self.dialled = await dialler.dial(target, client=client)
        stream = self.dialled.stream
        greeting = await open_up(target, self.dialled)
        if not greeting.welcome:
            self.client.write(greeting.words)
            raise _Dismissed(f"{target.server.host} refused: {greeting.words.decode().strip()}")
        words = greeting.words + bytes(stream.end.inbox)
        stream.end.inbox.clear()
        return Opened(self.dialled, words)

    async def _talk(self, opened: Opened, memory: Memory, warm: Warm, *, silently: bool = False) -> Outcome:
        """Let the two talk, and remember what it taught. `silently`: the client has had its greeting before."""
        self.dialled = opened.dialled
        self.is_warm = opened.ready is not None
        service, server, sealing = self.service, opened.dialled.stream, self._sealing
        terms = Terms(service.ahead, self.address, sealing.terms, service.hide, service.bare_lf, self._greeted)
        self._greeted = self._greeted or opened.greeting
        ears = self._dialect.ears(self.client.end, server.end, terms, memory)
        relay = self.relay = Relay(self._loop, service.patience, self.client, server, ears, sealing.spent)
        relay.on_left = self.on_left
        relay.judge = partial(mistaken_for, tls=terms.tls)
        watch: DeadSpare | None = None
        if opened.ready is not None and not self._was_heard:
            watch = DeadSpare(
                relay, self._dialect.is_answer, lambda is_so: warm.served(service.target, opened, was_alive=is_so)
            )
        since, server_left = self._loop.time(), False
        try:
            outcome = await relay.talk(opened.greeting, opened.ready or b"", silently=silently)
            server_left = relay.server_left
            if watch is not None and watch.let_down(outcome, self._loop.time()):
                warm.failed(service.target, opened)
                server_left = False  # what is dead has not heard what it was asked
        finally:
            ears.over(self._loop.time(), server_left=server_left)
            self.bytes_in, self.bytes_out = self.octets
            relay.bytes_in = relay.bytes_out = 0
        if outcome is BEGIN_TLS:
            self.client.collect()
            self._was_heard = watch is None or watch.has_spoken
            sealing.spent += self._loop.time() - since
        return outcome

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
        self.outcome = outcome = self.amend(outcome)
        self._log_end(outcome)
        if outcome.failure is not None and outcome.may_be_told:
            self.client.write(self._dialect.farewell(outcome.failure.cause))
        try:
            if outcome.clean:
                await self.client.finish(LINGER)
            else:
                self.client.reset()
        finally:
            self.client.close()

    def _log_end(self, outcome: Outcome) -> None:
        relay, dialled, failure, sealing = self.relay, self.dialled, outcome.failure, self._sealing
        fields: dict[str, str | int | float | bool | None] = {
            "id": self.id,
            "service": self.service.name,
            "client": self.address,
            "server": host_port(*dialled.address) if dialled else str(self.service.server),
            "tls": dialled.tls.version if dialled else None,
            "cipher": dialled.tls.cipher if dialled else None,
            "resumed": dialled.tls.resumed if dialled else None,
            "warm": self.is_warm,
            "client_tls": sealing.version or None,
            "client_cipher": sealing.cipher or None,
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "seconds": round(self._loop.time() - self.since, 3),
            "end": outcome.end,
        }
        if relay is not None and relay.ears.user:
            fields["user"] = relay.ears.user
        if failure is not None:
            fields |= {"cause": failure.cause, "remedy": failure.remedy}
        level: Literal["warning", "info"] = "info" if failure is None else "warning"
        self._log.event(level, "session", _sentence(fields), **fields)


def _as_it_is(outcome: Outcome) -> Outcome:
    return outcome


def _connected(opened: Opened, seconds: float) -> str:
    """Say how the server was reached, for the trace."""
    dialled = opened.dialled
    how = "a connection that was ready" if opened.ready is not None else "a new connection"
    return f"{host_port(*dialled.address)} has greeted after {seconds * 1000:.0f} ms: {how}, {dialled.tls.version}"


class _Dismissed(ServerFailure):
    """The server greeted with a refusal, and the client has got it."""

    end = "server refused"


_UNTOLD = (_Dismissed, HandshakeFailure)  # the server's own words were passed on; there is nothing to say it in


def _sentence(fields: dict[str, str | int | float | bool | None]) -> str:
    """The line for people, from the fields."""
    how = f"{fields['tls']} {fields['cipher']}{' resumed' if fields['resumed'] else ''}, " if fields["tls"] else ""
    where = f"{fields['server']} as {fields['user']}" if "user" in fields else fields["server"]
    if fields["warm"]:
        how = f"warm, {how}"
    by = f" ({fields['client_tls']} {fields['client_cipher']})" if fields["client_tls"] else ""
    line = (
        f"{fields['client']}{by} -> {where}, {how}{fields['bytes_in']} in, {fields['bytes_out']} out, "
        f"{fields['seconds']} s, {fields['end']}"
    )
    if "cause" in fields:
        line += f": {fields['cause']}; {fields['remedy']}" if fields["remedy"] else f": {fields['cause']}"
    return line
