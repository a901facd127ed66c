"""What a session that is over teaches: what its server bears, and what its client does."""

from __future__ import annotations

from popover.protocols.pop3.ahead import Ahead
from popover.protocols.pop3.ask import Ask
from popover.protocols.pop3.leaving import Leaving
from popover.protocols.pop3.mailbox import Mailbox
from popover.protocols.pop3.mending import Mending
from popover.protocols.pop3.questions import Questions
from popover.protocols.pop3.queue import Owed
from popover.protocols.pop3.state import State
from popover.protocols.pop3.way import Way


class Lesson:
    """That of one session."""

    def __init__(  # noqa: PLR0913, PLR0917 - it is what all parts have seen
        self,
        state: State,
        owed: Owed,
        way: Way,
        ahead: Ahead,
        mailbox: Mailbox,
        questions: Questions,
        leaving: Leaving,
        mending: Mending,
    ) -> None:
        self._state = state
        self._owed = owed
        self._way = way
        self._ahead = ahead
        self._mailbox = mailbox
        self._questions = questions
        self._leaving = leaving
        self._mending = mending

    def learn(self, *, server_left: bool) -> None:
        """The session is over. `server_left`: it was the server that ended it."""
        state, ahead, habits = self._state, self._ahead, self._state.habits
        asked, has_ended = self._owed.asked, self._state.has_client_ended
        waits_for_login = bool(asked) and asked[0] is self._way.left_with_user
        if waits_for_login and has_ended and state.now - state.server_spoke > state.manners.patience:
            state.manners.fail("before")  # it has heard USER, and not what came with it
        if server_left and asked and asked[0].verb == b"AUTH" and asked[0].has_body:
            state.manners.fail("bears auth")  # it hangs up at AUTH without a mechanism, and will not hear that again
        if state.logged_in and asked and asked[0].is_doubtful:
            self._mistrust(asked[0], server_left=server_left)
        gave_up = has_ended and self._mending.was_overdue and bool(self._owed.turns)
        is_lost = server_left and not state.is_careful and not self._leaving.has_said and self._way.is_ahead
        if (state.failure is not None and self._owed.is_lost) or gave_up or is_lost:
            habits.caution(has_deleted=self._mailbox.is_touched)
        elif not state.is_plain and state.logged_in:
            ahead.drop_all()
            habits.leaves_no_time = not self._leaving.has_time
            was_cut_short = server_left and not self._leaving.has_said  # by what was asked last, perhaps
            habits.learn(
                () if self._mending.was_overdue or was_cut_short else self._questions.of_last_time,
                fetched=ahead.has_walked and not was_cut_short,
                came_true=ahead.came_true,
                wasted=ahead.wasted,
                width=ahead.width,
            )

    def _mistrust(self, asked: Ask, *, server_left: bool) -> None:
        """It has ended behind what the server has not shown to bear."""
        is_late = self._state.now - asked.since > self._state.manners.patience
        is_in_vain = self._state.has_client_ended and bool(self._owed.turns) and is_late
        if asked.flight is not None and (server_left or is_in_vain):
            self._state.manners.fail(asked.flight.ability)
