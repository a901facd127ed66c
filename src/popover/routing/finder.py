"""A service's finder: what its table says of a login, as a route, with the three answers kept apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from popover.config import Server, Service, Target
from popover.config.route_words import fits
from popover.config.routes import Table as Settings
from popover.config.words import quote
from popover.protocols.login import Credentials, Digest, Found, NotFound, Password, Route, Unsure, Visit
from popover.routing.answers import Entry, Failed, Missing
from popover.routing.held import Led, Note
from popover.routing.local import CheckFailed, LocalPasswords
from popover.routing.names import is_fit, understand
from popover.routing.refusals import Refusals
from popover.routing.rested import Rested

_TRY_AGAIN = "where this mailbox is cannot be looked up just now, please try again in a minute"


class Lookups(Protocol):
    """What a finder needs of all the tables."""

    rested: Rested
    clock: Callable[[], float]

    def rules(self, name: str) -> Settings:
        """Of a table by name."""

    def refusals(self, name: str) -> Refusals:
        """How long the servers of a table take for them."""

    async def lead(self, name: str, said: str, password: bytes, visit: Visit, note: Note) -> Led:
        """Ask a table by name."""


class TableFinder:
    """Of one service. `find` never raises. What the client said is the password at the server, too, unless the table
    has another; a proof (APOP, CRAM-MD5) cannot be passed on, so none is offered.
    """

    takes_digests = False

    def __init__(self, tables: Lookups, service: Service, local: LocalPasswords | None) -> None:
        self._tables = tables
        self._service = service
        self._local = local

    async def find(self, visit: Visit) -> Found:
        """Look it up. An unknown name is to be refused as late as a server refuses a wrong password."""
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
        if login is None:  # a device's, which is asked for none
            return Unsure(_TRY_AGAIN, "a table is asked for a login, and this client has none", needs_person=True)
        if isinstance(login.proof, Digest):
            return Unsure(
                "this service needs the password itself: set the mail program to plain password authentication",
                "APOP and CRAM-MD5 prove a password without telling it, and the server behind wants to be told",
                needs_person=True,
            )
        if name is None:
            return Unsure(_TRY_AGAIN, f"service {quote(self._service.name)} has no table", needs_person=True)
        rules = self._tables.rules(name)
        found = await self._check(rules, login.user, login.proof, visit.local, note)
        if found is None:
            led = await self._tables.lead(name, login.user, login.proof.octets, visit, note)
            found = self._found(led, login.user, login.proof, note)
            if isinstance(found, Route):
                return replace(found, refused=self._tables.refusals(name).note)
        if isinstance(found, NotFound):
            late = self._tables.refusals(name).seconds(rules.refuse_after)
            return replace(found, late=max(0.0, began + late - self._tables.clock()))
        return found

    async def _check(self, rules: Settings, said: str, proof: Password, listen: str, note: Note) -> Found | None:
        """Check the password here, where that is wanted; None: it is right."""
        if self._local is None:
            if self._service.desk.authenticate is not None:
                return Unsure(_TRY_AGAIN, "authenticate: what it names has not been read")
            return None
        user = understand(rules.names, said, listen).check
        try:
            is_right = is_fit(user) and await self._local.is_right(user, proof.octets)
        except CheckFailed as failed:
            return Unsure(_TRY_AGAIN, f"authenticate: {failed}")
        note(f"authenticate: {user!r}: the password is {'right' if is_right else 'wrong'}")
        return None if is_right else NotFound("the password is wrong, or there is no such user (authenticate)")

    def _found(self, led: Led, said: str, proof: Password, note: Note) -> Found:
        """Make of a table's answer what a session wants to know."""
        match led.answer:
            case Entry() as entry:
                return self._route(led, entry, proof)
            case Failed(why):
                return Unsure(_TRY_AGAIN, f"table {quote(led.settings.name)}: {why}", needs_person=led.needs_person)
            case Missing(where):
                default = self._service.server
                if not default.host:
                    return NotFound(f"{said!r} is not in {where}")
                note(f"service {quote(self._service.name)}: server: {default}, for all that are in no table")
                return self._route(replace(led, servers=(default,)), Entry((str(default),)), proof)

    def _route(self, led: Led, entry: Entry, proof: Password) -> Route:
        settings, rested = led.settings, self._tables.rested
        user = led.spoken.login if entry.user is None else entry.user
        password = proof.octets if entry.password is None else entry.password
        credentials = Credentials(user, password, is_passed_on=password == proof.octets)
        in_order = rested.in_order(led.servers, in_turn=settings.balance == "round_robin")
        targets = tuple(self._target(server, settings) for server in in_order)

        async def fetch(again: bool) -> Credentials | None:  # noqa: FBT001 - the seam's signature
            return None if again else credentials

        def tell(target: Target, reached: bool) -> None:  # noqa: FBT001 - likewise
            if reached:
                rested.answered(target.server)
            else:
                rested.failed(target.server, settings.rest_for)

        return Route(user, targets, fetch, tell)

    def _target(self, server: Server, settings: Settings) -> Target:
        """A server as this service reaches it: its time-outs, and its trust, unless the table has one for that host."""
        target = replace(self._service.target, server=server)
        trust = next((trust for host, trust in settings.trust if fits(server.host, host)), None)
        return target if trust is None else replace(target, trust=trust)


def _nobody_listens(_text: str) -> None:
    """Nobody asked to be told."""
