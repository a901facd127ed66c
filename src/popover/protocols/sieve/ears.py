"""One session of ManageSieve: heard until the login, then passed on unread.

Before it: STARTTLS is between us and the client, lists of capabilities are rewritten, who logs in is known for the log.
A client says one thing at a time then; what it says behind an AUTHENTICATE waits until that is answered, for it may be
part of it, or a command, or, behind a security layer, neither.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from popover.errors import Failure, Misdialled
from popover.protocols.dialect import Terms
from popover.protocols.plain import Plain
from popover.protocols.sasl import user_of
from popover.protocols.sieve.capabilities import listed, one
from popover.protocols.sieve.grammar import LIMIT, status, take, tokens
from popover.protocols.sieve.words import BEGIN_TLS, IN_TLS, KNOWN, NO_TLS, TLS_FIRST, UNKNOWN
from popover.protocols.strangers import Strangers
from popover.talk import End

_NOTHING = memoryview(b"")


class Ears:
    """See `dialect.Ears`."""

    has_left = has_more = is_idling = is_at_work = False
    is_settled = True
    wants_client = wants_server = True
    greets_again = True
    unheard: bytes | None = None
    due = math.inf

    def __init__(self, client: End, server: End, terms: Terms) -> None:
        self.user = ""
        self.logged_in = False
        self.wants_tls = False
        self.failure: Failure | None = None
        self.on_wake: Callable[[], None] = lambda: None
        self._client, self._server = client, server
        self._terms = terms
        self._plain = Plain(client, _is_whole)
        self._strangers = Strangers("a ManageSieve")
        self._said, self._heard = bytearray(), bytearray()
        self._owed = 0
        self._login: Literal["", "asked", "challenged"] = ""  # AUTHENTICATE is under way
        self._mechanism = b""
        self._is_through = False  # nobody listens any more

    @property
    def is_owed(self) -> bool:
        """The client waits for an answer."""
        return self._plain.is_owed

    @property
    def awaits_login(self) -> bool:
        """The client has yet to log in."""
        return not self._is_through

    @property
    def gap(self) -> float:
        """See `plain.Plain`."""
        return self._plain.gap

    @property
    def has_quit(self) -> bool:
        """The client's last word was LOGOUT."""
        return self._plain.has_quit

    @property
    def has_spoken(self) -> bool:
        """The server has heard something of the client."""
        return self._plain.has_spoken

    def start(self, greeting: bytes, ready: bytes, now: float) -> None:  # noqa: ARG002 - nothing is asked before
        """Pass the greeting on, as this client is to see it."""
        self._client.outbox += listed(greeting, self._terms)

    # -- the client ------------------------------------------------------------------------------

    def client_said(self, data: bytes | bytearray | memoryview, now: float) -> memoryview:
        """Hear commands until the login, and pass all else on."""
        if self._is_through:
            return self._plain.client_said(data, now)
        self._said += data
        self._hear(now)
        return _NOTHING

    def _hear(self, now: float) -> None:
        """Deal with what the client has said, as far as its turn has come."""
        while not (self._is_through or self.wants_tls or self.failure or self._login == "asked"):
            command = take(self._said)
            if command is None:
                if len(self._said) > LIMIT:
                    self.failure = Misdialled(
                        f"a command of more than {LIMIT:,} octets is too long",
                        "is it a mail program that connects here?",
                    )
                return
            if self._login == "challenged":
                self.user = self.user or user_of(self._mechanism, tokens(command)[0] if tokens(command) else b"")
                self._login = "asked"
                self._pass(command, now)
            elif not self._obey(command, now):
                self._said[:0] = command  # what is answered here waits for what the server has yet to answer
                return
        if self._is_through and self._said:
            rest = bytes(self._said)
            self._said.clear()
            self._pass(rest, now)

    def _obey(self, command: bytes, now: float) -> bool:
        """Pass a command on, or answer it; False: its turn has not come."""
        found = tokens(command)
        verb = found[0].upper() if found else b""
        answer = self._answer_to(verb)
        if answer is None:
            self._owed += 1
            if verb == b"AUTHENTICATE":
                self._login = "asked"
                self._mechanism = found[1].upper() if len(found) > 1 else b""
                self.user = user_of(self._mechanism, found[2]) if len(found) > 2 else ""  # noqa: PLR2004 - its response
            self._pass(command, now)
            return True
        if self._owed:
            return False
        if answer is UNKNOWN:
            self.failure = self._strangers.one_more()
        self._client.outbox += answer
        self.wants_tls = answer is BEGIN_TLS
        return True

    def _answer_to(self, verb: bytes) -> bytes | None:
        """What we say to a command ourselves; None: it is the server's."""
        tls = self._terms.tls
        if verb == b"STARTTLS":
            return {"off": NO_TLS, "on": IN_TLS}.get(tls, BEGIN_TLS)
        if verb not in KNOWN:
            return UNKNOWN
        return TLS_FIRST if tls == "require" and verb == b"AUTHENTICATE" else None

    def _pass(self, words: bytes, now: float) -> None:
        self._server.outbox += self._plain.client_said(words, now)

    # -- the server ------------------------------------------------------------------------------

    def server_said(self, data: bytes | bytearray | memoryview, now: float) -> memoryview:
        """Hear answers until the login, and pass all else on."""
        if self._is_through:
            return self._plain.server_said(data, now)
        self._heard += data
        while not self._is_through and (answer := take(self._heard)):
            self._plain.server_said(answer, now)
            self._client.outbox += self._answered(answer)
        if len(self._heard) > LIMIT:
            self._is_through = True  # no answer before a login has so much: it is a wire
        if self._is_through:
            self._client.outbox += self._plain.server_said(bytes(self._heard), now) if self._heard else b""
            self._heard.clear()
        self._hear(now)
        return _NOTHING

    def _answered(self, answer: bytes) -> bytes:
        """See what an answer, or a line of one, means; give it as the client is to have it."""
        word = status(answer)
        if not word:
            if self._login == "asked":
                self._login = "challenged"
                return answer
            return one(answer, self._terms)
        self._owed = max(self._owed - 1, 0)
        if self._login and word == b"OK":
            self.logged_in = self._is_through = True
        self._login = ""
        return answer

    # -- the ends --------------------------------------------------------------------------------

    def client_ended(self, now: float) -> None:
        """The client says no more: what it has begun to say goes on as it is."""
        if self._said and not self.wants_tls:
            self._pass(bytes(self._said), now)
            self._said.clear()
        self._plain.client_ended(now)

    def server_ended(self, now: float) -> None:
        """The server says no more: what it has begun to say goes on as it is."""
        self._client.outbox += self._heard
        self._heard.clear()
        self._plain.server_ended(now)

    def on_time(self, now: float) -> None:
        """Nothing is ever due."""

    def over(self, now: float, *, server_left: bool) -> None:
        """Nothing is learned."""


def _is_whole(_said: bytes, lines: int, heard: bytes) -> bool:
    return lines == 1 and bool(status(heard))
