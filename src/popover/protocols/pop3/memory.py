"""What a service's sessions remember: the server's manners, each client's habits, and who is about to leave."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping

from popover.protocols.pop3.habits import Habits
from popover.protocols.pop3.manners import Manners, Shown
from popover.protocols.visitors import LEAVING_LIMIT, Visitors

CLIENTS_LIMIT = 4096
"""Clients whose habits are kept, those seen last: some 0.3 KiB each. A network of more is served by its servers' speed.
"""

SCOUTS = 3
"""Connections that are made for nobody, to find out what a server can; one that has not told by then does not tell."""

Who = tuple[str, str]
"""The client's address, and the name it logs in with."""


class Memory:
    """One service's, for POP3. See `dialect.Memory`."""

    def __init__(self) -> None:
        self.manners = Manners()
        self.scouts = 0
        self.somebody = ""  # who logged in last
        self.manners.wall = time.time
        self._habits: OrderedDict[Who, Habits] = OrderedDict()
        self._leaving_of = Visitors()
        self._leaving: dict[str, _Leaving] = {}

    @property
    def on_harm(self) -> Callable[[], None]:
        """Called when something was learned that is worth keeping."""
        return self.manners.on_harm

    @on_harm.setter
    def on_harm(self, call: Callable[[], None]) -> None:
        self.manners.on_harm = call

    def harm(self) -> dict[str, float]:
        """What the server has failed in."""
        return self.manners.harm()

    def recall(self, harm: Mapping[str, float], now: float) -> None:
        """Know again what the server had failed in."""
        self.manners.recall(harm, now)

    @property
    def is_curious(self) -> bool:
        """A connection that serves nobody could teach something: whether CAPA is known, or what it promises is kept."""
        manners = self.manners
        is_to_be_proved = manners.pipelines_before is Shown.NOTHING and bool(self.somebody)
        is_unknown = manners.knows_capa is None or is_to_be_proved
        return is_unknown and self.scouts < SCOUTS

    def habits(self, who: Who) -> Habits:
        """What this client does."""
        found = self._habits.get(who)
        if found is None:
            found = self._habits[who] = Habits()
            if len(self._habits) > CLIENTS_LIMIT:
                self._habits.popitem(last=False)
        else:
            self._habits.move_to_end(who)
        return found

    # -- who is about to leave ---------------------------------------------------------------------

    def may_leave(self, visitor: str) -> bool:
        """Whether one more session of this client may leave before its server knows."""
        return self._leaving_of.count(visitor) < LEAVING_LIMIT

    def leaves(self, user: str, visitor: str, hurry: Callable[[], None]) -> None:
        """A session of this user has its answer to QUIT, and its server has not: the mailbox may be locked yet. `hurry`
        is called when somebody waits for it.
        """
        self._leaving_of.comes(visitor)
        if user:
            self._leaving.setdefault(user.casefold(), _Leaving()).hurry.append(hurry)

    def has_left(self, user: str, visitor: str, hurry: Callable[[], None]) -> None:
        """The server has been told, or is gone: this session is not hurried any more. Let those in who wait."""
        self._leaving_of.goes(visitor)
        leaving = self._leaving.get(user.casefold())
        if leaving is not None:
            leaving.hurry.remove(hurry)
            if not leaving.hurry:
                del self._leaving[user.casefold()]
                for call in leaving.waiting:
                    call()

    def waits(self, user: str, call: Callable[[], None]) -> bool:
        """Whether a login of this user must wait; `call` is called once it need not any more."""
        leaving = self._leaving.get(user.casefold())
        if leaving is None:
            return False
        leaving.waiting.append(call)
        for hurry in tuple(leaving.hurry):  # one may be gone by that
            hurry()
        return self._leaving.get(user.casefold()) is leaving

    def waits_no_more(self, user: str, call: Callable[[], None]) -> None:
        """Its session is over, or goes on without."""
        leaving = self._leaving.get(user.casefold())
        if leaving is not None and call in leaving.waiting:
            leaving.waiting.remove(call)


class _Leaving:
    """The sessions of one user that are about to leave, by how to hurry each, and whom to call when the last has left.
    Either is a method of a session's: it is kept no longer than that.
    """

    __slots__ = ("hurry", "waiting")

    def __init__(self) -> None:
        self.hurry: list[Callable[[], None]] = []
        self.waiting: list[Callable[[], None]] = []
