"""A service's finder: what its table says of a login, as a route, with the three answers kept apart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol

from popover.config import Server, Service, Target
from popover.config.words import quote
from popover.protocols.login import Credentials, Digest, Found, Login, NotFound, Route, Unsure, Visit
from popover.routing.answers import Entry, Failed, Missing
from popover.routing.held import Led, Note
from popover.routing.rested import Rested

_TRY_AGAIN = "where this mailbox is can not be looked up just now, please try again in a minute"


class Lookups(Protocol):
    """What a finder needs of all the tables."""

    rested: Rested
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]

    async def lead(self, name: str, said: str, password: bytes, visit: Visit, note: Note) -> Led:
        """Ask a table by name."""


class TableFinder:
    """Of one service. `find` never raises. What the client said is the password at the server, too, unless the table
    has another; a proof (APOP, CRAM-MD5) can't be passed on, so none is offered.
    """

    takes_digests = False

    def __init__(self, tables: Lookups, service: Service) -> None:
        self._tables = tables
        self._service = service

    async def find(self, visit: Visit) -> Found:
        """Look it up. An unknown name is refused as late as a server refuses a wrong password."""
        return await self.trace(visit, _nobody_listens)

    async def trace(self, visit: Visit, note: Note) -> Found:
        """Look it up, and `note` each step on the way."""
        try:
            return await self._find(visit, note)
        except Exception as bug:  # noqa: BLE001 - whatever it is, it is no wrong password
            return Unsure(_TRY_AGAIN, f"this is a bug of popover, please report it: {type(bug).__name__} in routing")

    async def _find(self, visit: Visit, note: Note) -> Found:
        began = self._tables.clock()
        login, name = visit.login, visit.table or self._service.desk.table
        if login is None or name is None:
            why = "a device says no name" if login is None else f"service {quote(self._service.name)} has no table"
            return Unsure(_TRY_AGAIN, why, needs_person=True)
        if isinstance(login.proof, Digest):
            return Unsure(
                "this service needs the password itself: set the mail program to plain password authentication",
                "APOP and CRAM-MD5 prove a password without telling it, and the server behind wants to be told",
                needs_person=True,
            )
        led = await self._tables.lead(name, login.user, login.proof.octets, visit, note)
        match led.answer:
            case Entry() as entry:
                return self._route(led, entry, login)
            case Failed(why):
                return Unsure(_TRY_AGAIN, f"table {quote(led.settings.name)}: {why}", needs_person=led.needs_person)
            case Missing(where):
                default = self._service.server
                if default.host:
                    note(f"service {quote(self._service.name)}: server: {default}, for all that are in no table")
                    return self._route(replace(led, servers=(default,)), Entry((str(default),)), login)
                await self._tables.sleep(max(0.0, began + led.settings.refuse_after - self._tables.clock()))
                return NotFound(f"{login.user!r} is not in {where}")

    def _route(self, led: Led, entry: Entry, login: Login) -> Route:
        settings, rested = led.settings, self._tables.rested
        user = led.spoken.login if entry.user is None else entry.user
        octets = login.proof.octets if not isinstance(login.proof, Digest) else b""
        credentials = Credentials(user, octets if entry.password is None else entry.password)
        in_order = rested.in_order(led.servers, in_turn=settings.balance == "round_robin")
        targets = tuple(self._target(server) for server in in_order)

        async def fetch(again: bool) -> Credentials | None:  # noqa: FBT001 - the seam's signature
            return None if again else credentials

        def tell(target: Target, reached: bool) -> None:  # noqa: FBT001 - likewise
            if reached:
                rested.answered(target.server)
            else:
                rested.failed(target.server, settings.rest_for)

        return Route(user, targets, fetch, tell)

    def _target(self, server: Server) -> Target:
        """A server as this service reaches it: its trust, its time-outs."""
        return replace(self._service.target, server=server)


def _nobody_listens(_text: str) -> None:
    """Nobody asked to be told."""
