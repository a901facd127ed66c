"""The part of the seam before the server is known: a dialect at the desk (`Service.desk`).

greet -> ask -> Login -> a finder says where it leads -> sign_in, as the client of the relay's ears -> admit
-> TLS   -> a handshake, and a new reception inside it
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal, Protocol, TypeAlias

from popover.config import Server
from popover.protocols.login import Credentials, Login
from popover.talk import End, Talk

ClientTLS: TypeAlias = Literal["off", "offer", "require", "on"]
"""TLS between a client and us: there is none to be had; it may begin (STLS, STARTTLS); it has to, before a login; it is
spoken."""


class Wish(Enum):
    """What a client at the desk wants that is no login."""

    TLS = "tls"  # its positive answer stands in the outbox; what came behind the command was not heard
    LEAVE = "leave"  # it has its goodbye, or has ended, or was shown the door


@dataclass(frozen=True, slots=True)
class Offer:
    """What holds for one talk at the desk. `challenge`: what digests are made of (RFC 1939 section 7), unique in the
    world, angle brackets and all; empty where no account has a password that could be compared with one.
    """

    tls: ClientTLS = "off"
    hide: tuple[str, ...] = ()
    challenge: bytes = b""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What came of signing in. `words`: what the client is told as the answer to its own login, whole lines, the
    server's words in this dialect's form.
    """

    accepted: bool
    words: bytes


class Reception(Protocol):
    """The gateway alone with one client, before it knows the server; made anew inside TLS. Its words go to the client's
    outbox. After `ask` has given a login there is one call, of `refuse`, `delay` or (through `sign_in`) `admit`.
    """

    def greet(self) -> None:
        """Say the first words. Not called for the talk behind STARTTLS."""

    def ask(self) -> Talk[Login | Wish]:
        """Talk with the client until it has said who it is. Behind `refuse` or `delay` it may be called again, on the
        same talk; octets behind the login stay in the inbox. Raises Misdialled for one that speaks something else.
        """

    def refuse(self) -> None:
        """The name or the password is wrong: the words are the same for both."""

    def delay(self, cause: str, *, needs_person: bool = False) -> None:
        """Nobody can say whether the login is right, or our own trouble stands in the way: never told as a failed
        login (RFC 3206 section 4, RFC 5530 section 3, RFC 4954 section 4.7).
        """

    def sign_in(self, me: End, credentials: Credentials, server: Server) -> Talk[SignedIn]:
        """Log in, as the client of this talk's ears: `me.outbox` is what a client would say, `me.inbox` what it would
        be told, from the greeting on. So all that ears do for clients, they do for us.
        """

    def admit(self, answer: SignedIn) -> None:
        """Tell the client what its server said to the login, good or bad."""
