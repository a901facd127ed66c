"""One session of ManageSieve: heard until the login, then passed on unread, and only counted.

Before it: STARTTLS is between us and the client, lists of capabilities are rewritten, who logs in is known for the log.
A client says one thing at a time then; what it says behind an AUTHENTICATE waits until that is answered, for it may be
part of it, or a command, or, behind a security layer, neither.
"""

from __future__ import annotations

from collections.abc import Callable

from popover.errors import Failure, Misdialled, ServerFailure
from popover.protocols.dialect import Terms
from popover.protocols.hurry import Hurry
from popover.protocols.plain import Plain
from popover.protocols.sieve.answering import answer_to
from popover.protocols.sieve.capabilities import listed, one
from popover.protocols.sieve.counting import Count
from popover.protocols.sieve.grammar import LIMIT, status, take
from popover.protocols.sieve.login import Login
from popover.protocols.sieve.words import BEGIN_TLS, UNKNOWN
from popover.protocols.strangers import Strangers
from popover.talk import End

BURST = 32
"""Commands heard in one go: some 0.4 ms of work at most, and then it is the others' turn."""

HURRY = 0.2
"""Seconds that words are kept which a client says before its AUTHENTICATE is answered: they may be the response for
which the server waits without a challenge, as over a wire it could. From then on octets just pass, which does no harm
to a login that only takes long."""

QUIET = 0.6
"""Seconds without a word where it is guessed that all is answered. With HURRY less than a second, for a client
that has ended: those who know ManageSieve wait for each answer, and are guessed at by nobody."""

_NOTHING = memoryview(b"")


