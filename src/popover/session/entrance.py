"""From a route to a server that has let the client in: which of the route's servers, which connection, which
credentials.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from popover.config import Target
from popover.errors import Failure, OurFailure, ServerFailure
from popover.outside.spare import Opened
from popover.protocols.login import Credentials, Route
from popover.protocols.reception import Reception, SignedIn
from popover.session.case import Case
from popover.session.outcome import Outcome
from popover.session.reach import Reach
from popover.session.sign_in import LetDown, SignIn
from popover.session.ways import Way, Ways


class Entrance:
    """One login's. Whoever makes it calls `over` in the end."""

    __slots__ = ("_case", "_reach", "_reception", "_route", "_said", "_sign_in", "_way", "_ways")

    def __init__(self, case: Case, reach: Reach, ways: Ways, route: Route, reception: Reception) -> None:
        self._case = case
        self._reach = reach
        self._ways = ways
        self._route = route
        self._reception = reception
        self._said: Credentials | None = None
        self._sign_in: SignIn | None = None
        self._way: Way | None = None

    async def sign_in(self) -> SignedIn:
        """Log in at the first of the route's servers that can be had; what it has answered. Where it refuses, and there
        are other credentials, once more with them, on the same connection. Raises Failure.
        """
        credentials = await self._route.fetch(False)
        if credentials is None:
            raise OurFailure("the gateway has nothing to say to the server for this login", "the route gives nothing")
        way, answer = await self._say_to_the_first(credentials)
        if answer.accepted:
            return answer
        other = await self._route.fetch(True)
        return answer if other is None else await self._say(way, other)

    async def _say_to_the_first(self, credentials: Credentials) -> tuple[Way, SignedIn]:
        """Log in at the first server that answers. Raises Failure: that of the first, which is meant to be there."""
        failures: list[Failure] = []
        for target in self._route.targets:
            way = self._ways.to(target)
            try:
                return way, await self._say(way, credentials)
            except Failure as failure:
                failures.append(failure)
                self._case.note(f"{target.server} is passed over: {failure.cause}")
                self.over()
        raise failures[0] if failures else ServerFailure("this login leads to no server", "its route names none")

    async def _say(self, way: Way, credentials: Credentials) -> SignedIn:
        """Log in on the connection there is, or on one that stands ready; if that was dead, on a new one. Raises
        Failure.
        """
        if self._sign_in is None:
            self._sign_in = await self._enter(way, self._reach.take)
        try:
            return await self._say_it(self._sign_in, way, credentials)
        except LetDown:
            self.over()
        self._sign_in = await self._enter(way, self._reach.open)
        return await self._say_it(self._sign_in, way, credentials)

    async def _enter(self, way: Way, have: Callable[[Target], Awaitable[Opened]]) -> SignIn:
        """Have a connection, and tell the route whether there was one to be had. Raises Failure."""
        target = way.service.target
        try:
            opened = await have(target)
        except Failure:
            self._route.tell(target, False)
            raise
        self._route.tell(target, True)
        self._way = way
        return SignIn(self._case, self._reach, way, opened)

    async def _say_it(self, sign_in: SignIn, way: Way, credentials: Credentials) -> SignedIn:
        server, self._said = way.service.server, credentials
        if self._case.spy is not None:
            self._case.note(f"signing in at {server} as {credentials.user}")
        return await sign_in.say(lambda me: self._reception.sign_in(me, credentials, server))

    @property
    def said_ours(self) -> bool:
        """Whether the server was told a secret of ours, and not what the client itself has said."""
        return self._said is not None and self._said.is_ours

    async def go_on(self) -> Outcome:
        """Let the client talk with the server that has let it in."""
        assert self._sign_in is not None  # noqa: S101 - it has
        self._said = None  # nobody needs it any more
        return await self._sign_in.go_on()

    def over(self) -> None:
        """Let the server go."""
        if self._sign_in is None or self._way is None:
            return
        was_let_in = self._sign_in.over()
        self._sign_in = None
        if was_let_in and self._ways.is_in_force:
            self._reach.warm.lead(self._way.service.target)
            self._reach.visited(*self._way)
