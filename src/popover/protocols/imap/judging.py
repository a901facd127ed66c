"""What a server's lines mean: which command they answer, what they tell of the server."""

from __future__ import annotations

from collections.abc import Callable

from popover.errors import ServerFailure
from popover.protocols import sasl
from popover.protocols.imap.capability import View, listed_in
from popover.protocols.imap.dispatch import Dispatch
from popover.protocols.imap.owed import Ask, Owed
from popover.protocols.imap.state import State

_LOGINS = (b"LOGIN", b"AUTHENTICATE")


class Judging:
    """One session's `server_ear.Judge`."""

    def __init__(self, state: State, owed: Owed, dispatch: Dispatch, view: View) -> None:
        self.is_strict: Callable[[], bool] = lambda: False
        self._state = state
        self._owed = owed
        self._dispatch = dispatch
        self._view = view
        self._is_greeted = False

    @property
    def is_deaf(self) -> bool:
        """From here on octets just pass."""
        return self._state.is_plain

    def may_matter(self, begin: bytes) -> bool:
        """Whether a line that begins so is to be held until it is whole."""
        word, blank, rest = begin.partition(b" ")
        if word == b"*":
            return rest[:1].upper() in b"CONBP"  # nothing, too: what it is comes yet
        if begin[:1] == b"+":
            return True
        if blank:
            return word in self._owed or self._dispatch.knows(word)
        return self._owed.may_begin(word) or self._dispatch.knows(word)

    def judge(self, line: bytes) -> bytes:
        """Hear a whole line; give what the client gets for it."""
        word, _, rest = line.partition(b" ")
        if word == b"*":
            self._judge_untagged(rest)
        elif word.strip() == b"+" or (line[:1] == b"+" and self._dispatch.may_be_told):  # some leave out the blank
            self._dispatch.go_on()
            return line
        else:
            ask = self._dispatch.answered(word) or self._owed.take(word)
            if ask is None:
                return line
            self._answered(ask, is_ok=rest[:2].upper() == b"OK")
            self._state.may_owe_more |= ask.is_pushed and rest[:3].upper() == b"BAD"
        return self._rewrite(line) if b"CAPABILITY" in line.upper() else line

    def _judge_untagged(self, rest: bytes) -> None:
        kind = rest.split(None, 1)[0].upper() if rest.strip() else b""
        if kind == b"PREAUTH" and not self._is_greeted:
            if self.is_strict():
                self._state.failure = ServerFailure("the server wants no login, and this service wants one inside TLS")
            self._state.logged_in = True
        elif kind == b"BYE" and self._state.has_said_logout:
            self._state.has_quit = True
        self._is_greeted = True

    def _answered(self, ask: Ask, *, is_ok: bool) -> None:
        """A command has its answer."""
        state = self._state
        if ask.verb == b"LOGOUT":
            state.has_quit = state.is_told = True
        elif ask.verb == b"COMPRESS":  # RFC 4978: from here on it is deflated, or it is not
            self._dispatch.release()
            state.is_plain = is_ok
        elif is_ok and ask.verb in _LOGINS:
            state.logged_in = True
            state.is_plain = ask.verb == b"AUTHENTICATE" and sasl.may_add_a_layer(ask.mechanism)
        elif is_ok and ask.verb == b"UNAUTHENTICATE":  # RFC 8437
            state.logged_in, state.known = False, None
        state.is_plain |= (
            self._dispatch.is_deaf and ask.verb == b"AUTHENTICATE"
        )  # of a login there is nothing more to know

    def _rewrite(self, line: bytes) -> bytes:
        """Show the client what it may see, wherever the list of capabilities stands."""
        found = listed_in(line)
        if found is None:
            return line
        before, listed, behind = found
        state = self._state
        if not state.logged_in:
            state.known = listed
        return before + self._view.of(listed, logged_in=state.logged_in) + behind
