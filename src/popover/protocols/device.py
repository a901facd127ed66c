"""The seam of a device's session (`Desk.device`): what the dry floor wants of the wet one, and what they exchange.

device --its talk--> Reach --signed in--> server          (session/courier.py serves the wants)
                     Keep  --queue/--> Mail --deliver--> server   (process/queue/)
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Protocol, TypeAlias, TypeVar

from popover.config import DeviceRules
from popover.errors import Failure
from popover.protocols.login import Login
from popover.protocols.reception import ClientTLS, Wish
from popover.talk import End, More

T = TypeVar("T")


class Wait(Enum):
    """What a talk waits for when it wants `More`: so long may it last."""

    COMMAND = "command"  # the device has nothing under way
    MAIL = "mail"  # it is sending one
    ANSWER = "answer"  # of the server, to a command
    VERDICT = "verdict"  # of the server, over a whole mail


@dataclass(frozen=True, slots=True)
class Envelope:
    """Whose mail it is and to whom it goes: `sender` and `recipients` are addresses without brackets, `parameters`
    those of MAIL that tell what the mail is (BODY, SMTPUTF8). `is_doubtful`: the server may have it already.
    """

    account: str
    service: str
    sender: str
    recipients: tuple[str, ...]
    parameters: tuple[str, ...] = ()
    is_doubtful: bool = False


class Draft(Protocol):
    """A mail that is being written down, as DATA has it: dots doubled, its end included."""

    def write(self, octets: bytes | memoryview) -> None:
        """Write some of it. Raises OSError."""

    def drop(self) -> None:
        """Forget it. Never raises."""


class Drafts(Protocol):
    """Where mails can be written down."""

    def begin(self) -> Draft:
        """Begin one. Raises OSError."""


class Keeper(Drafts, Protocol):
    """Who keeps mails for later (process/queue/)."""

    async def keep(self, draft: Draft, envelope: Envelope) -> bool:
        """Keep one for good; whether it may be promised."""

    def reached(self, account: str) -> None:
        """The account's server is there."""


@dataclass(slots=True, eq=False)
class Reach:
    """A want: a server, signed in. Afterwards `server` is it; or `failure` says why there is none now."""

    server: End | None = None
    failure: Failure | None = None


@dataclass(slots=True, eq=False)
class Check:
    """A want: is this login the account's? None: nobody can say now."""

    login: Login = field(repr=False)
    is_right: bool | None = None


@dataclass(slots=True, eq=False)
class Keep:
    """A want: that nothing can lose this draft any more. `is_kept` afterwards: so it is."""

    draft: Draft
    envelope: Envelope
    is_kept: bool = False


@dataclass(frozen=True, slots=True)
class Flush:
    """A want: that what stands in the outboxes is on its way."""


Want: TypeAlias = More | Reach | Check | Keep | Flush
Errand: TypeAlias = Generator[Want, None, T]


@dataclass(frozen=True, slots=True)
class DeviceTerms:
    """What holds for one device's session. `host`: what the server is called, for people.

    `takes_logins`: the account has a local password, and a device that insists may say it; `challenge`: see `Offer`.
    `drafts`: where mails are kept; None: nowhere. `now`: the clock on the wall, with its zone.
    """

    rules: DeviceRules
    account: str
    service: str
    host: str
    now: Callable[[], datetime]
    tls: ClientTLS = "off"
    normalizes: bool = True
    takes_logins: bool = False
    challenge: bytes = b""
    drafts: Drafts | None = None


class Attendance(Protocol):
    """One device's session, as the dry floor leads it."""

    @property
    def waits_for(self) -> Wait:
        """What `More` is for."""

    @property
    def failure(self) -> Failure | None:
        """Why there was no server; the device has been told, or its mails are kept."""

    @property
    def leaves_server(self) -> bool:
        """The server that was reached last can be of use to another talk: nothing is under way there."""

    @property
    def refusals(self) -> tuple[str, ...]:
        """What the server has refused for good, in its words; for the log."""

    @property
    def kept(self) -> int:
        """How many mails were kept, to be sent later."""

    def talk(self, *, silently: bool) -> Errand[Wish]:
        """Serve the device, until it leaves or wants TLS. `silently`: it has had its greeting. Behind TLS it is called
        again, on a new object.
        """


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came of an attempt to send a kept mail: to whom it has gone; who is to get it later; whom the server
    refuses, and in what words. `words`: the last that a server said, for people.
    """

    sent: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    words: str = ""
    is_doubtful: bool = False


class ForDevices(Protocol):
    """A dialect that devices speak."""

    def attend(self, client: End, terms: DeviceTerms) -> Attendance:
        """Make the talk with one device."""

    def deliver(self, server: End, envelope: Envelope, octets: Iterator[bytes]) -> Errand[Delivery]:
        """Send a kept mail to a server that is signed in."""
