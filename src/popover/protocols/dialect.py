"""The seam: all that the wet floor asks of a dialect; and the words that dialects share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from popover.config import Ahead
from popover.errors import Failure
from popover.protocols.reception import ClientTLS, Offer, Reception
from popover.talk import End, Talk

SENTENCE_LIMIT = 400
"""Characters of a sentence of ours: with code and CRLF it stays under the 512 octets that RFC 1939
section 3 and RFC 5321 section 4.5.3.1.5 allow for a status line."""


@dataclass(frozen=True, slots=True)
class Greeting:
    """A server's first words, whole lines as they came. `welcome`: the session may go on."""

    words: bytes
    welcome: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for one talk, by its service and by its connection."""

    ahead: Ahead
    visitor: str = ""  # the client's address, for what is learned of each client alone
    tls: ClientTLS = "off"
    hide: tuple[str, ...] = ()  # capabilities that the client is not to see, in upper case
    bare_lf: Literal["pass", "normalize"] = "pass"  # what becomes of a mail's lines that end in LF (SMTP)
    greeted: bytes = b""  # what the client was greeted with before TLS began, perhaps by another connection
    at_desk: bool = False  # it was received by us, and told there what every server behind can, or we for it
    has_waited: bool = False  # the connection has stood ready, and may have died unnoticed


class Ears(Protocol):
    """One session's talk as the dry floor hears it, from the server's greeting to the end. One object a session.

    `on_wake` is called when there is something to be sent although nobody has spoken. What is to be sent stands in the
    outboxes of the two ends, and behind it what `client_said` and `server_said` give
    back uncopied. `now` is monotonic seconds, everywhere.
    """

    @property
    def user(self) -> str:
        """The name that the client logs in with, as far as it is known; for the log."""

    @property
    def logged_in(self) -> bool:
        """The server has accepted a login."""

    @property
    def awaits_login(self) -> bool:
        """The client has yet to log in, or, where nobody listens for that, to say its first line."""

    @property
    def failure(self) -> Failure | None:
        """Why the session cannot go on. A `Misdialled` is told to the client; with any other it is reset."""

    @property
    def is_owed(self) -> bool:
        """The client waits for an answer."""

    @property
    def asked_last(self) -> bool:
        """What the server was asked last was asked by us, ahead of the client: that it ends may be our doing."""

    @property
    def is_at_work(self) -> bool:
        """The server has got a whole mail, and may be silent over it for long before it answers."""

    @property
    def gap(self) -> float:
        """Seconds without a word from the server after which a client that is owed nothing has had all answers."""

    @property
    def has_left(self) -> bool:
        """The client has had its goodbye from us, and may be let go while the server is told."""

    @property
    def is_settled(self) -> bool:
        """The server has heard all that the client had to say; and one that `has_left` is answered."""

    @property
    def has_quit(self) -> bool:
        """The client has said goodbye and has its answer: a server that cuts the stream now harms nobody."""

    @property
    def wants_client(self) -> bool:
        """Whether more may be read from the client."""

    @property
    def wants_server(self) -> bool:
        """Whether more may be read from the server."""

    @property
    def has_more(self) -> bool:
        """Not all that the client said was heard in one go: call `client_said` with nothing in the next turn."""

    @property
    def wants_tls(self) -> bool:
        """The client has asked for TLS and its answer stands in the outbox: this talk is over, and another begins
        inside TLS. What the client said behind its command was not heard (protocol notes, S1).
        """

    @property
    def greets_again(self) -> bool:
        """A client that has begun TLS is told inside it once more what it was greeted with before."""

    @property
    def unheard(self) -> bytes | None:
        """All that the client has said, once a server has left that had stood ready, without an answer to any of it:
        to another connection it can be said once more. None where that is not so, or could do harm.
        """

    @property
    def has_spoken(self) -> bool:
        """The server has heard something of the client: no other talk may begin on its connection."""

    @property
    def is_idling(self) -> bool:
        """The client has said that it waits to be told something (IDLE): that nobody speaks is no fault then."""

    @property
    def spared(self) -> int:
        """Round trips to the server for which the client would have waited, and has not, because its answers were here
        before it asked, or did not have to come: so many at least (spared.py).
        """

    @property
    def due(self) -> float:
        """When to call `on_time` at the latest; infinity: not before something is said."""

    on_wake: Callable[[], None]

    def start(self, greeting: bytes, ready: bytes, now: float) -> None:
        """Begin with the server's greeting, and with what `get_ready` gave if this connection has waited."""

    def client_said(self, data: bytes | bytearray | memoryview, now: float) -> memoryview:
        """Hear the client. Gives what goes to the server as it is, after its outbox."""

    def server_said(self, data: bytes | bytearray | memoryview, now: float) -> memoryview:
        """Hear the server. Gives what goes to the client as it is, after its outbox."""

    def client_ended(self, now: float) -> None:
        """The client says no more."""

    def server_ended(self, now: float) -> None:
        """The server says no more: what is owed and there is given out."""

    def on_time(self, now: float) -> None:
        """Do what is due."""

    def over(self, now: float, *, server_left: bool) -> None:
        """Remember this session for the next ones. `server_left`: it was the server that ended the talk."""


