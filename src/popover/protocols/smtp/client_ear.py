"""The client's ear: its commands, one line each, the lines of an AUTH, and bodies.

What it says leaves as it says it, without waiting for answers: a client that pipelines (RFC 2920) is not slowed down,
and nobody is hurried. Where the answer decides what comes next (DATA, AUTH), nothing more is heard until it is there.
"""

from __future__ import annotations

from collections.abc import Callable

from popover.errors import Misdialled
from popover.protocols.smtp.belated import PASSED_OVER, Belated
from popover.protocols.smtp.bodies import Bodies
from popover.protocols.smtp.body import Chunk
from popover.protocols.smtp.commands import BEFORE_TLS, HELLOS, KNOWN, LINE_LIMIT, Command, parse
from popover.protocols.smtp.hello import Hello
from popover.protocols.smtp.leaving import Leaving
from popover.protocols.smtp.login import Login
from popover.protocols.smtp.queue import Ask, Owed
from popover.protocols.smtp.starttls import StartTLS
from popover.protocols.smtp.state import State
from popover.protocols.strangers import Strangers
from popover.talk import End, take_line

TURNS_LIMIT = 512
"""Commands of a client that pipelines, not yet answered; more wait unread. RFC 5321 section 4.5.3.1.8 wants 100
recipients a mail, Postfix takes 1,000."""

BURST = 64
"""Commands heard in one go: some 3 ms of work, and then it is the others' turn. A mail to fifty is one flight."""

INBOX_LIMIT = 64 * 1024
"""Octets that may wait to be heard: a client that sends a mail without waiting for DATA's answer goes on then."""


