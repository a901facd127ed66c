"""What the gateway knows of each service: numbers, and the last of everything. Kept at the end of each session, so that
nothing of it costs anything per octet; what is under way is looked at when somebody asks.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable

from popover.config import Service
from popover.errors import ConnectFailure, Failure, NameFailure, Refused, ServerFailure, SignInFailure, TLSFailure
from popover.inside.doors import Door
from popover.inside.listen import shown
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
        self._places: dict[tuple[str, str], tuple[str, ...]] = {}

    def load(self, services: Iterable[Service], doors: Iterable[Door]) -> None:
        """Know these services. The account of one that keeps its name and its server stays, the others are closed."""
        known, self._accounts = self._accounts, {}
        for service in services:
            self._accounts[_key(service)] = known.get(_key(service)) or Account(self._clock)
        places: dict[tuple[str, str], list[str]] = {key: [] for key in self._accounts}
        for door in doors:
            places[_key(door.service)] += map(shown, door.sockets)
        self._places = {key: tuple(found) for key, found in places.items()}

    def figures(self) -> tuple[Figures, ...]:
        """Give all that is known, in the order of the configuration; also once the doors are closed."""
        return tuple(account.figures(*key, self._places[key]) for key, account in self._accounts.items())

    def of(self, service: Service) -> Account:
        """Find a service's. A session from before a reload may have a service that is no more."""
        return self._accounts.get(_key(service)) or Account(self._clock)


def _key(service: Service) -> tuple[str, str]:
    return service.name, service.leads_to


class Account:
    """What is known of one service."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._inside: set[Session] = set()
        self._failed: Counter[str] = Counter()
        self._ended = self._refused = self._warm = self._in = self._out = 0
        self._wrong_logins = self._undecided_logins = 0
        self._saved = 0.0
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
        now, outcome, case = self._clock(), session.outcome, session.case
        self._ended += 1
        self._last = now
        self._warm += case.is_warm
        self._saved += case.saved
        octets_in, octets_out = case.octets
        self._in += octets_in
        self._out += octets_out
        failure = None if outcome is None else outcome.failure
        self._wrong_logins += case.tally.refused
        self._undecided_logins += case.tally.undecided
        self._note_trouble(case.tally.trouble, now)
        # The second connection of a session, for a talk inside TLS, may fail where the first did not.
        is_served = case.relay is not None or case.is_served
        if is_served and not isinstance(failure, (NameFailure, ConnectFailure)):
            self._reached = now
        elif isinstance(failure, _UNREACHED) and not isinstance(failure, SignInFailure):
            self._unreached = now
        if case.dialled is not None and not case.service.desk.is_open:
            self._look_at(case.dialled)
        if outcome is not None and outcome.failure is not None:
            self._failed[outcome.end] += 1
            self._failure = Told(now, outcome.failure.cause, outcome.failure.remedy)

    def _note_trouble(self, trouble: Failure | None, now: float) -> None:
        """What kept a login at the desk from its server; the session itself may have ended well."""
        if trouble is None:
            return
        self._failure = Told(now, trouble.cause, trouble.remedy)
        if isinstance(trouble, _UNREACHED) and not isinstance(trouble, SignInFailure):
            self._unreached = now

    def _look_at(self, dialled: Dialled) -> None:
        """Keep what the server has shown. Who resumed need not be asked, and others show most often the same."""
        self._tls = dialled.tls.version
        if dialled.tls.resumed and self._certificate:
            return
        try:
            if (seen := dialled.tls.certificate) and seen != self._certificate:
                self._certificate, self._certificate_end = seen, None
                self._certificate_end = read_certificate(seen).not_after.timestamp()
        except ValueError:  # a connection that broke shows none any more; and OpenSSL reads more than we do
            pass

    def figures(self, name: str, server: str, listens: tuple[str, ...]) -> Figures:
        """Give them all, with what is under way."""
        octets_in, octets_out, reached = self._in, self._out, self._reached
        for session in self._inside:
            case = session.case
            more_in, more_out = case.octets
            octets_in += more_in
            octets_out += more_out
            if case.relay is not None and case.dialled is not None:
                reached = self._clock()
                if not self._tls and not case.service.desk.is_open:
                    self._look_at(case.dialled)
        return Figures(
            name=name,
            server=server,
            listens=listens,
            sessions=len(self._inside),
            ended=self._ended,
            failed=dict(self._failed),
            refused=self._refused,
            warm=self._warm,
            saved=self._saved,
            wrong_logins=self._wrong_logins,
            undecided_logins=self._undecided_logins,
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
