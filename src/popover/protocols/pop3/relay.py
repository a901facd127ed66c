"""POP3 with two ears: the client's commands, the server's answers, and what is done ahead of either.

Nothing of this changes an octet of what the client gets for what it asks, but for CAPA (what can't work through
a gateway is left out) and, if wanted, the word "error" in a +OK. Answered on the server's behalf are only: USER,
DELE of a message that this session has seen, QUIT of a session that deleted nothing. Asked on the client's
behalf are only questions without side effect; never a DELE, never a QUIT. Where the server does not offer
PIPELINING, and after any -ERR among the guesses, everything goes step by step.

Dry: octets in, octets out; the wet side (popover.session.attentive) has the sockets and the clock.
"""

from __future__ import annotations

from popover.protocols.pop3.answers import for_client, soften
from popover.protocols.pop3.ask import Ask
from popover.protocols.pop3.commands import KNOWN, LINE_LIMIT, RESPONSE_LIMIT, Command, parse
from popover.protocols.pop3.habits import QUESTIONS
from popover.protocols.pop3.outgoing import CAPA, NOOP
from popover.protocols.pop3.sign_in import SignIn

TURNS_LIMIT = 512
"""Commands of a client that pipelines, not yet answered; more wait unread. A mailbox of 500 messages fits."""

STRANGE_LIMIT = 5
"""Unknown commands before the login that end a session: a browser that was sent here (ALPACA). nginx: 5, too."""


