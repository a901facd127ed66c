"""A session that asks who its client is before it knows the server (`Service.desk`).

greet -> ask -> a finder says where the login leads -> a server -> sign in there -> let the two talk

What goes wrong on the way is told as our own trouble, never as a failed login, and the client may try again; what the
server itself says to the login reaches the client in its words, as a failed login if the client has said it itself.
`login_timeout` counts over the whole of it.
"""

from __future__ import annotations

import asyncio

from popover.errors import Failure
from popover.protocols import DIALECTS
from popover.protocols.login import Login, NotFound, Route
from popover.protocols.reception import Offer, Reception, SignedIn, Wish
from popover.session import turned_away
from popover.session.asking import Asking
from popover.session.case import Case
from popover.session.entrance import Entrance
from popover.session.limit import Limit
from popover.session.outcome import Outcome
from popover.session.reach import Reach
from popover.session.vanished import UnlessVanished, Vanished
from popover.session.waiting import has_vanished
from popover.session.ways import Ways


class AtDesk:
    """One client's way over the desk of its service."""

    __slots__ = ("_asking", "_case", "_challenge", "_entrance", "_reach", "_ways")

    def __init__(self, case: Case, reach: Reach, ways: Ways) -> None:
        self._case = case
        self._reach = reach
        self._ways = ways
        self._challenge = ways.challenge()  # one for all of it: APOP behind STLS has the greeting's stamp
        self._asking = Asking(case)
        self._entrance: Entrance | None = None

    async def serve(self) -> Outcome:
        """Learn who the client is, and let it talk with its server. Raises Failure."""
        case = self._case
        try:
            with Limit(case.alarm, case.since + case.service.patience.login_timeout) as limit:
                over = await self._admit(limit)
        except TimeoutError:
            return self._overdue()
        except Vanished as vanished:
            return Outcome(f"client {vanished.kind}", clean=False)
        if over is None and self._entrance is not None:
            return await self._entrance.go_on()
        return over or self._left()

    def over(self) -> None:
        """The session is over."""
        self._case.alarm.cancel()
        if self._entrance is not None:
            self._entrance.over()

    # -- the client ------------------------------------------------------------------------------

    async def _admit(self, limit: Limit) -> Outcome | None:
        """Talk with the client until a server has let it in; or give how it ended without. Raises Failure, Vanished."""
        case = self._case
        if case.sealing.comes_first:
            await self._seal(limit)
        reception = self._reception()
        reception.greet()
        while True:
            came = await self._asking.ask(reception.ask())
            if came is Wish.TLS:
                case.sealing.spent = case.loop.time() - case.since
                await self._seal(limit, behind_starttls=True)
                reception = self._reception()
            elif isinstance(came, Wish):
                return self._left()
            elif await self._let_in(reception, came):
                return None

    async def _seal(self, limit: Limit, *, behind_starttls: bool = False) -> None:
        """Begin TLS. The handshake keeps to the limit by itself: words of ours in the midst of it would only be taken
        for broken TLS. Raises Failure.
        """
        limit.hold()
        await self._case.seal(behind_starttls=behind_starttls)
        limit.go_on()

    def _reception(self) -> Reception:
        service, sealing = self._case.service, self._case.sealing
        offer = Offer(sealing.terms, service.hide, self._challenge)
        return DIALECTS[service.dialect].reception(self._case.client.end, offer)

    # -- where its login leads -------------------------------------------------------------------

    async def _let_in(self, reception: Reception, login: Login) -> bool:
        """Find out where a login leads, and sign in there; whether the server has let it in. Raises Vanished."""
        case = self._case
        case.user = turned_away.shown(login.user)
        since = case.loop.time()
        try:
            with UnlessVanished(case.client):
                found = await self._ways.finder.find(case.visit(login))
                if isinstance(found, Route):
                    case.user = turned_away.shown(found.name)
                    return await self._enter(reception, found, since)
                turned_away.by_finder(case, found)
                await asyncio.sleep(found.late)
            if isinstance(found, NotFound):
                reception.refuse()
            else:
                reception.delay(found.cause, needs_person=found.needs_person)
        except Failure as failure:
            turned_away.undecided(case, failure)
            reception.delay(failure.cause, needs_person=failure.needs_person)
        finally:
            self._asking.say()
        return False

    async def _enter(self, reception: Reception, route: Route, since: float) -> bool:
        """Sign in where the route leads. `since`: when the client has said its login. Raises Failure."""
        entrance = self._entrance = Entrance(self._case, self._reach, self._ways, route, reception)
        answer: SignedIn | None = None
        try:
            answer = await entrance.sign_in()
            if not answer.accepted:
                turned_away.by_server(self._case, answer, is_own=not entrance.said_ours)
                if not entrance.said_ours:
                    route.refused(self._case.loop.time() - since)
            reception.admit(answer)
        finally:
            if answer is None or not answer.accepted:
                self._entrance = None
                entrance.over()
        return answer.accepted

    # -- without a server ------------------------------------------------------------------------

    def _left(self) -> Outcome:
        """The client has left, or was sent away, before a server has let it in."""
        ending = self._case.client.ending
        if ending is None:
            return Outcome("no login", clean=True)
        return Outcome(f"client {ending.kind}", clean=not has_vanished(ending))

    def _overdue(self) -> Outcome:
        """The client, or whoever works for it, has taken too long."""
        case = self._case
        seconds = case.service.patience.login_timeout
        words = DIALECTS[case.service.dialect].farewell(f"there was no login within {seconds:g} seconds")
        case.bytes_out += len(words)
        case.client.write(words)
        return Outcome("login timeout", clean=True)
