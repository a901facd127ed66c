"""The life of one client: serve it in the mode of its service, and say why when it cannot be.

`Session.run` calls; it never decides. What fails before the client has a server becomes one line in the
client's dialect and a clean close; after it, the talk ends as `Outcome` says.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable

from popover.config import Service
from popover.errors import Failure, HandshakeFailure, OurFailure
from popover.inside.handshake import Left
from popover.inside.identity import Identity
from popover.log import Log
from popover.outside.dial import Dialler
from popover.outside.warm import Warm
from popover.protocols import DIALECTS, Memory
from popover.session.case import Case
from popover.session.modes import mode_of
from popover.session.outcome import Outcome
from popover.session.reach import Dismissed, Reach
from popover.session.telling import tell
from popover.session.waiting import LINGER
from popover.session.ways import Ways
from popover.wire.finish import finish
from popover.wire.stream import Stream


class Session:
    """One client connection and, once dialled, its server connection. `run` never raises.

    `case`: what is known of it. `amend`: may change how the outcome is told before it is; `outcome`: what it was, once
    it is over.
    """

    __slots__ = ("amend", "case", "outcome")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, log: Log, service: Service, client: Stream, address: str, number: int
    ) -> None:  # fmt: skip
        self.case = Case(loop, log, service, client, address, number)
        self.amend: Callable[[Outcome], Outcome] = _as_it_is
        self.outcome: Outcome | None = None

    async def run(self, dialler: Dialler, known: Memory | Ways, warm: Warm, identity: Identity | None = None) -> None:
        """Serve the client to its end, and log one line about it. `known`: what is remembered of the service's server,
        or where its desk leads; `identity`: what to show a client that speaks TLS.
        """
        case, reach = self.case, Reach(self.case, dialler, warm)
        mode = mode_of(case, reach, known)
        case.show(identity)
        case.note(f"{case.address} connected")
        try:
            outcome = await mode.serve()
        except Left as gone:
            outcome = Outcome(gone.end, clean=True)
        except Failure as failure:
            outcome = Outcome(failure.end, clean=True, failure=failure, may_be_told=not isinstance(failure, _UNTOLD))
        except asyncio.CancelledError:
            outcome = Outcome("gateway stopped", clean=False)
        except Exception as bug:  # noqa: BLE001 - whatever it is, it ends this session and no other
            outcome = self._our_fault(bug)
        try:
            mode.over()
        except Exception as bug:  # noqa: BLE001 - likewise; how the talk has ended stands
            outcome = self._our_fault(bug)._replace(clean=outcome.clean, may_be_told=outcome.may_be_told)
        await self._end(outcome)

    def _our_fault(self, bug: Exception) -> Outcome:
        where = "".join(traceback.format_tb(bug.__traceback__)[-3:])  # no locals: they may hold secrets
        failure = OurFailure(
            "the gateway failed on this connection, please try again",
            f"this is a bug of popover, please report it: {type(bug).__name__} at {where}",
        )
        is_first = self.case.relay is None
        return Outcome(failure.end, clean=is_first, failure=failure, may_be_told=is_first)

    async def _end(self, outcome: Outcome) -> None:
        """Close both sides as the outcome wants it, and log it."""
        case, client = self.case, self.case.client
        case.let_go()
        try:
            self.outcome = outcome = self.amend(outcome)
            tell(case, outcome)
            if outcome.failure is not None and outcome.may_be_told:
                client.write(DIALECTS[case.service.dialect].farewell(outcome.failure.cause))
            if outcome.clean:
                await finish(client, LINGER)
            else:
                client.reset()
        finally:
            client.close()


def _as_it_is(outcome: Outcome) -> Outcome:
    return outcome


_UNTOLD = (Dismissed, HandshakeFailure)  # the server's own words were passed on; there is nothing to say it in
