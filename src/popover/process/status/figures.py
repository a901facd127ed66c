"""What is told of the gateway: its numbers at one moment. No user's name, no password, no line of mail is in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DAY = 86400


@dataclass(frozen=True, slots=True)
class Told:
    """Something that went wrong, in words: when (seconds since 1970), why, and what to do."""

    at: float
    cause: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Figures:
    """One service's. Moments are seconds since 1970; None: not yet.

    `sessions`: those there are now; `ended`: those that are over, of which `failed` by how the log calls their end;
    `warm`: those that were given a connection which stood ready. `saved`: seconds of waiting that all that was done
    ahead has spared clients, at least, in sessions that are over. `octets_in`, `octets_out`: from and to the clients.
    `reached`, `unreached`: when last a session had its server, and when last it could not be had. `wrong_logins`,
    `undecided_logins`: at the desk; the latter are those that nobody could judge, or that trouble on the way kept out.
    """

    name: str
    server: str
    listens: tuple[str, ...] = ()
    sessions: int = 0
    ended: int = 0
    failed: Mapping[str, int] = field(default_factory=dict)
    refused: int = 0
    warm: int = 0
    octets_in: int = 0
    octets_out: int = 0
    last_session: float | None = None
    reached: float | None = None
    unreached: float | None = None
    failure: Told | None = None
    refusal: Told | None = None
    tls: str = ""
    certificate_end: float | None = None
    wrong_logins: int = 0
    undecided_logins: int = 0
    saved: float = 0.0

    @property
    def is_reachable(self) -> bool | None:
        """Whether the last session that wanted its server had it; None: there was none yet."""
        if self.reached is None:
            return None if self.unreached is None else False
        return self.unreached is None or self.reached >= self.unreached


@dataclass(frozen=True, slots=True)
class Mails:
    """Those of devices that are kept. `waiting`: for their server; `failed`: some recipient will never get them."""

    waiting: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Picture:
    """The whole gateway at the moment `now`. `ready`: it takes new clients. `mails`: None where none are ever kept."""

    version: str
    now: float
    began: float
    ready: bool
    sessions: int
    ceiling: int
    services: tuple[Figures, ...]
    mails: Mails | None = None