class Memory(Protocol):
    """What the sessions of one service learn, for those that come after."""

    on_harm: Callable[[], None]

    @property
    def is_curious(self) -> bool:
        """A connection that serves nobody could teach something that no session can find out without risk."""

    def harm(self) -> dict[str, float]:
        """What was learned to the server's harm, and when (seconds since 1970): worth keeping over a restart."""

    def recall(self, harm: Mapping[str, float], now: float) -> None:
        """Know again what `harm` gave once. What is unknown or too old is passed over."""


class Desk(Protocol):
    """What the gateway says to a client by itself."""

    def farewell(self, cause: str) -> bytes:
        """Give the one line that tells a client why it is not served."""

    def reception(self, client: End, offer: Offer) -> Reception:
        """Receive a client whose server is not known before it has logged in."""


class Opening(Protocol):
    """From a verified connection to a server that may be talked to."""

    @property
    def ALPN(self) -> str | None:  # noqa: N802 - a module's constant
        """The protocol's name in RFC 7301's registry; None where it has none."""

    @property
    def CAN_WAIT(self) -> bool:  # noqa: N802 - a module's constant
        """Whether a greeted connection may stand ready for a client that has not come yet."""

    def open_up(self, server: End) -> Talk[Greeting]:
        """Read the server's greeting. Raises ServerFailure for what is none."""

    def get_ready(self, server: End, memory: Memory) -> Talk[bytes | None]:
        """Ask, on a connection that serves nobody yet, what is good to know (`Ears.start`). None: this connection will
        not do for a client, but what it taught stays.
        """

    def is_answer(self, words: bytes) -> bool:
        """Whether a server's first words on a connection that has waited are an answer, and not its farewell."""


class Dialect(Desk, Opening, Protocol):
    """A mail protocol as the gateway speaks it; each module of this package is one."""

    def memory(self) -> Memory:
        """Make an empty memory for a service."""

    def ears(self, client: End, server: End, terms: Terms, memory: Memory) -> Ears:
        """Make the ears of one talk."""


def sentence(text: str) -> str:
    """Make `text` fit for a status line to an old client.

    Printable ASCII only (what comes from outside cannot end the line or paint the screen), cut to
    SENTENCE_LIMIT, and without the word "error": Apple Mail 2 takes a line that holds it for a failed login.
    """
    plain = "".join(c if " " <= c <= "~" else "?" for c in " ".join(text.split()))
    plain = re.sub("error", "fault", plain, flags=re.IGNORECASE)
    return plain if len(plain) <= SENTENCE_LIMIT else plain[: SENTENCE_LIMIT - 3] + "..."


def printable(raw: bytes | bytearray, limit: int = 60) -> str:
    """Show the first `limit` octets of something from outside, escaped, on one line."""
    shown = bytes(raw[:limit]).decode("latin-1").rstrip("\r\n")
    return "".join(c if " " <= c <= "~" and c != "\\" else f"\\x{ord(c):02x}" for c in shown)
