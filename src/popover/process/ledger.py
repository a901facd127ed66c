"""What the gateway knows of each service: numbers, and the last of everything. Kept at the end of each session, so that
nothing of it costs anything per octet; what is under way is looked at when somebody asks.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable

from popover.config import Service
from popover.errors import ConnectFailure, NameFailure, Refused, ServerFailure, TLSFailure
from popover.outside.certificate import read_certificate
from popover.outside.dial import Dialled
from popover.process.status.figures import Figures, Told
from popover.session.session import Session

Clock = Callable[[], float]

_UNREACHED = (NameFailure, ConnectFailure, TLSFailure, ServerFailure)


class Ledger:
    """One account per service in `load`. `clock`: seconds since 1970."""

    def __init__(self, clock: Clock = time.time) -> None:
        self._clock = clock
        self._accounts: dict[tuple[str, str], Account] = {}

    def load(self, services: Iterable[Service]) -> None:
        """Know these services. The account of one that keeps its name and its server stays, the others are closed."""
        known, self._accounts = self._accounts, {}
        for service in services:
            self._accounts[_key(service)] = known.get(_key(service)) or Account(self._clock)

    def of(self, service: Service) -> Account:
        """Find a service's. A session from before a reload may have a service that is no more."""
        return self._accounts.get(_key(service)) or Account(self._clock)


def _key(service: Service) -> tuple[str, str]:
    return service.name, str(service.server)


class Account:
    """What is known of one service."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._inside: set[Session] = set()
        self._failed: Counter[str] = Counter()
        self._ended = self._refused = self._warm = self._in = self._out = 0
        self._last: float | None = None
        self._reached: float | None = None
        self._unreached: float | None = None
        self._failure: Told | None = None
        self._refusal: Told | None = None
        self._tls = ""
        self._certificate = b""
        self._certificate_end: float | None = None

    def refused(self, why: Refused | None = None) -> None:
        """A client was not let in. None: in a flood, without a word."""
        self._refused += 1
        if why is not None:
            self._refusal = Told(self._clock(), why.cause, why.remedy)

    def came(self, session: Session) -> None:
        """A client was let in."""
        self._inside.add(session)

    def left(self, session: Session) -> None:
        """Its session is over."""
        self._inside.discard(session)
        now, outcome = self._clock(), session.outcome
        self._ended += 1
        self._last = now
        self._warm += session.is_warm
        octets_in, octets_out = session.octets
        self._in += octets_in
        self._out += octets_out
        if session.relay is not None:
            self._reached = now
        elif outcome is not None and isinstance(outcome.failure, _UNREACHED):
            self._unreached = now
        if session.dialled is not None:
            self._look_at(session.dialled)
        if outcome is not None and outcome.failure is not None:
            self._failed[outcome.end] += 1
            self._failure = Told(now, outcome.failure.cause, outcome.failure.remedy)

    def _look_at(self, dialled: Dialled) -> None:
        """Keep what the server has shown. Who resumed need not be asked, and others show most often the same."""
        self._tls = dialled.tls.version
        if dialled.tls.resumed and self._certificate:
            return
        if (shown := dialled.tls.certificate) and shown != self._certificate:
            self._certificate = shown
            try:
                self._certificate_end = read_certificate(shown).not_after.timestamp()
            except ValueError:  # OpenSSL reads more than we do
                self._certificate_end = None

    def figures(self, service: Service, listens: tuple[str, ...]) -> Figures:
        """Give them all, with what is under way."""
        octets_in, octets_out, reached = self._in, self._out, self._reached
        for session in self._inside:
            more_in, more_out = session.octets
            octets_in += more_in
            octets_out += more_out
            if session.relay is not None and session.dialled is not None:
                reached = self._clock()
                if not self._tls:
                    self._look_at(session.dialled)
        return Figures(
            name=service.name,
            server=str(service.server),
            listens=listens,
            sessions=len(self._inside),
            ended=self._ended,
            failed=dict(self._failed),
            refused=self._refused,
            warm=self._warm,
            octets_in=octets_in,
            octets_out=octets_out,
            last_session=self._last,
            reached=reached,
            unreached=self._unreached,
            failure=self._failure,
            refusal=self._refusal,
            tls=self._tls,
            certificate_end=self._certificate_end,
        )
