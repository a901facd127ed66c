"""The parts of one session's POP3, and who is handed to whom:

state      how the session goes, and the time          queue      which answer is whose
mailbox    which messages there are                    way        what goes out, and when
ahead      guesses                                     questions  what is asked ahead after a login
login      USER, PASS, APOP, AUTH                      leaving    QUIT
mending    when answers do not come (step)             keep_alive so that the server waits for a person
timing     what is due, of all of these                doubt      a connection that may be dead
lesson     what the next session is to know            flights    what left in one piece, once it is answered
sending    what leaves once something was heard       client_ear, server_ear   who hears whom
"""

from __future__ import annotations

from popover.protocols.dialect import Terms
from popover.protocols.plain import Plain
from popover.protocols.pop3.ahead import Ahead
from popover.protocols.pop3.client_ear import ClientEar
from popover.protocols.pop3.doubt import Doubt
from popover.protocols.pop3.keep_alive import KeepAlive
from popover.protocols.pop3.leaving import Leaving
from popover.protocols.pop3.lesson import Lesson
from popover.protocols.pop3.login import Login
from popover.protocols.pop3.mailbox import Mailbox
from popover.protocols.pop3.memory import Memory
from popover.protocols.pop3.mending import Mending
from popover.protocols.pop3.questions import Questions
from popover.protocols.pop3.queue import Owed
from popover.protocols.pop3.sending import Sending
from popover.protocols.pop3.server_ear import ServerEar
from popover.protocols.pop3.state import State
from popover.protocols.pop3.timing import Timing
from popover.protocols.pop3.way import Way
from popover.talk import End


class Parts:
    """Those of one session, by the names of their rooms. `plain`: hears for them once octets are just passed on."""

    def __init__(self, client: End, server: End, terms: Terms, memory: Memory) -> None:
        wanted = terms.ahead
        state = self.state = State(memory, terms)
        mailbox = self.mailbox = Mailbox()
        owed = self.owed = Owed(client, softening=wanted.soften)
        way = self.way = Way(state, server, owed)
        ahead = self.ahead = Ahead(wanted, state, mailbox)
        questions = self.questions = Questions(wanted, state, mailbox, ahead, way)
        login = self.login = Login(wanted, state, server, owed, way, ahead)
        leaving = self.leaving = Leaving(wanted, state, mailbox, owed, way, ahead)
        mending = self.mending = Mending(state, server, owed, way, ahead)
        awake = KeepAlive(wanted, state, way, leaving)
        self.timing = Timing(state, way, login, leaving, mending, awake)
        self.lesson = Lesson(state, owed, way, ahead, mailbox, questions, leaving, mending)
        way.on_login = questions.behind_login
        self.ear = ClientEar(wanted, state, mailbox, client, owed, way, ahead, questions, login, leaving)
        ServerEar(state, mailbox, owed, way, ahead, questions, login, leaving, mending)
        self.doubt = Doubt(state, way, leaving, has_waited=terms.has_waited)
        plain = self.plain = Plain(client)
        self.sending = Sending(state, client, server, owed, way, ahead, questions, leaving, plain)

    def let_go(self) -> None:
        """The session is over. Parts that know each other only the garbage collector could free, and it would cost
        50 us a session.
        """
        del self.way.on_turn, self.way.may_log_in, self.way.on_login, self.owed.judge, self.leaving.on_wake
        self.ear.let_go()
