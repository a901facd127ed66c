"""SMTP with two ears: the client's commands, the server's answers.

Nothing of this changes an octet of what either side says, but for:

    EHLO's answer   what cannot work through a gateway is left out, AUTH= and STARTTLS are added (capabilities.py)
    AUTH LOGIN      its two prompts are spelt as old clients want them (prompts.py)
    STARTTLS        is a matter between the client and us
    a body          whose lines end in LF, where `bare_lf` says so (body.py)

Answered on the server's behalf are only QUIT where nothing is owed, header lines behind a mail, and an EHLO that the
server has answered on this connection before. MAIL, RCPT and DATA are never answered here, nor is a body's end: who has
a 250 for it knows that the server has the mail.

    state      how the session goes                    queue     which answer is whose
    hello      EHLO, HELO                              leaving   QUIT
    login      who logs in                             starttls  STARTTLS, and what has to wait for it
    bodies     mails as they go by                     belated   header lines behind one
    client_ear, server_ear   who hears whom

Dry: octets in, octets out; the wet side (popover.session.relay) has the sockets and the clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from popover.errors import Failure
from popover.protocols.dialect import Terms
from popover.protocols.hurry import Hurry
from popover.protocols.plain import QUIET, Plain
from popover.protocols.smtp.belated import Belated
from popover.protocols.smtp.bodies import Bodies
from popover.protocols.smtp.client_ear import ClientEar
from popover.protocols.smtp.hello import Hello
from popover.protocols.smtp.leaving import Leaving
from popover.protocols.smtp.memory import Memory
from popover.protocols.smtp.queue import Owed
from popover.protocols.smtp.server_ear import ServerEar
from popover.protocols.smtp.state import State
from popover.talk import End

HURRY = 0.6
"""Seconds that what a client says without waiting for the answer to DATA or AUTH is kept for that. A server that says
nothing before it has heard it is rare, but over a wire it works; the rest of the talk is passed on unread then."""

REST = 0.2
"""Seconds without a word after which a client that has ended, and was kept waiting so, is taken to have all answers.
With HURRY less than the first rule's second; a wire tells the server at once."""

_NONE = memoryview(b"")


