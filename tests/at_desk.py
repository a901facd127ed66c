"""The desk on the dry floor: a client that talks with a reception, and a sign-in that goes through the real ears of a
dialect to a server that has a script.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol, get_args

from hypothesis import strategies as st

from hearing import pieces, taken
from popover.config import Ahead, Server
from popover.errors import Misdialled
from popover.protocols import DIALECTS, Ears, Memory, Terms
from popover.protocols.login import Credentials, Login
from popover.protocols.reception import ClientTLS, Offer, Reception, SignedIn, Wish
from popover.talk import End, More

STAMP = b"<1896.697170952@popover.example>"
OFFER = Offer(challenge=STAMP)


class _Desk(Protocol):
    def reception(self, client: End, offer: Offer) -> Reception: ...


class AtDesk:
    """One client at the desk of a dialect. `came`: what the talk has come to, None while it waits for more."""

    def __init__(self, dialect: _Desk, offer: Offer = OFFER) -> None:
        self.client = End("client")
        self.reception = dialect.reception(self.client, offer)
        self._talk = self.reception.ask()

    def say(self, *pieces: bytes) -> tuple[Login | Wish | None, bytes]:
        """Say this, and give what it came to and what was answered."""
        came: Login | Wish | None = None
        for piece in pieces:
            self.client.inbox += piece
            came = came or self._go_on()
        return came, taken(self.client)

    def hang_up(self) -> Login | Wish | None:
        """End."""
        self.client.ended = True
        return self._go_on()

    def ask_again(self) -> None:
        """Behind a refusal."""
        self._talk = self.reception.ask()

    def name_for_server(self) -> bytes:
        """What an SMTP server is told in EHLO."""
        me = End("mail.example.com")
        me.inbox += b"220 ready\r\n"
        next(self.reception.sign_in(me, Credentials("anna", b"secret"), Server("smtp", "mail.example.com", 465)))
        return taken(me).removeprefix(b"EHLO ").removesuffix(b"\r\n")

    def _go_on(self) -> Login | Wish | None:
        try:
            assert next(self._talk) == More(self.client)
        except StopIteration as done:
            came: Login | Wish = done.value
            return came
        assert not self.client.ended, "it waits for more after the end"
        return None


def cut_anyhow(dialect: _Desk, offer: Offer, said: Iterable[bytes]) -> tuple[object, bytes, bytes]:
    """What comes of it, what is answered, and what is left, when it comes in these pieces."""
    desk = AtDesk(dialect, offer)
    came: object = None
    words = b""
    for piece in said:
        if came is not None:
            desk.client.inbox += piece
            continue
        try:
            came, more = desk.say(piece)
            words += more
        except Misdialled as failure:
            came = failure.cause
    return came, words + taken(desk.client), b"" if isinstance(came, str) else bytes(desk.client.inbox)


def sayings(*words: bytes) -> st.SearchStrategy[bytes]:
    """What may be said at a desk: some of these, and anything."""
    return st.lists(st.sampled_from(words) | st.binary(max_size=80), max_size=12).map(b"".join)


OFFERS = st.sampled_from([Offer(tls, (), STAMP) for tls in get_args(ClientTLS)])


def see_that_cuts_do_not_matter(
    dialect: _Desk, offer: Offer, said: bytes, data: st.DataObject, repeats: int = 0
) -> None:
    """Nothing is raised but Misdialled, all pieces of it come to the same, and answers are short but for so many octets
    that they may repeat.
    """
    whole = cut_anyhow(dialect, offer, [said])
    assert whole == cut_anyhow(dialect, offer, data.draw(pieces(said)))
    assert len(whole[1]) <= repeats + 300 * (said.count(b"\n") + 1)


@dataclass
class Script:
    """A server that says what it is to say once it has heard what it is to hear, and nothing else. `ends`: it hangs up
    behind its last words; `heard`: all that it has heard.
    """

    greeting: bytes
    turns: Sequence[tuple[bytes, bytes]]
    ends: bool = False
    heard: bytearray = field(default_factory=bytearray)
    _at: int = 0
    _unread: bytearray = field(default_factory=bytearray)

    def hear(self, data: bytes) -> bytes:
        self.heard += data
        self._unread += data
        said = b""
        while self._at < len(self.turns) and self._unread:
            wanted, answer = self.turns[self._at]
            assert wanted.startswith(self._unread[: len(wanted)]), bytes(self._unread)
            if len(self._unread) < len(wanted):
                return said
            del self._unread[: len(wanted)]
            said += answer
            self._at += 1
        assert not self._unread, "it hears more than it should"
        return said

    @property
    def is_over(self) -> bool:
        return self._at == len(self.turns)

    @property
    def has_ended(self) -> bool:
        return self.ends and self.is_over


class Scripted(Protocol):
    """What `sign_in` asks of a server."""

    @property
    def greeting(self) -> bytes: ...
    @property
    def has_ended(self) -> bool: ...
    def hear(self, data: bytes) -> bytes: ...


@dataclass
class Through:
    """What came of a sign-in through ears."""

    answer: SignedIn
    ears: Ears
    client: End
    now: float


def sign_in(  # noqa: PLR0913, PLR0917
    script: Scripted,
    credentials: Credentials,
    reception: Reception,
    server: Server,
    piece: int | Sequence[int] = 1 << 20,
    ahead: Ahead | None = None,
    memory: Memory | None = None,
    ready: bytes = b"",
    **terms: Any,
) -> Through:
    """Sign in, through the real ears of the server's dialect. `piece`: octets of each piece, in both directions."""
    dialect = DIALECTS[server.dialect]
    client, outside, me = End("client"), End(server.host), End(server.host)
    ears = dialect.ears(client, outside, Terms(ahead or Ahead(), "192.0.2.1", **terms), memory or dialect.memory())
    now = 0.0
    ears.start(script.greeting, ready, now)
    talk = reception.sign_in(me, credentials, server)
    for _ in range(20_000):
        me.inbox += taken(client)
        me.ended = me.ended or script.has_ended
        try:
            assert next(talk) == More(me)
        except StopIteration as done:
            return Through(done.value, ears, client, now)
        to_server = b""
        for part in parts(taken(me), piece):
            to_server += taken(outside, ears.client_said(part, now))
        if not to_server and not client.outbox and ears.due <= now + 60:
            now = max(now, ears.due)
            ears.on_time(now)
            to_server = taken(outside)
        if not to_server and client.outbox:
            continue
        said = script.hear(to_server)
        while said:
            more = b""
            for heard in parts(said, piece):
                me.inbox += taken(client, ears.server_said(heard, now))
                more += taken(outside)
            said = script.hear(more) if more else b""
        if script.has_ended:
            ears.server_ended(now)
    raise AssertionError("it does not come to an end")


def everywhere(
    through: Callable[..., Through], turns: Sequence[tuple[bytes, bytes]], credentials: Credentials
) -> Through:
    """What comes of a sign-in: the same, however its octets are cut."""
    first = through(turns, credentials)
    longest = max(len(piece) for turn in turns for piece in turn)
    for piece in (1, 2, 3, *([place] for place in range(1, min(longest, 400)))):
        assert through(turns, credentials, piece=piece).answer == first.answer
    return first


def parts(data: bytes, piece: int | Sequence[int]) -> Iterable[bytes]:
    """Cut it into pieces of this many octets, or at these places."""
    if isinstance(piece, int):
        return [data[at : at + piece] for at in range(0, len(data), piece)]
    places = [0, *sorted(place for place in piece if place < len(data)), len(data)]
    return [data[a:b] for a, b in pairwise(places) if a < b]
