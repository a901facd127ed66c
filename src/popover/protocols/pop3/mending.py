"""When an answer does not come, or is another's: find out where we are, and ask again what the client waits for.

A server that is only slow is waited for. If nothing came for longer than usual while the client waits behind something
of ours, one question is sent behind it all, the probe, of which the answer is like none of those that are awaited. The
server answers in order: what is slow comes before that answer, and what is lost is known to be lost once it is there.
A probe may get lost, too, where it has met in one piece what a slow server has not read yet; then there is another.

Where an answer is another's, `step.py` finds out when all are there. A mail may hold anything, so a session with mails
under way ends.
"""

from __future__ import annotations

import math

from popover.errors import ServerFailure
from popover.protocols.pop3.again import ask_again, tell_again
from popover.protocols.pop3.ahead import Ahead
from popover.protocols.pop3.answers import for_client, mechanisms_for_client
from popover.protocols.pop3.ask import Ask, Flight, Kind, has_swallowed
from popover.protocols.pop3.commands import ask
from popover.protocols.pop3.queue import Owed
from popover.protocols.pop3.state import State
from popover.protocols.pop3.step import Step
from popover.protocols.pop3.way import CAPA, STAT, Way
from popover.talk import End

PROBES = 4
"""Probes at most, each after twice the time of the one before: what loses them all is a server that does not answer."""

SOON = 0.1
"""Seconds beyond the usual for a CAPA that left behind PASS, once that is answered: it may have got lost, and to find
that out takes as long again. A probe too many costs nobody anything."""

DRIPS = 1.0
"""Seconds for which an answer that is looked at as a whole may come in drips while its client gets nothing of it: the
first rule's. What is told then is the beginning as it is to be, and the rest as it comes."""

_MAILS = (b"RETR", b"TOP")