class ClientEar:
    """Hears one client. What it says and is not heard yet stands in the end's inbox. `has_more`: see `dialect.Ears`."""

    def __init__(  # noqa: PLR0913, PLR0917 - it is where all parts meet
        self,
        state: State,
        client: End,
        server: End,
        owed: Owed,
        hello: Hello,
        leaving: Leaving,
        bodies: Bodies,
        belated: Belated,
    ) -> None:
        self.has_more = False
        self._state = state
        self._client = client
        self._server = server
        self._owed = owed
        self._hello = hello
        self._leaving = leaving
        self._mends = state.terms.bare_lf == "normalize"
        self._strangers = Strangers("an SMTP")
        self._bodies = bodies
        self._belated = belated
        self._login = Login(state)
        self._starttls = StartTLS(state, owed)
        self._matters: dict[bytes, Callable[[Command], object]] = {
            b"AUTH": self._auth, b"BDAT": self._chunk, b"DATA": self._data, b"STARTTLS": self._starttls.say,
            b"QUIT": self._quit,
        }  # fmt: skip

    @property
    def wants(self) -> bool:
        """More may be read from the client."""
        return len(self._owed.turns) < TURNS_LIMIT and len(self._client.inbox) < INBOX_LIMIT

    @property
    def holds(self) -> bool:
        """Something that the client has said waits for an answer before the server hears it, as on a wire it would not.

        Behind QUIT nothing is waited for: that is for no server.
        """
        state = self._state
        if not self._client.inbox or state.is_plain or state.failure is not None:
            return False
        return self.has_more or len(self._owed.turns) >= TURNS_LIMIT or self.hurries or self._waits_its_turn

    @property
    def hurries(self) -> bool:
        """The client has not waited for the answer that decides what its next words are."""
        waits_for = self._state.waits_for
        if not self._client.inbox or waits_for is None or self._state.is_plain or self._state.challenged:
            return False
        return waits_for.verb != b"QUIT" and waits_for.words is None

    @property
    def _may_listen(self) -> bool:
        state = self._state
        if (state.waits_for is not None and not state.challenged) or self._waits_its_turn:
            return False
        return state.failure is None and not state.turns_plain and len(self._owed.turns) < TURNS_LIMIT

    @property
    def _waits_its_turn(self) -> bool:
        """The server takes one command at a time, and has yet to answer one. A body is none; an empty line may never
        be answered.
        """
        state = self._state
        if not state.is_paced or state.body is not None or state.challenged:
            return False
        return any(not ask.is_doubtful for ask in self._owed.turns)

    def let_go(self) -> None:
        """Hear no more: what it keeps here knows it, and only the garbage collector could free the two."""
        self._matters.clear()

    def listen(self) -> None:
        """Hear what has come, as far as it may be heard now."""
        inbox = self._client.inbox
        self.has_more = False
        for _ in range(BURST):
            if not inbox or not self._may_listen:
                return
            if self._state.body is not None:
                piece = bytes(inbox)
                inbox.clear()
                self._server.outbox += self._bodies.hear(memoryview(piece))
            elif not self._hear_line():
                return
        self.has_more = bool(inbox) and self._may_listen

    def _hear_line(self) -> bool:
        """Hear one line; False: there is no whole one."""
        inbox, state = self._client.inbox, self._state
        line = take_line(inbox, LINE_LIMIT)
        if not line:
            if len(inbox) >= LINE_LIMIT:
                self._is_too_long(bytes(inbox[:LINE_LIMIT]))
            return False
        if state.challenged:
            self._respond(line)
        else:
            self._command(parse(line))
        return True

    def _is_too_long(self, line: bytes) -> None:
        """Leave a line without an end to the server, if a mail program says it."""
        state = self._state
        if state.challenged or state.logged_in or parse(line).verb in KNOWN:
            state.turn_plain()
        if not state.turns_plain:
            state.failure = Misdialled(
                f"a command of more than {LINE_LIMIT:,} octets is too long",
                "RFC 5321 section 4.5.3.1.4 allows 512; is it a mail program that connects here?",
            )

    def end(self) -> None:
        """The client says no more: what is there of a line, or was kept back of a body, goes as it is; but not half of
        a line that would be answered here.
        """
        inbox = self._client.inbox
        if self._state.body is not None:
            self._server.outbox += self._state.body.rest()
        elif self._may_listen and not self.has_more:
            is_ours = self._state.needs_tls or parse(bytes(inbox)).verb == b"STARTTLS"
            self._server.outbox += b"" if is_ours else inbox
            inbox.clear()

    # -- commands --------------------------------------------------------------------------------

    def _command(self, command: Command) -> None:
        verb, state = command.verb, self._state
        if self._belated.is_one(command):
            self._owed.owe(Ask(verb, PASSED_OVER))
            return
        if verb in KNOWN:
            state.has_begun = True
        elif self._is_strange():
            return
        if state.needs_tls and (verb not in BEFORE_TLS or command.may_be_two):
            self._starttls.refuse(command)
        elif verb in HELLOS:
            self._greet(command)
        else:
            self._matters.get(verb, self.pass_on)(command)

    def _is_strange(self) -> bool:
        """Count a command that no mail program says; whether it was one too many. Who sends mail is one, and may say it
        to its end whatever the server answers to MAIL and DATA.
        """
        if not (self._state.logged_in or self._state.has_mailed):
            self._state.failure = self._strangers.one_more()
        return self._state.failure is not None

    def pass_on(self, command: Command) -> Ask:
        """Ask what the client asks."""
        ask = Ask(command.verb)
        ask.is_doubtful = not command.verb
        self._state.has_mailed |= command.verb in (b"MAIL", b"DATA")
        self._send(command.line)
        self._owed.owe(ask)
        return ask

    def _send(self, line: bytes) -> None:
        self._state.has_spoken = True
        if self._mends and not line.endswith(b"\r\n"):
            line = line[:-1] + b"\r\n"
        self._server.outbox += line

    def _greet(self, command: Command) -> None:
        words = self._hello.known(command)
        if words is not None:
            self._state.spared += not (self._owed.turns or self._client.inbox)  # who says more at once does not wait
            self._owed.owe(Ask(command.verb, words))
        else:
            self._hello.asked(command, self.pass_on(command))

    def _data(self, command: Command) -> None:
        self._state.waits_for = self.pass_on(command)

    def _chunk(self, command: Command) -> None:
        self.pass_on(command)
        if command.chunk:
            self._state.body = Chunk(command.chunk)

    def _quit(self, command: Command) -> None:
        told = self._leaving.say(command)
        if told is None:
            self._state.waits_for = self.pass_on(command)
            return
        self._send(command.line)
        self._owed.owe(told)
        self._client.inbox.clear()  # nobody hears it
        self._state.waits_for = told

    def _auth(self, command: Command) -> None:
        ask = self._state.waits_for = self.pass_on(command)
        self._login.hear(ask, command.argument)

    def _respond(self, line: bytes) -> None:
        """A line of an AUTH exchange goes through as it is."""
        self._state.challenged = False
        self._login.respond(line)
        self._send(line)
