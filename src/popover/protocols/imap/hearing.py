"""IMAP with two ears: the client's commands, the server's answers, and which octets of either are whose.

Nothing of this changes an octet of what the client gets for what it asks, but for the lists of capabilities. Answered
on the server's behalf are only STARTTLS, a login that has to wait for it, and, where nothing can be lost by it,
CAPABILITY and NOOP before the login, and LOGOUT. Nothing is asked on the client's behalf.

The parts, and who is handed to whom:

    state      how the session goes                  owed        which commands are not answered yet
    view       what a client sees of a list          answering   what is answered here
    login      who logs in                           underway    a command that is not whole
    dispatch   what becomes of each command          judging     what a server's lines mean
    ../hurry   how long a response is kept           client_ear, server_ear   who hears whom

Where an answer cannot be known by its tag any more (a line that is no command, a command in the midst of IDLE), what
is owed is guessed as for a talk that nobody listens to (plain.py). After COMPRESS, or a login that may have put a layer
of its own on the connection, it is one; and with a client that talks on behind an AUTHENTICATE that its server leaves
unanswered, for then nobody knows which of its lines are commands.

Dry: octets in, octets out; the wet side (popover.session.relay) has the sockets and the clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from popover.errors import Failure, Misdialled
from popover.protocols.dialect import Terms
from popover.protocols.hurry import Hurry
from popover.protocols.imap.answering import Answering
from popover.protocols.imap.capability import View, listed_in
from popover.protocols.imap.client_ear import ClientEar
from popover.protocols.imap.dispatch import Dispatch
from popover.protocols.imap.judging import Judging
from popover.protocols.imap.login import Login
from popover.protocols.imap.memory import Memory
from popover.protocols.imap.owed import Owed
from popover.protocols.imap.server_ear import ServerEar
from popover.protocols.imap.state import State
from popover.protocols.plain import QUIET, Plain
from popover.talk import End

HURRY = 0.6
"""Seconds in all that responses of one session are kept which a client says before the server has asked for them. A
server that never asks is rare, but over a wire it works; the first rule allows for a second."""

REST = 0.2
"""Seconds without a word after which a client that has ended, and was kept waiting so, is taken to have all answers.
With HURRY less than a second; a wire tells the server at once."""

_NOTHING = memoryview(b"")


class Ears:
    """One session's IMAP, from the greeting on. See `dialect.Ears`."""

    wants_server = True
    greets_again = is_at_work = asked_last = False
    unheard: bytes | None = None

    def __init__(self, client: End, server: End, terms: Terms, memory: Memory) -> None:
        self.on_wake: Callable[[], None] = lambda: None
        self.has_spoken = False
        self._client = client
        self._server = server
        self._visitor = terms.visitor
        self._memory = memory
        memory.comes(terms.visitor)
        state = self.state = State()
        owed = self._owed = Owed()
        view = View(terms)
        answering = self._answering = Answering(terms, state, client, owed, view, memory)
        login = self._login = Login()
        dispatch = self._dispatch = Dispatch(state, server, owed, answering, login)
        self._ear = ClientEar(state, client, server, answering, login, dispatch)
        judging = Judging(state, owed, dispatch, view)
        self._server_ear = ServerEar(client, judging)
        judging.is_strict = lambda: answering.is_strict
        answering.is_at_rest = lambda: self._server_ear.at_rest
        self._plain = Plain(client)
        self._hurry = Hurry(HURRY, in_all=True)

    # -- facts -----------------------------------------------------------------------------------

    @property
    def user(self) -> str:
        """See `dialect.Ears`; so with all that follow."""
        return self._login.user

    @property
    def logged_in(self) -> bool:  # noqa: D102
        return self.state.logged_in

    @property
    def awaits_login(self) -> bool:
        """A whole line will do: from then on the server's own patience counts, as without us."""
        return not (self.state.has_heard_line or self.state.logged_in)

    @property
    def failure(self) -> Failure | None:  # noqa: D102
        return self.state.failure

    @property
    def is_owed(self) -> bool:  # noqa: D102
        state = self.state
        if state.has_left:
            return False
        if isinstance(state.failure, Misdialled):  # a BYE may stand between any two lines (RFC 9051 section 7.1.5)
            return not self._server_ear.at_rest
        if self._is_guessing and self._plain.is_owed:
            return True
        return not state.is_plain and (self._owed.count > 0 or self._dispatch.awaits or self._ear.has_more)

    @property
    def gap(self) -> float:  # noqa: D102
        if not self._is_guessing:
            return 0.0  # a wire tells the server at once
        return min(self._plain.gap, REST if self._dispatch.is_deaf else QUIET)

    @property
    def has_left(self) -> bool:  # noqa: D102
        return self.state.has_left

    @property
    def is_settled(self) -> bool:  # noqa: D102
        return self.state.is_told if self.state.has_left else not self._ear.holds

    @property
    def has_quit(self) -> bool:  # noqa: D102
        return self.state.has_quit or (self._is_guessing and self._plain.has_quit)

    @property
    def wants_client(self) -> bool:  # noqa: D102
        return self.state.is_plain or self._ear.wants

    @property
    def has_more(self) -> bool:  # noqa: D102
        return self._ear.has_more

    @property
    def spared(self) -> int:  # noqa: D102
        return self.state.spared

    @property
    def wants_tls(self) -> bool:  # noqa: D102
        return self.state.wants_tls

    @property
    def is_idling(self) -> bool:  # noqa: D102
        return self._dispatch.is_idling

    @property
    def _is_guessing(self) -> bool:
        return self.state.is_doubtful or self.state.is_plain

    # -- the talk --------------------------------------------------------------------------------

    def start(self, greeting: bytes, ready: bytes, now: float) -> None:
        """Begin with the server's greeting, and with its answer to CAPABILITY if it was asked while it waited."""
        self.state.now = self.state.since = now
        self._client.outbox += self._server_ear.hear(memoryview(greeting))
        self._memory.greeting_tells = self.state.known is not None
        *others, told = ready.splitlines(keepends=True) or [b""]
        if told and (found := listed_in(told)):
            self.state.known = found[1]
        self._client.outbox += self._server_ear.hear(memoryview(b"".join(others)))

    def client_said(self, data: bytes | bytearray | memoryview, now: float) -> memoryview:
        """Hear the client. Gives what goes to the server as it is, after its outbox."""
        state, view = self.state, memoryview(data)
        state.now = now
        if state.has_left or state.wants_tls or state.failure is not None:
            return _NOTHING
        if self._is_guessing:
            self._plain.client_said(view, now)
        if state.is_plain or self._dispatch.is_deaf:
            return view
        if view and self._ear.passes(len(view)):
            return view
        was_guessing = self._is_guessing
        self._client.inbox += view
        self._listen()
        if self._is_guessing and not was_guessing:
            self._plain.client_said(view, now)
        return _NOTHING

    def server_said(self, data: bytes | bytearray | memoryview, now: float) -> memoryview:
        """Hear the server. Gives what goes to the client as it is, after its outbox."""
        state, view = self.state, memoryview(data)
        state.now = now
        if self._is_guessing:
            self._plain.server_said(view, now)
        if state.is_plain:
            return view
        straight = self._server_ear.hear(view)
        if state.has_left:  # the client has had its goodbye from us
            self._client.outbox.clear()
            return _NOTHING
        if state.is_plain:
            self._become_plain()
            return straight
        before = len(self._client.outbox)
        self._listen()
        if len(self._client.outbox) > before:  # words of ours that come after all that the server has said
            self._client.outbox[before:before] = straight
            return _NOTHING
        return straight

    def _listen(self) -> None:
        """Hear what the client has said, as far as its turn has come."""
        self._ear.listen()
        self._hurry.see(self.state.now, hurries=self._ear.hurries)
        self.has_spoken |= bool(self._server.outbox)

    def _become_plain(self) -> None:
        """From now on just octets."""
        self._plain.server_said(b"\n", self.state.now)
        self._server.outbox += self._plain.client_said(self._client.inbox, self.state.now)
        self._client.inbox.clear()

    def client_ended(self, now: float) -> None:
        """The client says no more."""
        self.state.now = now
        self.state.has_client_ended = True
        self._listen()
        self._plain.client_ended(now)

    def server_ended(self, now: float) -> None:
        """The server says no more: what is there is given out."""
        self.state.now = now
        if not self.state.has_left:
            self._server_ear.let_go()

    @property
    def due(self) -> float:
        """When a response is kept no longer; before TLS, where that is required, nothing goes unheard."""
        return math.inf if self._answering.is_strict else self._hurry.due

    def on_time(self, now: float) -> None:
        """The server does not ask for a response that is here: it may want to hear it, and more, all the same."""
        self.state.now = now
        if self.due <= now and self._ear.hurries:
            self._plain.client_said(self._client.inbox, now)
            if self.state.has_client_ended:
                self._plain.client_ended(now)
            self._dispatch.go_on_unasked(self._client.inbox)
            self._listen()

    def over(self, now: float, *, server_left: bool) -> None:  # noqa: ARG002 - the seam's
        """Count this client's sessions."""
        self._memory.goes(self._visitor)
        self._answering.is_at_rest = bool  # it knew us: only the garbage collector could free the two
