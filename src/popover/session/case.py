"""What all who serve one client know of it: whose it is, what holds for it, and what it has come to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from popover.config import Service
from popover.inside.identity import Identity
from popover.inside.proxied import ends_of
from popover.log import Log
from popover.outside.dial import Dialled
from popover.protocols.device import Keeper
from popover.protocols.login import Login, Visit
from popover.protocols.proxy_header import Reader
from popover.session.alarm import Alarm
from popover.session.relay import Relay
from popover.session.sealing import Sealing
from popover.session.tally import Tally
from popover.session.trace import Spy
from popover.wire.outgoing import nothing
from popover.wire.sockets import shortest_round_trip
from popover.wire.stream import Stream


class Case:
    """One session's. `header`: its balancer's word for where it comes from. `on_left`: called once the client has had
    its goodbye, while the server is yet to be told. `alarm`: that of a session which begins at the desk.

    `relay`: the talk with a server that is under way, or was the last; `dialled`, `is_warm`: its connection, and
    whether that stood ready; `making`: then, the seconds that making it took. `saved`: seconds of waiting that all that
    is done ahead has spared the client, at least, in the talks that are over. `user`: whom the log names; empty: the
    one that the ears have heard of. `tally`: what came of its logins at the desk. `is_served`: a device's server was
    there; `keeper`: who keeps a device's mails for later.
    """

    __slots__ = (
        "address", "alarm", "bytes_in", "bytes_out", "client", "dialled", "header", "id", "is_served", "is_warm",
        "keeper", "log", "loop", "making", "on_left", "relay", "saved", "sealing", "service", "since", "spy", "tally",
        "user",
    )  # fmt: skip

    def __init__(
        self, loop: asyncio.AbstractEventLoop, log: Log, service: Service, client: Stream, address: str, number: int
    ) -> None:  # fmt: skip
        self.loop = loop
        self.log = log
        self.service = service
        self.client = client
        self.address = address
        self.id = f"{number:x}"
        self.since = loop.time()
        self.alarm = Alarm(loop)
        self.header: Reader | None = None
        self.on_left: Callable[[], None] = nothing
        self.sealing = Sealing(service, client, None)
        self.relay: Relay | None = None
        self.dialled: Dialled | None = None
        self.is_warm = self.is_served = False
        self.making = self.saved = 0.0
        self.keeper: Keeper | None = None
        self.user = ""
        self.tally = Tally()
        self.bytes_in = self.bytes_out = 0  # of the talks that are over
        self.spy = client.spy = Spy(log, service, self.id) if service.trace else None

    def show(self, identity: Identity | None) -> None:
        """Have this certificate for a client that speaks TLS."""
        self.sealing = Sealing(self.service, self.client, identity)

    async def seal(self, *, behind_starttls: bool = False) -> None:
        """Begin TLS with the client. Raises Failure."""
        await self.sealing.begin(behind_starttls=behind_starttls)
        self.note(f"{self.address} speaks {self.sealing.version} {self.sealing.cipher}")

    def note(self, text: str) -> None:
        """Trace something about the session."""
        if self.spy is not None:
            self.spy.note(text)

    def visit(self, login: Login | None) -> Visit:
        """Tell a finder where this login was said; None: a device's, which says none."""
        service, desk = self.service, self.service.desk
        ends = ends_of(self.client.sock, self.header) if desk.table is not None else None  # tables alone ask for it
        local = ends.destination[0] if ends is not None else ""
        return Visit(login, service.dialect, service.name, self.address, local, desk.accounts, desk.table)

    def let_go(self) -> None:
        """Leave the server."""
        if self.dialled is not None:
            self.dialled.stream.leave()

    @property
    def octets(self) -> tuple[int, int]:
        """From and to the client, up to now."""
        if self.relay is None:
            return self.bytes_in, self.bytes_out
        return self.bytes_in + self.relay.bytes_in, self.bytes_out + self.relay.bytes_out

    def add_up(self, *, waits: bool = True, others: int = 0) -> None:
        """The relay's talk is over: its octets are counted, and what it was spared. `waits`: the client has said one
        thing after the other, as far as the ears know. `others`: round trips that were spared not it, but who has
        logged in for it with the same ears.
        """
        self.bytes_in, self.bytes_out = self.octets
        if self.relay is None:
            return
        self.relay.bytes_in = self.relay.bytes_out = 0
        ears, dialled = self.relay.ears, self.dialled
        if ears.logged_in and dialled is not None:  # so the connection was alive, and it was a mail program
            self.saved += self.making
            if waits and ears.spared > others:
                self.saved += (ears.spared - others) * shortest_round_trip(dialled.stream.sock)
