"""The server's ear: what its answers teach, and what they set going."""

from __future__ import annotations

from abc import ABC, abstractmethod

from popover.config import Service
from popover.protocols.pop3.answers import capabilities, for_client
from popover.protocols.pop3.ask import Ask
from popover.protocols.pop3.commands import KNOWN
from popover.protocols.pop3.habits import Habits
from popover.protocols.pop3.outgoing import Outgoing
from popover.protocols.pop3.queue import Owed
from popover.talk import End

NOT_REMOVED = b"-ERR some deleted messages not removed\r\n"
"""RFC 1939 section 6, the answer to QUIT."""


IN_USE = b"[IN-USE]"
"""RFC 2449 section 8.1.1: another session has the mailbox, perhaps one whose QUIT is still under way."""


class ServerEar(ABC):
    """One half of a Relay; the other is the client's ear, which knows what was asked."""

    def __init__(self, service: Service, habits: Habits, client: End, server: End) -> None:
        self.user = ""
        self.fault = self.remedy = ""
        self.is_plain = False
        self._client = client
        self._server = server
        self._service = service
        self._habits = habits
        self._owed = Owed(client, self._judge, self._hold, softening=service.ahead.soften)
        self._out = Outgoing(service, habits, server, self._owed)
        self._mechanism = b""  # of an AUTH under way
        self._tells_user = False  # the next line of the client's side of it may hold the user's name
        self._quit: Ask | None = None
        self._left_early = False
        self._is_informed = False  # this very server has told its capabilities, or is about to
        self._is_strange = False  # something was said of which we do not know what it does
        self._strangers = 0
        self._questions: list[bytes] = []

    @property
    def logged_in(self) -> bool:
        """The server has accepted a login."""
        return self._out.logged_in

    @abstractmethod
    def _listen(self) -> None:
        """Hear what the client has said meanwhile."""

    def server_said(self, data: bytes | bytearray | memoryview) -> memoryview:
        """Hear the server. Gives what goes to the client as it is, after its outbox."""
        view = memoryview(data)
        if self.is_plain:
            return view
        straight = self._owed.hear(view)
        if self._owed.is_broken:
            self._out.unsent.clear()
            self._server.outbox.clear()
            return straight
        before = len(self._client.outbox)
        if self._owed.is_lost:
            self._become_plain()
        elif not self.is_plain:
            self._listen()
        self._out.send()
        if len(self._client.outbox) > before:  # words of ours that come after all that the server has said
            self._client.outbox[before:before] = straight
            straight = straight[:0]
        return straight

    def server_ended(self) -> None:
        """The server says no more: what is owed and there is given out."""
        self._owed.end()

    def _become_plain(self) -> None:
        """From now on just octets, and the answers to what waits to be sent are the client's: so no guess is sent any
        more, none is held, and a QUIT that we would have answered is the server's to answer.
        """
        self.is_plain = True
        self._left_early = False
        self._out.give_up_guesses()
        for one in self._out.unsent:
            self._server.outbox += one.line
        self._out.unsent.clear()
        self._owed.let_go()
        self._server.outbox += self._client.inbox
        self._client.inbox.clear()

    def _hold(self, guess: Ask, octets: int) -> None:
        ahead = self._out.ahead
        ahead.held += octets
        if ahead.is_over or (ahead.is_full and self._owed.turns):
            ahead.drop(guess)  # the client waits for what comes behind it, or the server's LIST was not true

    def _judge(self, one: Ask, line: bytes) -> None:
        """An answer is complete: what does it teach?"""
        verb, out = one.verb, self._out
        out.answered(one)
        if verb == b"CAPA":
            self._judge_capa(one)
        elif verb in (b"PASS", b"APOP", b"AUTH", b"STLS"):
            self._judge_login(one, line)
        elif not one.is_ok:
            self._judge_refusal(one, line)
        elif verb not in KNOWN and self.logged_in:
            self._become_plain()  # "XTND XMIT": what follows may be a mail, or anything
        else:
            self._judge_success(one, line)

    def _judge_success(self, one: Ask, line: bytes) -> None:
        verb, out = one.verb, self._out
        if verb == b"STAT":
            out.mailbox.learn_stat(line)
        elif verb == b"LIST" and one.has_body and one.learnt is not None:
            out.mailbox.learn_list(one.learnt)
            out.guess_messages()
        elif verb in (b"RETR", b"TOP") and one.number:
            out.mailbox.count = max(out.mailbox.count, one.number)
        elif verb == b"DELE":
            out.mailbox.deleted.add(one.number)
        elif verb == b"RSET":
            out.mailbox.reset()
            out.mailbox.is_touched = out.unanswered(b"DELE", claimed=True) or out.unanswered(b"DELE", claimed=False)
        elif verb == b"QUIT" and out.mailbox.refused:
            one.kept[:] = NOT_REMOVED

    def _judge_capa(self, one: Ask) -> None:
        if one.learnt is not None:
            self._learn_capabilities(bytes(one.learnt))
        if one.needs_all:
            before = len(one.kept)
            one.kept[:] = for_client(bytes(one.kept))
            if not one.is_claimed and not one.is_dropped:
                self._out.ahead.held -= before - len(one.kept)
        if self.logged_in:
            self._out.guess_questions()

    def _learn_capabilities(self, answer: bytes) -> None:
        known = capabilities(answer)
        if self.logged_in:
            self._out.after = self._habits.after = known
        else:
            self._out.before = self._habits.before = known

    def _judge_login(self, one: Ask, line: bytes) -> None:
        out = self._out
        if one.has_body:
            return  # AUTH without a mechanism just asks for the list
        if one.verb in (b"AUTH", b"STLS"):
            self._mechanism = b""
            self._owed.challenged = False  # a server that has waited long enough for the response says -ERR
            if one.is_ok and one.command.may_add_a_layer:
                self._become_plain()
            if self.is_plain or one.verb == b"STLS":
                return
        refusal, out.user_refusal = out.user_refusal, b""
        if one.is_ok:
            out.logged_in = True
            out.guess_questions()
            return
        if IN_USE in line.upper():
            self._habits.locks = True
        if one.verb == b"PASS" and refusal:
            one.kept[:] = refusal
        out.be_careful()

    def _judge_refusal(self, one: Ask, line: bytes) -> None:
        out = self._out
        if one.verb == b"USER" and one is out.user_ask:
            out.user_refusal = line
            return
        if one.verb in self._questions and one.has_body | (one.verb == b"STAT"):
            self._questions.remove(one.verb)
        if one.verb == b"DELE" and not one.is_claimed:
            out.mailbox.deleted.discard(one.number)
            out.mailbox.refused += 1
        if one.verb == b"LAST":
            self._habits.asks_last = False  # there is no last message that reading could move
        if one.is_guess or not one.is_claimed or out.ahead:
            out.be_careful()