class Relay(SignIn):
    """One session's POP3, from the greeting on.

    `client_said` and `server_said` fill the outboxes of both ends; the wet side sends them. `user`: the name of the
    login, for the log. `is_plain`: from now on just octets. `fault`: why the session can't go on, and `remedy`.
    `is_broken`: the server's answers can't be told apart any more, and some are to questions of ours.
    """

    # -- for the wet side ------------------------------------------------------------------------

    @property
    def is_broken(self) -> bool:
        """See the class."""
        return self._owed.is_broken

    @property
    def is_owed(self) -> bool:
        """The client waits for an answer."""
        return bool(self._owed.turns)

    @property
    def has_quit(self) -> bool:
        """The client has said QUIT, and has its answer."""
        return self._quit is not None and not self._owed.turns

    @property
    def left_early(self) -> bool:
        """The client has had its answer to QUIT from us: it may be let go, while the server is told."""
        return self._left_early and not self._owed.turns

    @property
    def held(self) -> int:
        """Octets kept for a client that has not asked for them yet."""
        return self._out.ahead.held

    @property
    def wants_client(self) -> bool:
        """Whether more may be read from the client."""
        return self._has_room and len(self._client.inbox) < RESPONSE_LIMIT

    @property
    def _has_room(self) -> bool:
        return len(self._owed.turns) < TURNS_LIMIT and not self._out.is_full

    @property
    def has_told_quit(self) -> bool:
        """The server has answered QUIT, so it is done."""
        return self._quit is not None and self._quit.is_done

    @property
    def waits_for_capa(self) -> bool:
        """Everything waits for the answer to a CAPA of ours."""
        return self._out.waits_for_capa

    @property
    def wants_server(self) -> bool:
        """Whether more may be read from the server: not if it is only for later, and enough is held."""
        return bool(self._owed.turns) or not self._out.ahead.is_full

    def keep_alive(self) -> bool:
        """Say NOOP to a server that may drop idle sessions; False if this is not the time for it."""
        if self.is_plain or self._quit or not self.logged_in or self._owed.asked:
            return False
        self._out.tell(NOOP)
        self._out.send()
        return True

    def start(self, greeting: bytes, capa: bytes = b"") -> None:
        """Begin with the server's greeting, and with its answer to CAPA if it was asked while it waited."""
        self._owed.say(soften(greeting) if self._service.ahead.soften else greeting)
        if not self._out.is_useful:
            return
        if capa:
            self._learn_capabilities(capa)
            known = Ask(CAPA, claimed=False)
            known.is_done = known.is_ok = True
            status, line_end, rest = for_client(capa).partition(b"\n")
            known.kept += (soften(status) if self._service.ahead.soften else status) + line_end + rest
            self._out.ahead.add(known)
            self._out.ahead.held += len(known.kept)
            self._is_informed = True

    def over(self, *, lost: bool) -> None:
        """Remember this session for the next one. `lost`: the server went away, or does not answer."""
        out, ahead = self._out, self._out.ahead
        if self.is_broken or (lost and not out.is_careful and self._quit is None and out.is_ahead):
            self._habits.caution()
            return
        if self.is_plain or not self.logged_in:
            return
        ahead.drop_all()
        self._habits.learn(
            tuple(self._questions),
            fetched=ahead.has_walked,
            came_true=ahead.came_true,
            wasted=ahead.wasted,
            width=ahead.width,
        )

    # -- the client's ear ------------------------------------------------------------------------

    def client_said(self, data: bytes | bytearray | memoryview) -> None:
        """Hear the client."""
        if self.is_plain:
            self._server.outbox += data
        elif self._quit is None:  # after QUIT there is nothing to say
            self._client.inbox += data
            self._listen()
            self._out.send()

    def _listen(self) -> None:
        inbox = self._client.inbox
        while inbox and self._may_listen():
            is_response = self._owed.challenged
            limit = RESPONSE_LIMIT if is_response or inbox[:4].upper() == b"AUTH" else LINE_LIMIT
            cut = inbox.find(b"\n", 0, limit)
            if cut < 0:
                if len(inbox) >= limit:
                    self.fault = f"a command of more than {limit:,} octets is too long"
                    self.remedy = "RFC 2449 section 4 allows 255; is it a mail program that connects here?"
                return
            line = bytes(inbox[: cut + 1])
            del inbox[: cut + 1]
            if is_response:
                self._respond(line)
            else:
                self._command(parse(line))

    def _may_listen(self) -> bool:
        if self.is_plain or self._quit is not None or self.fault or not self._has_room:
            return False
        return not self._mechanism or self._owed.challenged

    def _command(self, command: Command) -> None:
        verb = command.verb
        if verb not in KNOWN:
            self._unknown(command)
        elif verb == b"USER":
            self._say_user(command)
        elif verb in (b"PASS", b"APOP"):
            self._log_in(command)
        elif verb == b"AUTH" and command.argument:
            self._authenticate(command)
        elif verb == b"STLS":
            self._mechanism = verb
            self._out.pass_on(command)
        elif verb in (b"RETR", b"TOP"):
            self._fetch(command)
        elif verb == b"DELE":
            self._delete(command)
        elif verb == b"QUIT":
            self._say_quit(command)
        else:
            self._ask(command)

    def _unknown(self, command: Command) -> None:
        self._is_strange = True
        self._out.be_careful()
        if not self.logged_in:
            self._strangers += 1
            if self._strangers >= STRANGE_LIMIT:
                self.fault = "this is a POP3 service, and these are no POP3 commands"
                self.remedy = "it was no POP3 program"
                return
        self._out.pass_on(command)

    def _ask(self, command: Command) -> None:
        if command.verb == b"LAST":
            self._habits.asks_last = True
        bare = command.verb in QUESTIONS and not command.argument
        if bare and self.logged_in and command.verb not in self._questions and not self._out.ahead.has_walked:
            self._questions.append(command.verb)
        self._out.pass_on(command)

    def _fetch(self, command: Command) -> None:
        found = self._out.pass_on(command)
        if command.number and self.logged_in:
            self._out.ahead.step(command, came_true=found.is_guess)
            self._out.guess_messages()

    def _delete(self, command: Command) -> None:
        out, mailbox = self._out, self._out.mailbox
        number = command.number
        is_sure = out.is_settled and out.pipelines and self.logged_in and not out.is_careful
        exists = number and b" " not in command.argument and mailbox.has(number)
        mailbox.is_touched = True
        if self._service.ahead.dele_at_once and is_sure and exists:
            out.ahead.outdate(command)
            mailbox.deleted.add(number)
            out.answer_early(command, b"+OK message %d deleted\r\n" % number)
        else:
            out.pass_on(command)

    def _say_quit(self, command: Command) -> None:
        self._out.give_up_guesses()
        is_free = not (self._out.mailbox.is_touched or self._is_strange or self._habits.locks)
        if self._service.ahead.quit_at_once and is_free:
            self._left_early = True
            self._quit = self._out.answer_early(command, b"+OK\r\n")
        else:
            self._quit = self._out.pass_on(command)
            self._quit.needs_all = True
        self._client.inbox.clear()
