"""A session of a device (`Desk.device`): no login is asked, ours is said to the server, and the dialect's talk leads.

The server is reached when the device has said its first word, and not before: who only looks whether the port is open
costs it nothing. Where there is a queue, the talk goes on without a server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import datetime

from popover.config import Target
from popover.errors import Failure, MailRefused, OurFailure, SignInFailure
from popover.outside.spare import Opened
from popover.protocols import DIALECTS, for_devices
from popover.protocols.device import (
    Attendance,
    Check,
    DeviceTerms,
    Keep,
    Keeper,
    Reach,
    Wait,
    Want,
)
from popover.protocols.login import NotFound, Route, Unsure
from popover.protocols.reception import Wish
from popover.session import turned_away
from popover.session.arrival import log_in, meaning
from popover.session.case import Case
from popover.session.courier import Courier, Silent
from popover.session.outcome import Outcome
from popover.session.reach import Reach as Reaching
from popover.session.waiting import has_vanished
from popover.session.ways import Way, Ways
from popover.wire.stream import Stream


class ForDevice:
    """One device's way to the server of its service's account."""

    def __init__(self, case: Case, reach: Reaching, ways: Ways) -> None:
        self._case = case
        self._reach = reach
        self._ways = ways
        self._keeper = case.keeper
        self._challenge = ways.challenge()
        self._courier = Courier(case.loop, case.service.patience, case.client)
        self._courier.waits_for = self._waits_for
        self._route: Route | None = None
        self._why: Failure | None = None
        self._way: Way | None = None  # once the server has let us in
        self._server: Stream | None = None  # that was reached last
        self._is_free = False  # another talk may begin on its connection
        self._attendance: Attendance | None = None

    async def serve(self) -> Outcome:
        """Serve the device, in plain text, in TLS, or in the one after the other. Raises Failure."""
        case, silently = self._case, False
        if case.sealing.comes_first:
            await case.seal()
        await self._find()
        while True:
            self._courier.tls = case.sealing.terms
            attendance = self._attendance = for_devices().attend(case.client.end, self._terms())
            try:
                wish = await self._courier.run(attendance.talk(silently=silently), self._serve)
            except Silent as silent:
                return self._silent(silent)
            finally:
                case.bytes_in, case.bytes_out = self._courier.bytes_in, self._courier.bytes_out
            if wish is not Wish.TLS:
                return self._left(attendance)
            silently, self._is_free = True, attendance.leaves_server
            case.client.pause()
            await case.seal(behind_starttls=True)
            case.client.collect()

    def _waits_for(self) -> Wait:
        return Wait.COMMAND if self._attendance is None else self._attendance.waits_for

    def over(self) -> None:
        """The session is over."""
        if self._way is not None and self._ways.is_in_force:
            self._reach.warm.lead(self._way.service.target)
            self._reach.visited(*self._way)

    def _terms(self) -> DeviceTerms:
        service, route = self._case.service, self._route
        return DeviceTerms(
            service.rules,
            self._account,
            service.name,
            "the mail server" if route is None else route.targets[0].server.host,
            _now,
            self._case.sealing.terms,
            service.bare_lf == "normalize",
            route is not None and route.has_password,
            self._challenge,
            self._keeper,
        )

    @property
    def _account(self) -> str:
        accounts = self._case.service.desk.accounts
        return accounts[0] if isinstance(accounts, tuple) else ""

    # -- how it ends -----------------------------------------------------------------------------

    def _silent(self, silent: Silent) -> Outcome:
        if silent.end == "client stalled":
            return Outcome(silent.end, clean=False)
        words = DIALECTS[self._case.service.dialect].farewell("nothing was said for too long")
        self._case.bytes_out += len(words)
        self._case.client.write(words)
        return Outcome(silent.end, clean=True)

    def _left(self, attendance: Attendance) -> Outcome:
        failure, ending = attendance.failure, self._case.client.ending
        if failure is None and attendance.refusals:
            failure = MailRefused(attendance.refusals[-1], meaning(attendance.refusals[-1]))
        if failure is not None:
            return Outcome(failure.end, clean=True, failure=failure)
        if ending is None:
            return Outcome("client closed", clean=True)
        return Outcome(f"client {ending.kind}", clean=not has_vanished(ending))

    # -- what is wanted --------------------------------------------------------------------------

    def _serve(self, want: Want) -> Coroutine[None, None, None] | None:
        if isinstance(want, Reach):
            return self._have(want)
        if isinstance(want, Check):
            return self._check(want)
        if isinstance(want, Keep) and self._keeper is not None:
            return self._keep(want, self._keeper)
        return None

    async def _keep(self, want: Keep, keeper: Keeper) -> None:
        want.is_kept = await keeper.keep(want.draft, want.envelope)

    async def _find(self) -> None:
        """Learn where the account leads."""
        self._case.user = turned_away.shown(self._account)
        found = await self._ways.finder.find(self._case.visit(None))
        if isinstance(found, Route):
            self._route = found
            self._case.user = turned_away.shown(found.name)
        elif isinstance(found, Unsure):
            self._why = SignInFailure(found.cause, found.remedy, needs_person=found.needs_person)
        else:
            self._why = OurFailure("this gateway does not know the device's account", found.why)

    async def _have(self, want: Reach) -> None:
        """Have a server, signed in."""
        server, is_free = self._server, self._is_free
        self._is_free = False
        if server is None or not is_free or server.ending is not None or server.end.inbox:
            if server is not None:
                server.leave()
            try:
                server = self._server = await self._enter()
            except Failure as failure:
                self._case.let_go()
                want.failure = failure
                return
        want.server = self._courier.know(server)

    async def _enter(self) -> Stream:
        """Sign in at the first of the route's servers that can be had. Raises Failure: that of the first."""
        if self._route is None:
            raise self._why or OurFailure("this gateway does not know the device's account")
        failures: list[Failure] = []
        for target in self._route.targets:
            way = self._ways.to(target)
            try:
                server = await self._sign_in(self._route, way.service.target)
            except Failure as failure:
                failures.append(failure)
                self._route.tell(target, isinstance(failure, SignInFailure))
                self._case.note(f"{target.server} is passed over: {failure.cause}")
                self._case.let_go()
            else:
                self._route.tell(target, True)
                self._way, self._case.is_served = way, True
                self._case.saved += self._case.making
                if self._keeper is not None:
                    self._keeper.reached(self._account)
                return server
        raise failures[0] if failures else OurFailure("this account leads to no server", "its route names none")

    async def _sign_in(self, route: Route, target: Target) -> Stream:
        """Say the login on a connection that stands ready, or, where that was dead, on a new one. Raises Failure."""
        opened = await self._reach.take(target)
        if opened.ready is not None:
            try:
                return await self._log_in(route, target, opened)
            except SignInFailure as failure:
                if failure.needs_person:
                    raise
                opened.dialled.stream.leave()
                self._reach.warm.failed(target, opened)
                opened = await self._reach.open(target)
        return await self._log_in(route, target, opened)

    async def _log_in(self, route: Route, target: Target, opened: Opened) -> Stream:
        await log_in(route, target, opened, self._case.service.patience.login_timeout)
        if opened.ready is not None:
            self._reach.warm.served(target, opened, was_alive=True)
        return opened.dialled.stream

    async def _check(self, want: Check) -> None:
        """See whether a device that says a login says that of its account."""
        case, name = self._case, self._case.user
        case.user = turned_away.shown(want.login.user)
        found = await self._ways.finder.find(case.visit(want.login))
        if isinstance(found, Route):
            want.is_right = self._route is not None and found.name == self._route.name
        else:
            if isinstance(found, NotFound):
                want.is_right = False
            turned_away.by_finder(case, found)
            await asyncio.sleep(found.late)
        case.user = name


def _now() -> datetime:
    return datetime.now().astimezone()
