"""POP3 with two ears: the client's commands, the server's answers, and what is done ahead of either.

Nothing of this changes an octet of what the client gets for what it asks, but for CAPA (what cannot work through
a gateway is left out), STLS, AUTH where the server would hang up at it and, if wanted, the word "error" in a +OK.
Answered on the server's behalf are only: USER, DELE of a message that this session has seen, QUIT of a session that
deleted nothing. Asked on the client's behalf are only questions without side effect; never a DELE, never a QUIT.

Dry: octets in, octets out; the wet side (popover.session.relay) has the sockets and the clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from popover.errors import Failure
from popover.protocols.dialect import Terms
from popover.protocols.plain import QUIET
from popover.protocols.pop3.answers import soften, stamp_of
from popover.protocols.pop3.memory import Memory
from popover.protocols.pop3.parts import Parts
from popover.talk import End


class Ears:
    """One session's POP3, from the greeting on. See `dialect.Ears`."""

    greets_again = is_at_work = is_idling = False

    def __init__(self, client: End, server: End, terms: Terms, memory: Memory) -> None:
        self.on_wake: Callable[[], None] = lambda: None
        self._wanted = terms.ahead
        self._client = client
        parts = self._parts = Parts(client, server, terms, memory)
        self.state = parts.state
        self.ahead = parts.ahead
        self._owed = parts.owed
        self._way = parts.way
        self._login = parts.login
        self._leaving = parts.leaving
        self._mending = parts.mending
        self._ear = parts.ear
        self._doubt = parts.doubt
        self._plain = parts.plain
        self._sending = parts.sending
        self._unheard = bytearray()  # what the server has said, too much for one go
        parts.leaving.on_wake = self._wake
        parts.login.on_free = self._free

    # -- facts -----------------------------------------------------------------------------------

    @property
    def user(self) -> str:
        """See `dialect.Ears`; so with all that follow."""
        return self._login.user

    @property
    def logged_in(self) -> bool:  # noqa: D102
        return self.state.logged_in

    @property
    def awaits_login(self) -> bool:  # noqa: D102
        return not self.state.logged_in and not self.state.is_plain

    @property
    def failure(self) -> Failure | None:  # noqa: D102
        return self.state.failure

    @property
    def is_owed(self) -> bool:  # noqa: D102
        return self._plain.is_owed or bool(self._owed.turns) or bool(self._unheard)

    @property
    def has_left(self) -> bool:  # noqa: D102
        return self._leaving.is_early and not self._owed.turns

    @property
    def has_quit(self) -> bool:  # noqa: D102
        return (self._leaving.has_said and not self._owed.turns) or (self.state.is_plain and self._plain.has_quit)

    @property
    def is_settled(self) -> bool:  # noqa: D102
        return (self._leaving.is_told or not self._leaving.is_early) and not self._way.unsent

    @property
    def asked_last(self) -> bool:  # noqa: D102
        return self._way.guessed_last

    @property
    def gap(self) -> float:  # noqa: D102
        state, gap = self.state, 0.0
        if state.is_plain:
            gap = self._plain.gap
        elif state.is_odd and state.ended_early and not self._owed.turns:
            gap = state.manners.patience
        return min(gap, QUIET)  # a wire tells the server at once

    @property
    def wants_client(self) -> bool:  # noqa: D102
        return self._ear.wants and not self._doubt.is_over

    @property
    def unheard(self) -> bytes | None:  # noqa: D102
        return self._doubt.unheard if self._doubt.is_over else None

    @property
    def wants_server(self) -> bool:  # noqa: D102
        return not self._unheard and (bool(self._owed.turns) or not self.ahead.is_full)

    @property
    def has_more(self) -> bool:  # noqa: D102
        return self._ear.has_more or bool(self._unheard)

    @property
    def wants_tls(self) -> bool:  # noqa: D102
        return self.state.begins_tls and not self._owed.turns

    @property
    def has_spoken(self) -> bool:  # noqa: D102
        return self._way.has_spoken or bool(self._owed.asked)

    @property
    def spared(self) -> int:  # noqa: D102
        return self.state.spared.round_trips

    @property
    def held(self) -> int:
        """Octets kept for a client that has not asked for them yet."""
        return self.ahead.held

    # -- the talk --------------------------------------------------------------------------------

    def start(self, greeting: bytes, ready: bytes, now: float) -> None:
        """Begin with the server's greeting, and with its answer to CAPA if it was asked while it waited."""
        self.state.now = self.state.client_spoke = self.state.server_spoke = now
        stamp = stamp_of(greeting)
        self.state.has_stamp = bool(stamp)
        self.state.has_stale_stamp = bool(self.state.stamp) and self.state.stamp != stamp
        self._doubt.begin()
        self._owed.say(soften(greeting) if self._wanted.soften else greeting)
        if b"\n" in greeting[:-1]:
            self.state.unasked_at, self.state.is_careful = now, True
        if ready and self._wanted.wants_to_know:
            self._parts.questions.was_told(ready)

    def client_said(self, data: bytes | bytearray | memoryview, now: float) -> memoryview:
        """Hear the client."""
        self.state.now = now
        if data:
            self.state.client_spoke = now
        self._doubt.client_said(data)
        if self._unheard:
            self._hear_on()
        if self.state.is_plain:
            return self._plain.client_said(data, now)
        if not self._leaving.has_said and not self.state.begins_tls:  # after QUIT there is nothing to say
            self._client.inbox += data
            self._ear.listen()
            self._sending.go_on()
        return memoryview(b"")

    def server_said(self, data: bytes | bytearray | memoryview, now: float) -> memoryview:
        """Hear the server. Gives what goes to the client as it is, after its outbox."""
        self.state.now = self.state.server_spoke = now
        data = self._doubt.server_said(data)
        if self._unheard:
            self._unheard += data
            return memoryview(b"")
        return self._hear(memoryview(data))

    def _hear_on(self) -> None:
        """Hear more of what was too much for one go."""
        said, self._unheard = self._unheard, bytearray()
        straight = self._hear(memoryview(said))
        self._client.outbox += straight

    def _hear(self, view: memoryview) -> memoryview:
        if self.state.is_plain:
            return self._plain.server_said(view, self.state.now)
        self._mending.heard()
        straight, rest = (view[:0], view) if self._owed.is_lost else self._owed.hear(view)
        if rest and self._owed.is_lost:
            self._mending.hear(rest)
        else:
            self._unheard += rest
        before = len(self._client.outbox)
        if not self.state.turns_plain:
            self._ear.listen()
        self._sending.go_on()
        if len(self._client.outbox) > before:  # words of ours that come after all that the server has said
            self._client.outbox[before:before] = straight
            straight = straight[:0]
        return straight

    def client_ended(self, now: float) -> None:
        """The client says no more."""
        self.state.now = now
        self.state.has_client_ended, self.state.ended_early = True, self.is_owed
        self._plain.client_ended(now)
        if self._owed.client_goes_on():
            self.state.is_careful = True

    def server_ended(self, now: float) -> None:
        """The server says no more: what is owed and there is given out."""
        self.state.now = now
        self._unheard += self._doubt.server_ended()
        while self._unheard:
            self._hear_on()
        if self._doubt.is_over:
            return
        self._login.server_left()
        self._owed.end()
        self._leaving.server_left()

    # -- time ------------------------------------------------------------------------------------

    @property
    def due(self) -> float:
        """When something is to be done by itself."""
        if self.state.begins_tls and self.wants_tls:
            return math.inf
        return min(self._parts.timing.due, self._doubt.due)

    def on_time(self, now: float) -> None:
        """Do what is due."""
        self.state.now = now
        if self.wants_tls:
            return
        if now >= self._doubt.due:
            self._unheard += self._doubt.let_go()
            self._hear_on()
        self._parts.timing.on_time()
        self._sending.go_on()

    def _wake(self) -> None:
        self.on_wake()

    def _free(self) -> None:
        """The mailbox that a login has waited for is free."""
        self._login.go_on()
        self._sending.go_on()
        self.on_wake()

    def over(self, now: float, *, server_left: bool) -> None:
        """Remember this session for the next one."""
        self.state.now = now
        self._login.over()
        self._leaving.over()
        self._parts.lesson.learn(server_left=server_left)
        self._parts.let_go()
