"""What is said at a desk: who a client claims to be, where that leads, and what to say there.

    client --Login--> desk --Visit--> finder (accounts/, routing/) --Route | NotFound | Unsure--> session

Nothing here shows a secret: not in a repr, so in no traceback and in no log either.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from popover.config import DialectName, Target

DigestName: TypeAlias = Literal["apop", "cram-md5"]


@dataclass(frozen=True, slots=True)
class Password:
    """The password itself, as the client said it: USER and PASS, LOGIN, AUTH PLAIN, AUTH LOGIN."""

    octets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Digest:
    """A proof that the client knows the password. `challenge`: what it was asked, angle brackets and all; `answer`: 32
    hexadecimal digits in lower case.
    """

    kind: DigestName
    challenge: bytes
    answer: bytes = field(repr=False)

    def is_of(self, password: bytes) -> bool:
        """Whether it was made of this password: MD5 of both (RFC 1939 section 7), or HMAC-MD5 (RFC 2195)."""
        if self.kind == "apop":
            made = hashlib.md5(self.challenge + password, usedforsecurity=False).hexdigest()
        else:
            made = hmac.new(password, self.challenge, "md5").hexdigest()
        return hmac.compare_digest(made.encode(), self.answer)


Proof: TypeAlias = Password | Digest


@dataclass(frozen=True, slots=True)
class Login:
    """Who a client claims to be. `user`: the name as it said it; octets that are no UTF-8 stand in it as lone
    surrogates (PEP 383).
    """

    user: str
    proof: Proof


@dataclass(frozen=True, slots=True)
class Visit:
    """A login, and what a finder may want to know of where it was said. `client`, `local`: addresses; `accounts`,
    `table`: what the service's desk asks (config/desk.py). `login` None: a device has come, which says none and is the
    one account of `accounts`, without any proof but that it was let in.
    """

    login: Login | None
    dialect: DialectName
    service: str
    client: str
    local: str = ""
    accounts: bool | tuple[str, ...] = False
    table: str | None = None


# -- what comes of it ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Credentials:
    """What to say to the server. `kind` "password": `secret` is one; "bearer": an OAuth2 access token, to be said by
    XOAUTH2, or by OAUTHBEARER (RFC 7628) where the server has only that. `is_passed_on`: it is the password that the
    client itself has said.
    """

    user: str
    secret: bytes = field(repr=False)
    kind: Literal["password", "bearer"] = "password"
    is_passed_on: bool = True

    @property
    def is_ours(self) -> bool:
        """Whether the client knows nothing of it: where it is refused, the client's own login was right all the same,
        and is not to be called wrong, for old clients forget a password then.
        """
        return self.kind == "bearer" or not self.is_passed_on


@dataclass(frozen=True, slots=True)
class Route:
    """Where a login leads. `targets`: servers, the one to try first at the front; `name`: whom the log names.

    `fetch` gives what to say there. It is called with False; and with True once the server has refused what it gave
    first (a token may have been revoked): then it gives another, or None if there is none, and the refusal stands. It
    raises Failure. `has_password`: a device of this account that insists on a login can say one.

    `tell` is called with each target that was tried, and whether it could be reached: one that could not is tried last
    by those who come next. `refused` is called with the seconds from the login to the server's refusal of it, where it
    was told what the client itself has said.
    """

    name: str
    targets: tuple[Target, ...]
    fetch: Callable[[bool], Awaitable[Credentials | None]] = field(repr=False)
    tell: Callable[[Target, bool], None] = field(repr=False, default=lambda _target, _reached: None)
    refused: Callable[[float], None] = field(repr=False, default=lambda _seconds: None)
    has_password: bool = False


@dataclass(frozen=True, slots=True)
class NotFound:
    """The name is unknown, or the password is wrong; which of them, the client does not learn. `why`: for the log, at
    once; `late`: seconds after which the client is told, the same for both. Who waits is the session: a client that
    leaves meanwhile, because a right login is answered sooner, stands in the log like all others.
    """

    why: str
    late: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class Unsure:
    """Nobody could say: our trouble, or that of a table; never told as a failed login, for which old clients forget
    their password. `needs_person`: it will not pass by itself; `late`: as of NotFound.
    """

    cause: str
    remedy: str = ""
    needs_person: bool = False
    late: float = field(default=0.0, compare=False)


Found: TypeAlias = Route | NotFound | Unsure


class Finder(Protocol):
    """Who knows where the logins of one service lead: accounts of one's own, a table."""

    @property
    def takes_digests(self) -> bool:
        """Whether some password is known that a digest could be compared with."""

    async def find(self, visit: Visit) -> Found:
        """Look it up. Never raises; until it is told, an unknown name takes as long as a wrong password."""
