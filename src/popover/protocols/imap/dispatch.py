"""What becomes of the client's commands: for the server, or answered here; and which one is under way.

The client's ear cuts what it hears into lines and literals; here it is known what each of them belongs to. What must be
answered here waits until the client is owed nothing else, so that each answer comes in its turn; but for a STARTTLS
that is refused in any case.
"""

from __future__ import annotations

from popover.protocols.imap.answering import Answering
from popover.protocols.imap.grammar import Command, Literal, literal_of_client, parse
from popover.protocols.imap.login import Login
from popover.protocols.imap.owed import Ask, Owed
from popover.protocols.imap.state import State
from popover.protocols.imap.underway import Mode, Underway
from popover.talk import End


class Dispatch:
    """That of one session. `underway`: the command that is not said to its end, or goes on behind its line, if there is
    one. `is_waiting`: for an answer after which it may be no IMAP any more. `is_deaf`: what the client says is just
    passed on.
    """

    def __init__(self, state: State, server: End, owed: Owed, answering: Answering, login: Login) -> None:
        self.is_deaf = self.is_waiting = False
        self.underway: Underway | None = None
        self._state = state
        self._server = server
        self._owed = owed
        self._answering = answering
        self._login = login
        self._has_broken_idle = False

    # -- facts -----------------------------------------------------------------------------------

    @property
    def awaits(self) -> bool:
        """The client waits for a word of the server on a command that is under way."""
        on = self.underway
        if on is None or on.is_refused or self.is_deaf:
            return False
        return on.awaits(has_client_ended=self._state.has_client_ended)

    @property
    def is_idling(self) -> bool:
        """The client waits to be told something (RFC 2177)."""
        return self.underway is not None and self.underway.mode is Mode.DONE and self.underway.may_go_on

    @property
    def may_be_told(self) -> bool:
        """The client may be waiting to be told to go on."""
        return self.underway is not None

    def knows(self, begin: bytes) -> bool:
        """Whether the tag of what is under way begins so."""
        return self.underway is not None and bool(begin) and self.underway.ask.tag.startswith(begin)

    # -- what the server says --------------------------------------------------------------------

    def go_on(self) -> None:
        """The server has said "+" (RFC 9051 section 7.6)."""
        if self.underway is not None:
            self.underway.may_go_on = True

    def answered(self, tag: bytes) -> Ask | None:
        """The server has answered a command that is under way, or was it another?"""
        on = self.underway
        if on is None or not tag or on.ask.tag != tag or on.is_answered or on.is_refused:
            return None
        if on.answered():
            self.underway = None
        else:  # the rest of it comes all the same
            self._state.may_owe_more = True
        return on.ask

    def release(self) -> None:
        """It is still IMAP."""
        self.is_waiting = False

    # -- what the client says --------------------------------------------------------------------

    def take_apart(self, line: bytes) -> Command:
        """Take a command apart. One that ended an IDLE may have been taken by the server for a bad DONE."""
        command = parse(line)
        return command._replace(is_sure=False) if self._has_broken_idle else command

    def hear(self, command: Command, line: bytes, *, is_alone: bool) -> None:
        """Hear the first line of a command, and answer it or pass it on."""
        answering, literal = self._answering, literal_of_client(line)
        self._state.has_heard_line = True
        if not line.strip():
            self._server.outbox += line  # most servers pass over it
            return
        if self.is_one_too_many(command):
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
            self.end_line(self.begin(command, literal), line)

    def is_one_too_many(self, command: Command) -> bool:
        """Whether this is one unknown command too many; one that ended an IDLE may be no command."""
        return not self._has_broken_idle and self._answering.is_one_too_many(command)

    def _refuse(self, command: Command, literal: Literal | None) -> None:
        """Answer what is not for the server; a literal that comes unasked has to go by first. What stands behind a
        STARTTLS is TLS, or the handshake fails on it (protocol notes, S1).
        """
        tag = command.tag if command.is_sure else b"*"
        if literal is not None and not literal.waits:
            self.underway = Underway(Ask(tag, command.verb), is_refused=True)
            self.underway.announce(literal)
        else:
            self._answering.refuse(tag, command.verb)

    def begin(self, command: Command, literal: Literal | None) -> Underway:
        """A command goes to the server."""
        self._has_broken_idle = False
        self._state.is_doubtful |= not command.is_sure
        self._state.has_said_logout |= command.verb == b"LOGOUT"
        mechanism = self._login.hear(command, literal)
        on = self.underway = Underway(Ask(command.tag if command.is_sure else b"", command.verb, mechanism))
        return on

    def end_line(self, on: Underway, end: bytes) -> None:
        """A line of what is under way is over; `end`: its last octets."""
        verb = on.ask.verb
        literal = literal_of_client(end) if on.mode is Mode.REST else None
        if on.mode is Mode.RESPONSE:
            on.may_go_on = False
        elif literal is not None:
            on.announce(literal)
        elif on.is_refused:
            self.underway = None
            self._answering.refuse(on.ask.tag, verb)
        elif verb == b"AUTHENTICATE" and not on.is_answered and on.ask.tag:
            on.go_on(Mode.RESPONSE)
        elif verb == b"IDLE" and not on.is_answered and on.ask.tag and on.mode is Mode.REST:
            on.go_on(Mode.DONE)
        else:
            self.underway = None
            if on.ask.tag and not on.is_answered:
                self._state.is_doubtful |= not self._owed.add(on.ask)
                self.is_waiting = verb == b"COMPRESS"

    def break_idle(self, on: Underway) -> None:
        """A command ends IDLE, without DONE: some servers hear it, others take it for a bad DONE."""
        self.underway = None
        self._owed.add(on.ask)
        self._has_broken_idle = True

    def go_on_unasked(self, inbox: bytearray) -> None:
        """The server may want to hear what waits all the same. Is it a response, or a command? Nobody knows of any line
        from here on.
        """
        self.is_deaf = self._state.is_doubtful = True
        self.is_waiting = False
        self._login.respond(bytes(inbox.partition(b"\n")[0]))
        self._server.outbox += inbox
        inbox.clear()
