"""A session that leads to one server: dial, pass its greeting on, let the two talk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from popover.config import Target
from popover.inside.guard import mistaken_for
from popover.outside.spare import Opened
from popover.protocols import DIALECTS, Memory, Terms
from popover.session.before import Before
from popover.session.case import Case
from popover.session.dead_spare import DeadSpare
from popover.session.outcome import BEGIN_TLS, Outcome
from popover.session.reach import Dismissed, Reach
from popover.session.relay import Relay
from popover.session.waiting import has_vanished
from popover.wire.sockets import has_news


class Transparent:
    """One client's way to the one server of its service."""

    __slots__ = ("_case", "_greeted", "_memory", "_reach", "_told", "_was_heard")

    def __init__(self, case: Case, reach: Reach, memory: Memory) -> None:
        self._case = case
        self._reach = reach
        self._memory = memory
        self._greeted = b""  # what the client was greeted with
        self._was_heard = False  # the server of a connection that stood ready has said something
        self._told = 0  # octets that the client has got in the last talk, behind its greeting

    async def serve(self) -> Outcome:
        """Let the client talk with the server, in plain text, in TLS, or in the one after the other. Raises Failure."""
        case = self._case
        if case.sealing.comes_first:
            await case.seal()
        opened = await self._take()
        outcome = await self._talk(opened)
        while outcome is BEGIN_TLS or self._may_say_again(opened):
            if outcome is not BEGIN_TLS:
                opened, outcome = await self._say_again(opened)
                continue
            stays = self._may_go_on(opened)
            if not stays:
                opened.dialled.stream.leave()  # now: whoever is slow with its handshake costs the server nothing
            await case.seal(behind_starttls=True)
            if stays and has_news(opened.dialled.stream.sock):  # its end: a person was asked about a certificate
                opened.dialled.stream.leave()
                stays = False
            if not stays:
                self._was_heard = False
                opened = await self._take()
            outcome = await self._talk(opened, silently=True)
        return outcome

    def _may_say_again(self, opened: Opened) -> bool:
        """Whether the server of a connection that stood ready has left without an answer, by itself, and the client is
        there.
        """
        relay, ending = self._case.relay, self._case.client.ending
        if relay is None or opened.ready is None or (ending is not None and has_vanished(ending)):
            return False
        return relay.ears.unheard is not None and not opened.dialled.stream.finishing

    async def _say_again(self, opened: Opened) -> tuple[Opened, Outcome]:
        """Have a new connection, and say to it what the dead one has not heard. Raises Failure."""
        relay = self._case.relay
        said = (relay.ears.unheard if relay is not None else None) or b""
        opened.dialled.stream.leave()
        fresh = await self._have(self._reach.open)
        return fresh, await self._talk(fresh, before=Before(said, self._told, opened.ready or b""))

    def over(self) -> None:
        """The session is over."""
        if self._case.relay is not None and self._case.relay.ears.logged_in:
            self._reach.visited(self._case.service, self._memory)

    def _may_go_on(self, opened: Opened) -> bool:
        """Whether another talk may begin on the server's connection: it has heard nothing of this client."""
        relay = self._case.relay
        return relay is not None and not relay.ears.has_spoken and opened.dialled.stream.ending is None

    async def _take(self) -> Opened:
        """Have a server."""
        return await self._have(self._reach.take)

    async def _have(self, reach: Callable[[Target], Awaitable[Opened]]) -> Opened:
        """Reach the server so. One that greets with a refusal has said it all."""
        try:
            return await reach(self._case.service.target)
        except Dismissed as dismissed:
            self._case.client.write(dismissed.words)
            raise

    async def _talk(self, opened: Opened, *, silently: bool = False, before: Before | None = None) -> Outcome:
        """Let the two talk, and remember what it taught. `silently`: the client has had its greeting before; `before`:
        and has said something, to a server that has not heard it.
        """
        case, warm = self._case, self._reach.warm
        service, client, server, sealing = case.service, case.client, opened.dialled.stream, case.sealing
        has_waited = opened.ready is not None and not self._was_heard
        terms = Terms(
            service.ahead, case.address, sealing.terms, service.hide, service.bare_lf, self._greeted,
            has_waited=has_waited,
        )  # fmt: skip
        self._greeted = self._greeted or opened.greeting
        dialect = DIALECTS[service.dialect]
        ears = dialect.ears(client.end, server.end, terms, self._memory)
        relay = case.relay = Relay(case.loop, service.patience, client, server, ears, sealing.spent)
        relay.on_left = case.on_left
        relay.first_words.judge = partial(mistaken_for, tls=terms.tls)
        watch: DeadSpare | None = None
        if has_waited:
            watch = DeadSpare(
                relay, dialect.is_answer, lambda is_so: warm.served(service.target, opened, was_alive=is_so)
            )
        since, server_left = case.loop.time(), False
        try:
            if before is None:
                outcome = await relay.talk(opened.greeting, opened.ready or b"", silently=silently)
            elif before.say_to(ears, opened, client.end, server.end, case.loop.time()):
                outcome = await relay.go_on()
            else:
                outcome = Outcome("server closed", clean=True)
            server_left = relay.server_left
            if watch is not None and (self._may_say_again(opened) or watch.let_down(outcome, case.loop.time())):
                warm.failed(service.target, opened)
                server_left = False  # what is dead has not heard what it was asked
        finally:
            ears.over(case.loop.time(), server_left=server_left)
            self._told = relay.bytes_out - (0 if silently else len(opened.greeting))
            case.add_up(waits=before is None)
        sealing.spent += case.loop.time() - since
        if outcome is BEGIN_TLS:
            client.collect()
            self._was_heard = watch is None or watch.has_spoken
        return outcome
