"""The client's ear: what it says, cut into lines and literals.

Commands are passed on as whole lines, literals as they come, and lines that are too long to be looked at likewise. What
becomes of a command is `dispatch.py`'s business.
"""

from __future__ import annotations

from popover.protocols.imap.answering import Answering
from popover.protocols.imap.dispatch import Dispatch
from popover.protocols.imap.grammar import LINE_LIMIT, literal_of_client, parse
from popover.protocols.imap.login import Login
from popover.protocols.imap.long_line import LongLine
from popover.protocols.imap.state import State
from popover.protocols.imap.underway import Mode, Underway
from popover.talk import End

BURST = 32
"""Lines heard in one go: some 0.4 ms of work at most, and then it is the others' turn."""


class ClientEar:
    """Hears one client. What it says and is not heard yet stands in the end's inbox."""

    def __init__(
        self, state: State, client: End, server: End, answering: Answering, login: Login, dispatch: Dispatch
    ) -> None:
        self.has_more = False
        self._state = state
        self._client = client
        self._server = server
        self._answering = answering
        self._login = login
        self._dispatch = dispatch
        self._long = LongLine()
        self._seen = 0  # octets without a line end

    # -- facts -----------------------------------------------------------------------------------

    @property
    def wants(self) -> bool:
        """More may be read from the client."""
        return len(self._client.inbox) < LINE_LIMIT

    @property
    def holds(self) -> bool:
        """Something that the client has said waits for a word of the server before that hears it, as on a wire it would
        not.
        """
        state = self._state
        if not self._client.inbox or state.is_plain or state.failure is not None:
            return False
        return self.has_more or self.hurries

    @property
    def hurries(self) -> bool:
        """The client has not waited to be asked for its response, or to be told whether it is still IMAP."""
        state, on = self._state, self._dispatch.underway
        if not self._client.inbox or state.is_plain or state.failure is not None:
            return False
        if on is None:
            return self._dispatch.is_waiting
        return on.mode is Mode.RESPONSE and not (on.may_go_on or self._long.is_under_way)

    def passes(self, size: int) -> bool:
        """Whether so many octets are all of a literal that goes to the server as it is."""
        on = self._dispatch.underway
        if on is None or on.left < size or on.is_refused or self._client.inbox or self._login.awaits_name:
            return False
        on.came(size)
        return True

    @property
    def _may_listen(self) -> bool:
        state, dispatch = self._state, self._dispatch
        if state.is_plain or state.has_left or state.wants_tls or state.failure is not None or dispatch.is_waiting:
            return False
        on = dispatch.underway
        if on is not None and on.mode is Mode.RESPONSE:
            return on.may_go_on or self._long.is_under_way
        return True

    # -- what the client says --------------------------------------------------------------------

    def listen(self) -> None:
        """Hear what has come, as far as it may be heard now."""
        inbox = self._client.inbox
        self.has_more = False
        for _ in range(BURST):
            if not inbox or not self._may_listen:
                return
            if self._dispatch.underway is not None and self._dispatch.underway.left:
                self._take_literal(self._dispatch.underway)
                continue
            if self._long.is_under_way:
                self._pass_long()
                continue
            cut = inbox.find(b"\n", self._seen)
            if cut >= 0:
                self._seen = 0
                if not self._take(bytes(inbox[: cut + 1])):
                    return
            elif len(inbox) >= LINE_LIMIT:
                self._begin_long()
            else:
                self._seen = len(inbox)
                self._let_go()
                return
        self.has_more = bool(inbox) and self._may_listen

    def _let_go(self) -> None:
        """What a client that has ended leaves of a line is for the server, as it would be without us."""
        on = self._dispatch.underway
        is_for_server = not (on is not None and on.is_refused) and not self._answering.is_strict
        if self._state.has_client_ended and is_for_server:
            self._server.outbox += self._client.inbox
            self._client.inbox.clear()

    def _take(self, line: bytes) -> bool:
        """Hear a whole line; whether its turn has come."""
        inbox, on = self._client.inbox, self._dispatch.underway
        if on is not None and on.mode is Mode.DONE and line.strip().upper() != b"DONE":
            if (command := parse(line)).is_sure and command.verb == b"STARTTLS":
                return self._answering.in_idle(command.tag, inbox, line)
            self._dispatch.break_idle(on)
            on = None
        if on is None:
            command = self._dispatch.take_apart(line)
            if self._answering.must(command) and not self._answering.may_refuse(command):
                return False
            is_alone = len(inbox) == len(line)
            del inbox[: len(line)]
            self._dispatch.hear(command, line, is_alone=is_alone)
            return True
        if on.is_refused and literal_of_client(line) is None and not self._answering.may_now:
            return False
        del inbox[: len(line)]
        if on.mode is Mode.RESPONSE:
            self._login.respond(line)
        if not on.is_refused:
            self._server.outbox += line
        self._dispatch.end_line(on, line)
        return True

    def _take_literal(self, on: Underway) -> None:
        """Hear some of a literal."""
        inbox = self._client.inbox
        piece = bytes(inbox[: on.left])
        del inbox[: len(piece)]
        on.came(len(piece))
        if not on.is_refused:
            self._server.outbox += piece
            self._login.hear_literal(piece)

    # -- long lines ------------------------------------------------------------------------------

    def _begin_long(self) -> None:
        """A line is too long to be looked at as a whole: what it is stands at its beginning."""
        self._seen = 0
        on = self._dispatch.underway
        if on is None or on.mode is Mode.DONE:
            command = self._dispatch.take_apart(bytes(self._client.inbox))
            if self._answering.is_too_long() or self._dispatch.is_one_too_many(command):
                return
            self._dispatch.begin(command, None)
        self._long.begin()

    def _pass_long(self) -> None:
        """Pass on what has come of it."""
        on = self._dispatch.underway
        piece, end = self._long.take(self._client.inbox)
        if on is None or not on.is_refused:
            self._server.outbox += piece
        if end:
            self._state.has_heard_line = True
            if on is not None:
                self._dispatch.end_line(on, end)
