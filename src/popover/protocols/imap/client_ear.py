"""The client's ear: its commands with their literals, and which of them are answered here.

Commands are passed on as whole lines, literals as they come. What must be answered here waits until the client is owed
nothing else, so that each answer comes in its turn.
"""

from __future__ import annotations

from popover.protocols.imap.answering import Answering
from popover.protocols.imap.grammar import LINE_LIMIT, Command, Literal, literal_of_client, parse
from popover.protocols.imap.login import Login
from popover.protocols.imap.long_line import LongLine
from popover.protocols.imap.owed import Ask, Owed
from popover.protocols.imap.state import State
from popover.protocols.imap.underway import Mode, Underway
from popover.talk import End

BURST = 32
"""Lines heard in one go: some 0.4 ms of work at most, and then it is the others' turn."""


class ClientEar:
    """Hears one client. What it says and is not heard yet stands in the end's inbox."""

    def __init__(self, state: State, client: End, server: End, owed: Owed, answering: Answering, login: Login) -> None:
        self.has_more = False
        self.is_deaf = False  # what the client says is just passed on
        self._state = state
        self._client = client
        self._server = server
        self._owed = owed
        self._answering = answering
        self._login = login
        self._underway: Underway | None = None
        self._is_waiting = False  # for an answer after which it may be no IMAP any more
        self._long = LongLine()
        self._seen = 0  # octets without a line end
        self._has_broken_idle = False

    # -- facts -----------------------------------------------------------------------------------

    @property
    def wants(self) -> bool:
        """More may be read from the client."""
        return len(self._client.inbox) < LINE_LIMIT

    @property
    def awaits(self) -> bool:
        """The client waits for a word of the server on a command that is under way."""
        on = self._underway
        if on is None or on.is_refused or self.is_deaf:
            return False
        return on.awaits(has_client_ended=self._state.has_client_ended)

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
        state, on = self._state, self._underway
        if not self._client.inbox or state.is_plain or state.failure is not None:
            return False
        if on is None:
            return self._is_waiting
        return on.mode is Mode.RESPONSE and not (on.may_go_on or self._long.is_under_way)

    def go_on_unasked(self) -> None:
        """The server may want to hear what waits all the same. Is it a response, or a command? Nobody knows of any line
        from here on.
        """
        self.is_deaf = self._state.is_doubtful = True
        self._is_waiting = False
        inbox = self._client.inbox
        self._login.respond(bytes(inbox.partition(b"\n")[0]))
        self._server.outbox += inbox
        inbox.clear()

    @property
    def is_idling(self) -> bool:
        """The client waits to be told something (RFC 2177)."""
        return self._underway is not None and self._underway.mode is Mode.DONE and self._underway.may_go_on

    @property
    def may_be_told(self) -> bool:
        """The client may be waiting to be told to go on."""
        return self._underway is not None

    def knows(self, begin: bytes) -> bool:
        """Whether the tag of what is under way begins so."""
        return self._underway is not None and bool(begin) and self._underway.ask.tag.startswith(begin)

    def passes(self, size: int) -> bool:
        """Whether so many octets are all of a literal that goes to the server as it is."""
        on = self._underway
        if on is None or on.left < size or on.is_refused or self._client.inbox or self._login.awaits_name:
            return False
        on.came(size)
        return True

    @property
    def _may_listen(self) -> bool:
        state, on = self._state, self._underway
        if state.is_plain or state.has_left or state.wants_tls or state.failure is not None or self._is_waiting:
            return False
        if on is not None and on.mode is Mode.RESPONSE:
            return on.may_go_on or self._long.is_under_way
        return True

    # -- what the server says --------------------------------------------------------------------

    def go_on(self) -> None:
        """The server has said "+" (RFC 9051 section 7.6)."""
        if self._underway is not None:
            self._underway.may_go_on = True

    def answered(self, tag: bytes) -> Ask | None:
        """The server has answered a command that is under way, or was it another?"""
        on = self._underway
        if on is None or not tag or on.ask.tag != tag or on.is_answered or on.is_refused:
            return None
        if on.answered():
            self._underway = None
        else:  # the rest of it comes all the same
            self._state.may_owe_more = True
        return on.ask

    def release(self) -> None:
        """It is still IMAP."""
        self._is_waiting = False

    # -- what the client says --------------------------------------------------------------------

    def listen(self) -> None:
        """Hear what has come, as far as it may be heard now."""
        inbox = self._client.inbox
        self.has_more = False
        for _ in range(BURST):
            if not inbox or not self._may_listen:
                return
            if self._underway is not None and self._underway.left:
                self._take_literal(self._underway)
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
        on = self._underway
        is_for_server = not (on is not None and on.is_refused) and not self._answering.is_strict
        if self._state.has_client_ended and is_for_server:
            self._server.outbox += self._client.inbox
            self._client.inbox.clear()

    def _take(self, line: bytes) -> bool:
        """Hear a whole line; whether its turn has come."""
        inbox, on = self._client.inbox, self._underway
        if on is not None and on.mode is Mode.DONE and line.strip().upper() != b"DONE":
            if (command := parse(line)).is_sure and command.verb == b"STARTTLS":
                return self._answering.in_idle(command.tag, inbox, line)
            self._break_idle(on)
            on = None
        if on is None:
            command = self._parse(line)
            if self._answering.must(command) and not self._answering.may_now:
                return False
            is_alone = len(inbox) == len(line)
            del inbox[: len(line)]
            self._command(command, line, is_alone=is_alone)
            return True
        if on.is_refused and literal_of_client(line) is None and not self._answering.may_now:
            return False
        del inbox[: len(line)]
        if on.mode is Mode.RESPONSE:
            self._login.respond(line)
        if not on.is_refused:
            self._server.outbox += line
        self._end_line(on, line)
        return True

    def _parse(self, line: bytes) -> Command:
        """Take a command apart. One that ended an IDLE may have been taken by the server for a bad DONE."""
        command = parse(line)
        return command._replace(is_sure=False) if self._has_broken_idle else command

    def _command(self, command: Command, line: bytes, *, is_alone: bool) -> None:
        """Hear the first line of a command, and answer it or pass it on."""
        answering, literal = self._answering, literal_of_client(line)
        self._state.has_heard_line = True
        if not line.strip():
            self._server.outbox += line  # most servers pass over it
            return
        if self._is_one_too_many(command):
            return
        if answering.must(command):
            self._refuse(command, literal)
        elif answering.may(command, is_alone=is_alone):
            if command.verb == b"LOGOUT":
                self._server.outbox += line
                self._owed.add(Ask(command.tag, command.verb))
            answering.answer(command.tag, command.verb)
        else:
            self._server.outbox += line
            self._end_line(self._begin(command, literal), line)

    def _is_one_too_many(self, command: Command) -> bool:
        """Whether this is one unknown command too many; one that ended an IDLE may be no command."""
        return not self._has_broken_idle and self._answering.is_one_too_many(command)

    def _refuse(self, command: Command, literal: Literal | None) -> None:
        """Answer what is not for the server; a literal that comes unasked has to go by first. What stands behind a
        STARTTLS is TLS, or the handshake fails on it (protocol notes, S1).
        """
        tag = command.tag if command.is_sure else b"*"
        if literal is not None and not literal.waits:
            self._underway = Underway(Ask(tag, command.verb), is_refused=True)
            self._underway.announce(literal)
        else:
            self._answering.refuse(tag, command.verb)

    def _begin(self, command: Command, literal: Literal | None) -> Underway:
        """A command goes to the server."""
        self._has_broken_idle = False
        self._state.is_doubtful |= not command.is_sure
        self._state.has_said_logout |= command.verb == b"LOGOUT"
        mechanism = self._login.hear(command, literal)
        on = self._underway = Underway(Ask(command.tag if command.is_sure else b"", command.verb, mechanism))
        return on

    def _end_line(self, on: Underway, end: bytes) -> None:
        """A line of what is under way is over; `end`: its last octets."""
        verb = on.ask.verb
        literal = literal_of_client(end) if on.mode is Mode.REST else None
        if on.mode is Mode.RESPONSE:
            on.may_go_on = False
        elif literal is not None:
            on.announce(literal)
        elif on.is_refused:
            self._underway = None
            self._answering.refuse(on.ask.tag, verb)
        elif verb == b"AUTHENTICATE" and not on.is_answered and on.ask.tag:
            on.go_on(Mode.RESPONSE)
        elif verb == b"IDLE" and not on.is_answered and on.ask.tag and on.mode is Mode.REST:
            on.go_on(Mode.DONE)
        else:
            self._underway = None
            if on.ask.tag and not on.is_answered:
                self._state.is_doubtful |= not self._owed.add(on.ask)
                self._is_waiting = verb == b"COMPRESS"

    def _break_idle(self, on: Underway) -> None:
        """A command ends IDLE, without DONE: some servers hear it, others take it for a bad DONE."""
        self._underway = None
        self._owed.add(on.ask)
        self._has_broken_idle = True

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
        on = self._underway
        if on is None or on.mode is Mode.DONE:
            command = self._parse(bytes(self._client.inbox))
            if self._answering.is_too_long() or self._is_one_too_many(command):
                return
            self._begin(command, None)
        self._long.begin()

    def _pass_long(self) -> None:
        """Pass on what has come of it."""
        on = self._underway
        piece, end = self._long.take(self._client.inbox)
        if on is None or not on.is_refused:
            self._server.outbox += piece
        if end:
            self._state.has_heard_line = True
            if on is not None:
                self._end_line(on, end)
