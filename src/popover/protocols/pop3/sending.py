"""What leaves once something was heard, or is due: what waits for its turn, what may be guessed now, and, as soon as
nothing of ours is under way in a talk that nobody is to listen to any more, all the rest.
"""

from __future__ import annotations

from popover.protocols.plain import Plain
from popover.protocols.pop3.ahead import Ahead
from popover.protocols.pop3.leaving import Leaving
from popover.protocols.pop3.questions import Questions
from popover.protocols.pop3.queue import Owed
from popover.protocols.pop3.state import State
from popover.protocols.pop3.way import Way
from popover.talk import End


class Sending:
    """That of one session. `plain`: takes over once octets are just passed on."""

    def __init__(  # noqa: PLR0913, PLR0917 - it is where all meet that have something to send
        self,
        state: State,
        client: End,
        server: End,
        owed: Owed,
        way: Way,
        ahead: Ahead,
        questions: Questions,
        leaving: Leaving,
        plain: Plain,
    ) -> None:
        self._state = state
        self._client = client
        self._server = server
        self._owed = owed
        self._way = way
        self._ahead = ahead
        self._questions = questions
        self._leaving = leaving
        self._plain = plain

    def go_on(self) -> None:
        """Send what may be sent now, guess what may be guessed."""
        state, way = self._state, self._way
        if state.begins_tls and not self._owed.turns:  # a USER that was held is forgotten with all the rest
            return
        if way.unsent:
            way.send()
        self._leaving.go_on()
        if self._ahead.may_fetch and state.logged_in and way.is_quiet and not self._leaving.has_said:
            self._questions.fetch_ahead()
        if way.unsent:
            way.send()
        if state.turns_plain and not state.is_plain and not way.has_ours and not way.unsent:
            self._become_plain()

    def _become_plain(self) -> None:
        """From now on just octets."""
        self._state.is_plain = True
        self._ahead.drop_all()
        self._owed.let_go()
        self._server.outbox += self._plain.client_said(self._client.inbox, self._state.now)
        self._client.inbox.clear()