class Mending:
    """That of one session. `was_overdue`: the client had to wait for something that it had not asked for."""

    def __init__(self, state: State, server: End, owed: Owed, way: Way, ahead: Ahead) -> None:
        self.was_overdue = False
        self._state = state
        self._server = server
        self._owed = owed
        self._way = way
        self._ahead = ahead
        self._silent_since = self._half_since = 0.0
        self._probes: list[Ask] = []
        self._not_before = 0.0
        self._lost: list[Ask] = []
        self._step = Step(state, server)

    def heard(self) -> None:
        """The server says something."""
        self._silent_since = self._state.now
        if not self._is_half_heard:  # what comes may be the first of it
            self._half_since = self._state.now

    @property
    def due(self) -> float:
        """When `on_time` is to be called."""
        if self._owed.is_lost:
            return self._step.due
        asked, turns = self._owed.asked, self._owed.turns
        if not asked or not (turns or self._state.turns_plain):  # what is to be passed on waits for all of ours
            return math.inf
        if self._is_half_heard or self._is_half_told:
            silence = max(self._silent_since, asked[0].since) + self._state.manners.patience
            return min(silence, self._half_since + DRIPS) if self._is_half_heard else silence
        if asked[0].kind is Kind.CLIENT:
            return math.inf
        since = max(self._silent_since, asked[0].since)
        manners = self._state.manners
        is_likely = self._way.is_trying and not self._probes
        return max(since + (manners.usual + SOON if is_likely else manners.patience), self._not_before)

    def on_time(self) -> None:
        """Silence has lasted long enough, or too long."""
        if self._is_half_heard:
            half, state = self._owed.asked[0], self._state
            shown = mechanisms_for_client if half.verb == b"AUTH" else for_client
            self._owed.give_half(half, shown(bytes(half.kept), state.offers, state.hide))
        elif self._is_half_told:
            self._state.manners.learn(frozenset(), logged_in=self._state.logged_in)
            self._owed.end_half()
        elif not self._owed.is_lost:
            self._overdue()
        elif self._step.on_time():
            self._ask_again()
        elif self._step.has_failed:
            self._give_up()

    @property
    def _is_half_heard(self) -> bool:
        """A CAPA of the client's, or its AUTH that asks for a list, is answered, and not to its end, for which we wait
        to look at the whole.
        """
        asked, turns = self._owed.asked, self._owed.turns
        if self._owed.is_lost or not asked or not turns or asked[0] is not turns[0]:
            return False
        first = asked[0]
        is_list = first.verb in (b"CAPA", b"AUTH") and first.has_body
        return first.kind is Kind.CLIENT and is_list and first.needs_all and bool(first.kept)

    @property
    def _is_half_told(self) -> bool:
        """A CAPA of ours, alone before what the client waits for, is answered, and not to its end."""
        asked, turns = self._owed.asked, self._owed.turns
        if self._owed.is_lost or len(asked) != 1 or not turns or not self._owed.has_begun:
            return False
        return asked[0].kind is Kind.OURS and asked[0].verb == b"CAPA"

    # -- slow, or lost? --------------------------------------------------------------------------

    def _overdue(self) -> None:
        """The client waits behind something of ours, for longer than it usually takes."""
        state, first, turns = self._state, self._owed.asked[0], self._owed.turns
        self.was_overdue = True
        state.spared.none()
        if turns and turns[0].is_done and turns[0].behind is not None:  # what is late or lost comes behind this login
            turns[0].behind = None
            self._owed.catch_up()
        if first in self._probes and first.flight is not None and not state.logged_in:
            # It is CAPA behind CAPA, there is no other question before a login: one was answered, the other got lost.
            state.manners.fail(first.flight.ability)
            self._owed.end_half()
            return
        if has_swallowed(self._owed.asked):
            self._begin_anew(first)
            return
        self._not_before = state.now + state.manners.patience * 2 ** len(self._probes)
        question = STAT if first.verb == b"CAPA" and state.logged_in else CAPA
        if len(self._probes) == PROBES or not state.manners.knows_capa:
            self._not_before = math.inf
            return
        if first.flight is None and first.verb not in (b"DELE", b"NOOP"):
            return  # one that left alone is not lost behind another
        ability = first.flight.ability if first.flight is not None else "pipelines"
        probe = Ask(question, Kind.GUESS, Flight(ability))
        probe.is_dropped = True
        self._probes.append(probe)
        self._way.fly([probe])

    def _begin_anew(self, mail: Ask) -> None:
        """All that was asked is answered, and the answers stand in this mail: where it ends is for the client to tell,
        which has it step by step.
        """
        if mail.flight is not None:
            self._state.manners.fail(mail.flight.ability)
        self._state.is_careful = True
        self._lost = self._way.forget()
        self._ask_again()

    # -- lost ------------------------------------------------------------------------------------

    def begin(self, wrong: Ask, line: bytes) -> None:
        """Nobody knows whose answers come, after this one and its status line."""
        self._lost = self._way.forget()
        self._state.is_careful = True
        probes = [one for one in self._lost if one in self._probes]
        can_be_asked_again = all(_can_be_asked_again(one) for one in (*self._lost, *self._held))
        is_clear = not any(one.is_done and one.behind is not None for one in self._owed.turns)  # a login's, perhaps
        if not self._state.manners.knows_capa or not can_be_asked_again or not is_clear:
            self._give_up()
            return
        is_asked = bool(probes) and probes[0].verb == b"CAPA"  # and its first line was taken for another's answer
        self._step.begin(line if wrong.is_ok else b"", self._lost, is_asked=is_asked)

    @property
    def _held(self) -> list[Ask]:
        """What the client waits for and has got nothing of."""
        waiting = {id(one) for one in self._way.unsent}
        return [one for one in self._owed.turns if id(one) not in waiting and (one in self._lost or one.is_held)]

    def hear(self, view: memoryview) -> None:
        """Hear what nobody knows whose it is."""
        if self._state.failure is None and self._step.hear(view):
            self._ask_again()

    def _ask_again(self) -> None:
        """Everybody is in step again."""
        self._owed.is_lost = False
        for one in reversed(self._held):
            ask_again(one, self._state, self._owed, self._way)
        for one in reversed(self._lost):
            if one.kind is Kind.OURS and one.verb == b"DELE":
                self._way.tell(ask(b"LIST %d" % one.number), first=True)  # whether it was heard: `ServerEar`
            elif one.kind is Kind.OURS and one.verb == b"USER":
                tell_again(one, self._way)
            elif one.kind is Kind.GUESS:
                self._ahead.landed(one)
        self._lost = []
        self._ahead.drop_all()
        self._owed.catch_up()

    def _give_up(self) -> None:
        self._state.failure = ServerFailure(
            f"{self._server.name} answers something else than it was asked",
            "the next sessions ask it nothing by themselves",
        )
        self._step.due = math.inf


def _can_be_asked_again(one: Ask) -> bool:
    """Whether it does no harm to ask it twice, and its answer cannot be a mail that another may have written."""
    if one.kind is Kind.CLIENT:
        return one.command.is_passive and one.verb not in _MAILS
    return one.verb not in _MAILS or one.is_done