class Ears:
    """See `dialect.Ears`. What the client says and is not heard yet stands in its inbox: behind STARTTLS it is TLS, or
    the handshake fails on it (protocol notes, S1).
    """

    has_left = is_idling = asked_last = is_at_work = False
    wants_server = True
    greets_again = True
    unheard: bytes | None = None
    spared = 0

    def __init__(self, client: End, server: End, terms: Terms) -> None:
        self.logged_in = self.wants_tls = self.has_more = False
        self.failure: Failure | None = None
        self.on_wake: Callable[[], None] = lambda: None
        self._client, self._server = client, server
        self._terms = terms
        self._plain = Plain(client)
        self._strangers = Strangers("a ManageSieve")
        self._login = Login()
        self._heard = bytearray()
        self._count = Count()
        self._waits = False  # an answer of ours, for those of the server that come before it
        self._has_client_ended = False
        self._is_through = False  # nobody listens any more
        self._is_leaving = False  # the server has said BYE: no word of ours follows it
        self._hurry = Hurry(HURRY)

    @property
    def user(self) -> str:
        """See `dialect.Ears`; so with all that follow."""
        return self._login.user

    @property
    def is_owed(self) -> bool:  # noqa: D102
        return self._plain.is_owed if self._count.is_lost else self._count.owed > 0 or self._holds

    @property
    def awaits_login(self) -> bool:  # noqa: D102
        return not self._is_through

    @property
    def gap(self) -> float:  # noqa: D102
        return min(self._plain.gap, QUIET) if self._count.is_lost else 0.0  # a wire tells the server at once

    @property
    def has_quit(self) -> bool:  # noqa: D102
        return self._plain.has_quit

    @property
    def has_spoken(self) -> bool:  # noqa: D102
        return self._plain.has_spoken

    @property
    def wants_client(self) -> bool:  # noqa: D102
        return self._is_through or len(self._client.inbox) < LIMIT

    @property
    def is_settled(self) -> bool:  # noqa: D102
        return not self._holds

    @property
    def _holds(self) -> bool:
        """Something that the client has said waits for its turn, as on a wire it would not."""
        if not self._client.inbox or self._is_over:
            return False
        return self._login.is_asked or self._waits or self.has_more

    @property
    def _is_over(self) -> bool:
        return self._is_through or self._is_leaving or self.wants_tls or self.failure is not None

    def start(self, greeting: bytes, ready: bytes, now: float) -> None:  # noqa: ARG002 - nothing is asked before
        """Pass the greeting on, as this client is to see it."""
        self._client.outbox += listed(greeting, self._terms)

    # -- the client ------------------------------------------------------------------------------

    def client_said(self, data: bytes | bytearray | memoryview, now: float) -> memoryview:
        """Hear commands until the login, and pass all else on."""
        if self._is_through:
            self._count.said(bytes(data))
            return self._plain.client_said(data, now)
        self._client.inbox += data
        self._hear(now)
        return _NOTHING

    def _hear(self, now: float) -> None:
        """Deal with what the client has said, as far as its turn has come."""
        self._hear_commands(now)
        self._hurry.see(now, hurries=self._holds and self._login.is_asked)

    def _hear_commands(self, now: float) -> None:
        inbox = self._client.inbox
        self.has_more = self._waits = False
        for _ in range(BURST):
            if self._is_over or self._login.is_asked:
                break
            command = take(inbox)
            if command is None:
                self._hear_a_part(now)
                return
            if self._login.is_challenged:
                self._login.respond(command)
                self._pass(command, now)
            elif not self._obey(command, now):
                inbox[:0] = command
                self._waits = True
                return
        else:
            self.has_more = bool(inbox)
        if self._is_through and inbox:
            self._count.said(bytes(inbox))
            self._pass(bytes(inbox), now)
            inbox.clear()

    def _hear_a_part(self, now: float) -> None:
        """See what a command comes to that has not ended: where nothing more comes, it is for the server as it is; but
        not half of one that would be answered here.
        """
        inbox = self._client.inbox
        if len(inbox) >= LIMIT:
            self.failure = Misdialled(
                f"a command of more than {LIMIT:,} octets is too long", "is it a mail program that connects here?"
            )
        elif self._has_client_ended and inbox:
            said = bytes(inbox)
            inbox.clear()
            if self._login.is_challenged or answer_to(said, self._terms.tls) is None:
                self._pass(said, now)

    def _obey(self, command: bytes, now: float) -> bool:
        """Pass a command on, or answer it; False: its turn has not come."""
        answer = answer_to(command, self._terms.tls)
        if answer is None:
            self._login.hear(command, self._count.owed)
            self._count.add()
            self._pass(command, now)
            return True
        if self._count.owed:
            return False
        if answer is UNKNOWN:
            self.failure = self._strangers.one_more()
        self._client.outbox += answer
        self.wants_tls = answer is BEGIN_TLS
        return True

    def _pass(self, words: bytes, now: float) -> None:
        self._server.outbox += self._plain.client_said(words, now)

    # -- the server ------------------------------------------------------------------------------

    def server_said(self, data: bytes | bytearray | memoryview, now: float) -> memoryview:
        """Hear answers until the login, and pass all else on."""
        if self._is_through:
            self._count.answered(bytes(data))
            return self._plain.server_said(data, now)
        self._heard += data
        while not self._is_through and (answer := take(self._heard)):
            self._plain.server_said(answer, now)
            self._client.outbox += self._answered(answer)
        if len(self._heard) > LIMIT:
            self._is_a_wire()
        if self._is_through and self._heard:
            self._count.answered(bytes(self._heard))
            self._client.outbox += self._plain.server_said(bytes(self._heard), now)
            self._heard.clear()
        self._hear(now)
        return _NOTHING

    def _is_a_wire(self) -> None:
        """No answer before a login has so much: octets just pass, but not where TLS is promised before a login."""
        if self._terms.tls == "require":
            self.failure = ServerFailure(f"{self._server.name} says more than {LIMIT:,} octets before a login")
            self._heard.clear()
        else:
            self._is_through = self._count.is_lost = True

    def _answered(self, answer: bytes) -> bytes:
        """See what an answer, or a line of one, means; give it as the client is to have it."""
        word = status(answer)
        if not word:
            return answer if self._login.is_challenge() else one(answer, self._terms)
        self._count.take()
        if word == b"BYE":
            self._is_leaving = True
            self._is_through = self._count.is_lost = self._terms.tls != "require"
        if self._login.is_answer() and word == b"OK":
            self.logged_in = self._is_through = True
            self._count.is_lost = self._login.may_add_a_layer
        return answer

    # -- the ends --------------------------------------------------------------------------------

    def client_ended(self, now: float) -> None:
        """The client says no more: what it has begun to say goes on as it is, once its turn has come."""
        self._has_client_ended = True
        self._hear(now)
        self._plain.client_ended(now)

    def server_ended(self, now: float) -> None:
        """The server says no more: what it has begun to say goes on as it is."""
        self._client.outbox += self._heard
        self._heard.clear()
        self._plain.server_ended(now)

    @property
    def due(self) -> float:
        """When what waits for the answer to a login is kept no longer; where TLS has to begin first, there is none."""
        return self._hurry.due

    def on_time(self, now: float) -> None:
        """The server does not answer: it may want to hear more."""
        if self.due <= now:
            self._is_through = self._count.is_lost = True
            self._hear(now)

    def over(self, now: float, *, server_left: bool) -> None:
        """Nothing is learned."""