class Ears:
    """One session's SMTP, from the greeting on. See `dialect.Ears`."""

    wants_server = True
    greets_again = False
    is_idling = asked_last = False
    unheard: bytes | None = None

    def __init__(self, client: End, server: End, terms: Terms, memory: Memory) -> None:
        self.on_wake: Callable[[], None] = lambda: None
        self._client = client
        self._server = server
        state = self._state = State(terms)
        owed = self._owed = Owed(client)
        hello = self._hello = Hello(state, memory)
        leaving = self._leaving = Leaving(state, owed, memory)
        belated = Belated()
        bodies = self._bodies = Bodies(state, client, owed, belated)
        self._ear = ClientEar(state, client, server, owed, hello, leaving, bodies, belated)
        owed.judge = ServerEar(state, bodies, hello, leaving)
        self._plain = Plain(client)  # once octets are just passed on
        self._has_client_ended = False
        self._hurry = Hurry(HURRY)
        self._has_hurried = False

    # -- facts -----------------------------------------------------------------------------------

    @property
    def user(self) -> str:
        """See `dialect.Ears`; so with all that follow."""
        return self._state.user

    @property
    def logged_in(self) -> bool:  # noqa: D102
        return self._state.logged_in

    @property
    def awaits_login(self) -> bool:
        """Many may send without a login, so that it cannot be waited for: only for a first command, and for TLS."""
        return not self._state.is_plain and (self._state.needs_tls or not self._state.has_begun)

    @property
    def failure(self) -> Failure | None:  # noqa: D102
        return self._state.failure

    @property
    def is_owed(self) -> bool:  # noqa: D102
        return self._plain.is_owed or self._ear.has_more or self._owed.is_owed

    @property
    def is_at_work(self) -> bool:  # noqa: D102
        return self._owed.is_owed and self._owed.turns[0].verb == b"."

    @property
    def gap(self) -> float:  # noqa: D102
        if not self._state.is_plain:
            return 0.0  # a wire tells the server at once
        return min(self._plain.gap, REST if self._has_hurried else QUIET)

    @property
    def has_left(self) -> bool:  # noqa: D102
        return self._leaving.is_early

    @property
    def is_settled(self) -> bool:  # noqa: D102
        return self._leaving.is_told if self._leaving.is_early else not self._ear.holds

    @property
    def has_quit(self) -> bool:  # noqa: D102
        return self._leaving.has_quit or (self._state.is_plain and self._plain.has_quit)

    @property
    def wants_client(self) -> bool:  # noqa: D102
        return self._ear.wants

    @property
    def has_more(self) -> bool:  # noqa: D102
        return self._ear.has_more

    @property
    def spared(self) -> int:  # noqa: D102
        return self._state.spared

    @property
    def wants_tls(self) -> bool:  # noqa: D102
        return self._state.wants_tls

    @property
    def has_spoken(self) -> bool:  # noqa: D102
        return self._state.has_spoken or self._state.is_plain

    # -- the talk --------------------------------------------------------------------------------

    def start(self, greeting: bytes, ready: bytes, now: float) -> None:  # noqa: ARG002 - no clock is needed here
        """Begin with the server's greeting, and with its answer to an EHLO if it heard one while it waited."""
        self._owed.hear(greeting)
        self._hello.start(ready)

    def client_said(self, data: bytes | bytearray | memoryview, now: float) -> memoryview:
        """Hear the client."""
        state, view = self._state, memoryview(data)
        if state.is_plain:
            return self._plain.client_said(view, now)
        if self._leaving.is_early:  # after QUIT there is nothing to say
            return _NONE
        straight = _NONE
        if state.body is not None and not self._client.inbox and view:
            straight = self._bodies.hear(view)
            if not self._client.inbox:
                return straight
            self._server.outbox += straight
            straight = _NONE
        else:
            self._client.inbox += view
        self._ear.listen()
        self._go_on(now)
        return straight

    def server_said(self, data: bytes | bytearray | memoryview, now: float) -> memoryview:
        """Hear the server. Gives what goes to the client as it is, after its outbox."""
        if self._state.is_plain:
            return self._plain.server_said(data, now)
        self._owed.hear(bytes(data))
        if not self._leaving.is_early:
            self._ear.listen()
        self._go_on(now)
        return _NONE

    def _go_on(self, now: float) -> None:
        if self._leaving.is_early:  # what a server says then is for nobody
            pass
        elif self._state.turns_plain and not self._state.is_plain:
            self._become_plain(now)
        elif self._has_client_ended:
            self._ear.end()
        self._hurry.see(now, hurries=self._ear.hurries)

    def _become_plain(self, now: float) -> None:
        """From now on just octets; unless TLS begins, and they are its own."""
        is_owed = self._owed.is_owed
        self._owed.let_go()
        if self._state.wants_tls:
            return
        self._state.is_plain = True
        self._server.outbox += self._plain.client_said(self._client.inbox, now)
        self._client.inbox.clear()
        self._plain.is_owed = self._plain.is_owed or is_owed

    def client_ended(self, now: float) -> None:
        """The client says no more."""
        self._has_client_ended = True
        self._plain.client_ended(now)
        if not self._state.is_plain and not self._leaving.is_early:
            self._ear.end()

    def server_ended(self, now: float) -> None:  # noqa: ARG002 - no clock is needed here
        """The server says no more: what it had begun to say is given out."""
        self._owed.end()
        self._leaving.over()

    # -- time ------------------------------------------------------------------------------------

    @property
    def due(self) -> float:
        """When what is kept is kept no longer; not where something is promised that only a listener can keep."""
        return self._hurry.due if self._state.may_turn_plain else math.inf

    def on_time(self, now: float) -> None:
        """The server does not answer: it may want to hear more."""
        if self.due <= now and self._ear.hurries:
            self._state.turn_plain()
            self._has_hurried = True
        self._go_on(now)

    def over(self, now: float, *, server_left: bool) -> None:  # noqa: ARG002 - the seam's
        """Remember this session for the next ones."""
        self._leaving.over()
        self._hello.over()
        del self._owed.judge  # it knows who knows it: only the garbage collector could free the two
        self._ear.let_go()
