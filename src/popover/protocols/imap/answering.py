"""What is answered here, in place of the server.

Always: STARTTLS, since TLS begins with us; where a login has to wait for it, all but the few words that hold none.
Where it saves a round trip and nothing can be lost by it: CAPABILITY and NOOP before the login, LOGOUT while the server
is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from popover.errors import Misdialled
from popover.protocols.dialect import Terms
from popover.protocols.imap.capability import View
from popover.protocols.imap.grammar import LINE_LIMIT, Command
from popover.protocols.imap.memory import Memory
from popover.protocols.imap.owed import Owed
from popover.protocols.imap.state import State
from popover.protocols.strangers import Strangers
from popover.talk import End

EARLY = 10.0
"""Seconds from the start in which a server need not hear a NOOP: later it may be what keeps the server awake, which
may log out within a minute before the login (RFC 9051 section 5.4 sets no limit there)."""

TLS_FIRST = b"NO [PRIVACYREQUIRED] not without TLS: say STARTTLS first, or switch on TLS"
NO_TLS = {"on": b"BAD TLS is on already", "off": b"NO there is no TLS on this port, go on without"}
BEGIN_TLS = b"OK begin TLS now"

_BARE = (b"CAPABILITY", b"NOOP", b"LOGOUT")
_PRINTABLE = re.compile(rb"[ -~\x80-\xff]*(?<!\})\Z")  # no literal, no line end that some server might see


class Answering:
    """For one session. `is_at_rest`: whether the server is not in the middle of a line."""

    def __init__(self, terms: Terms, state: State, client: End, owed: Owed, view: View, memory: Memory) -> None:
        self.is_at_rest: Callable[[], bool] = lambda: True
        self._terms = terms
        self._state = state
        self._client = client
        self._owed = owed
        self._view = view
        self._memory = memory
        self._strangers = Strangers("an IMAP")

    @property
    def may_now(self) -> bool:
        """All else has been answered."""
        return not self._owed.count and self.is_at_rest()

    def may_refuse(self, command: Command) -> bool:
        """Whether the turn of what is not for the server has come. A STARTTLS that is refused in any case has its tag,
        and need not wait: what stands behind it is for the server, which may never answer what stands before it.
        """
        is_refused = command.verb == b"STARTTLS" and self._terms.tls in NO_TLS
        return self.may_now or (is_refused and self.is_at_rest())

    def must(self, command: Command) -> bool:
        """Whether this is not for the server. Before a TLS that has to begin, only what certainly holds no login is:
        some servers take tags, literals and line ends for good that others do not.
        """
        if not self.is_strict or (command.is_sure and command.verb == b"STARTTLS"):
            return command.is_sure and command.verb == b"STARTTLS"
        if command.verb == b"ID" and command.is_sure:
            return not _PRINTABLE.match(command.argument)
        return not (command.is_sure and command.verb in _BARE and not command.argument)

    @property
    def is_strict(self) -> bool:
        """TLS has to begin before a login."""
        return self._terms.tls == "require" and not self._state.logged_in

    def is_one_too_many(self, command: Command) -> bool:
        """Count the unknown commands before the login; whether these are enough."""
        if self._state.logged_in or command.is_known:
            return False
        self._state.failure = self._strangers.one_more()
        if self._state.failure is None:
            return False
        self._client.inbox.clear()
        return True

    def is_too_long(self) -> bool:
        """Whether a line of which only the beginning is looked at is too much: where a login has to wait for TLS."""
        if not self.is_strict:
            return False
        self._state.failure = Misdialled(f"a command of more than {LINE_LIMIT:,} octets is too long before TLS")
        return True

    def may(self, command: Command, *, is_alone: bool) -> bool:
        """Whether this may be answered at once. `is_alone`: the client has said nothing behind it."""
        wanted, state = self._terms.ahead, self._state
        if not (command.is_sure and is_alone and self.may_now) or command.argument:
            return False
        if state.is_doubtful or state.may_owe_more:
            return False
        if command.verb == b"LOGOUT":
            return wanted.quit_at_once and self._memory.may_leave(self._terms.visitor)
        knows = wanted.ask_ahead and state.known is not None and not state.logged_in
        return knows and command.verb in (b"CAPABILITY", b"NOOP") and state.now - state.since <= EARLY

    def refuse(self, tag: bytes, verb: bytes) -> None:
        """Answer what must be answered here."""
        if verb == b"STARTTLS":
            words = self._start_tls()
        elif tag == b"*":  # it may be a response of an AUTHENTICATE that nobody has asked for, and is not repeated
            words = b"BAD this is no command"
        else:
            words = TLS_FIRST
        self._client.outbox += tag + b" " + words + b"\r\n"

    def in_idle(self, tag: bytes, inbox: bytearray, line: bytes) -> bool:
        """Answer a STARTTLS in the midst of IDLE, which goes on; False: its turn has not come. `line`: it, the first in
        the inbox.
        """
        if not self.is_at_rest():
            return False
        del inbox[: len(line)]
        self._client.outbox += tag + b" BAD in the midst of IDLE: say DONE first\r\n"
        return True

    def answer(self, tag: bytes, verb: bytes) -> None:
        """Answer what may be answered here."""
        state, say = self._state, self._client.outbox.extend
        state.spared += 1
        if verb == b"LOGOUT":
            state.has_left = True
            say(b"* BYE logging out\r\n" + tag + b" OK LOGOUT completed\r\n")
        elif verb == b"NOOP":
            say(tag + b" OK NOOP completed\r\n")
        else:
            listed = self._view.of(state.known or b"", logged_in=False)
            say(b"* CAPABILITY" + listed + b"\r\n" + tag + b" OK CAPABILITY completed\r\n")

    def _start_tls(self) -> bytes:
        tls = self._terms.tls
        if tls in NO_TLS:
            return NO_TLS[tls]
        if self._state.logged_in:
            return b"BAD TLS begins before the login, or not at all"
        self._state.wants_tls = True
        return BEGIN_TLS
