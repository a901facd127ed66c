"""One connection to a server, and the login that is said on it in the client's place.

A desk's service has become one that leads to this server (`Way`). So ears hear the talk from its greeting on as they
hear any other, and all that they do for a client's login is done for this one: it leaves in one flight, questions go
with it, the name is known. When the server has answered, the client takes its place (`go_on`), with the same ears.
"""

from __future__ import annotations

from collections.abc import Callable

from popover.errors import ServerFailure, SignInFailure
from popover.outside.reasons import explain_ending
from popover.outside.spare import Opened
from popover.protocols import DIALECTS, Terms
from popover.protocols.reception import ClientTLS, SignedIn
from popover.session.case import Case
from popover.session.dead_spare import DeadSpare
from popover.session.outcome import ANSWERED, Outcome
from popover.session.reach import Reach
from popover.session.relay import Relay
from popover.session.stand_in import StandIn
from popover.session.ways import Way
from popover.talk import End, Talk


class LetDown(ServerFailure):
    """The connection was dead, or died before it had heard this login: on another one it can be said once more."""


class SignIn:
    """One client's, on one connection. Whoever makes it calls `over` in the end."""

    __slots__ = ("_case", "_ears", "_is_doubtful", "_is_used", "_opened", "_reach", "_relay", "_rest", "_seat", "_way")

    def __init__(self, case: Case, reach: Reach, way: Way, opened: Opened) -> None:
        service = way.service
        self._case = case
        self._reach = reach
        self._way = way
        self._opened = opened
        self._seat = End(case.client.end.name)
        self._rest = b""  # what the server has said behind its answer
        self._is_used = False
        self._is_doubtful = False  # the first words on a connection that stood ready may have been a farewell
        tls: ClientTLS = "on" if case.sealing.version else "off"
        terms = Terms(service.ahead, case.address, tls, service.hide, service.bare_lf, at_desk=True)
        dialect = DIALECTS[service.dialect]
        self._ears = dialect.ears(self._seat, opened.dialled.stream.end, terms, way.memory)
        self._relay: Relay | None = None

    async def say(self, talk_of: Callable[[End], Talk[SignedIn]]) -> SignedIn:
        """Log in; what the server has answered. `talk_of`: makes the talk for an end. Raises LetDown, or another
        Failure.
        """
        case, me = self._case, End(self._seat.name)
        server = self._opened.dialled.stream
        stand_in = StandIn(self._seat, me, talk_of(me))
        relay = self._relay = Relay(case.loop, self._way.service.patience, stand_in, server, self._ears)
        relay.alarm = case.alarm
        relay.first_words.is_over = True

        def over() -> None:
            server.collect()  # what it says until the next talk stands in its inbox
            relay.conclude(ANSWERED)

        stand_in.on_over, relay.on_told = over, stand_in.hear
        is_first, self._is_used = not self._is_used, True
        watch: DeadSpare | None = None
        try:
            if is_first:
                watch = self._watch(relay)
                outcome = await relay.talk(self._opened.greeting, self._opened.ready or b"")
            else:
                stand_in.write(self._opened.greeting)  # a talk begins with one
                outcome = await relay.go_on()
        finally:
            stand_in.leave()
        let_down = watch is not None and watch.let_down(outcome, case.loop.time())
        if let_down:
            self._reach.warm.failed(self._way.service.target, self._opened)
        answer, self._rest = stand_in.answer, bytes(me.inbox)
        if answer is None or (self._is_doubtful and not answer.accepted):
            raise self._fault(stand_in, outcome, is_fresh=not (let_down or self._is_doubtful or not is_first))
        return answer

    def _watch(self, relay: Relay) -> DeadSpare | None:
        """Look whether a connection that stood ready is alive."""
        if self._opened.ready is None:
            return None
        warm, target = self._reach.warm, self._way.service.target

        def heard(is_so: bool) -> None:  # noqa: FBT001 - a verdict
            self._is_doubtful = not is_so
            warm.served(target, self._opened, was_alive=is_so)

        return DeadSpare(relay, DIALECTS[self._way.service.dialect].is_answer, heard)

    def _fault(self, stand_in: StandIn, outcome: Outcome, *, is_fresh: bool) -> Exception:
        """Say why there is no answer."""
        host, ending = self._way.service.server.host, self._opened.dialled.stream.ending
        if not is_fresh:
            return LetDown(f"{host} did not answer the login: the connection was dead")
        if stand_in.fault is not None:
            return stand_in.fault
        if outcome.failure is not None:
            return outcome.failure
        if ending is not None and ending.kind != "closed":
            return explain_ending(ending, host)
        return SignInFailure(f"{host} closed the connection during the login", "it may be overloaded; try again later")

    async def go_on(self) -> Outcome:
        """Let the client talk with the server, which has let it in. What it has said behind its login is heard."""
        case, client, seat = self._case, self._case.client, self._seat
        relay = self._relay = case.relay = Relay(
            case.loop, self._way.service.patience, client, self._opened.dialled.stream, self._ears
        )
        relay.alarm = case.alarm
        relay.on_left = case.on_left
        relay.first_words.is_over = True  # they were heard at the desk
        early, others = bytes(client.end.inbox), self._ears.spared  # which may be by a CAPA that no client has said
        seat.ended = client.end.ended
        seat.outbox[:0] = self._rest
        client.end = seat
        try:
            return await relay.go_on(early)
        finally:
            case.add_up(waits=not early, others=others)

    def over(self) -> bool:
        """Let the server go: the session is over, or the server has refused it. Whether somebody was logged in."""
        relay, ears = self._relay, self._ears
        ears.over(self._case.loop.time(), server_left=relay is not None and relay.server_left)
        self._opened.dialled.stream.leave()
        return ears.logged_in
