"""What all parts of one session's POP3 look at: how the session goes, and the time."""

from __future__ import annotations

from popover.errors import Failure
from popover.protocols.dialect import Terms
from popover.protocols.pop3.answers import stamp_of
from popover.protocols.pop3.habits import Habits
from popover.protocols.pop3.memory import Memory
from popover.protocols.reception import ClientTLS
from popover.protocols.spared import Spared


class State:
    """One session's. `now`: monotonic seconds, as of the last call from outside. `client_spoke`, `server_spoke`: when
    they last said something. `has_client_ended`: it says no more; `ended_early`: and was owed an answer then.

    `is_careful`: no guesses and no early answers any more, everything step by step. `turns_plain`: as soon as nothing
    of ours is under way any more, octets are just passed on; `is_plain`: they are. `failure`: why the session cannot go
    on. `begins_tls`: the client has asked for TLS, and is not heard any more. `is_informed`: this very server has told
    in this session what it can. `is_strange`: something was said of which we do not know what it does. `is_odd`: the
    server said something that is neither +OK nor -ERR. `unasked_at`: when it said something that nobody had asked for;
    0: it did not. `stamp`: the one that the client had for APOP before TLS began; `has_stamp`: this server's
    connection gave one, and so knows APOP; `has_stale_stamp`: it gave another, or none.
    """

    __slots__ = (
        "begins_tls", "client_spoke", "ended_early", "failure", "habits", "has_client_ended", "has_stale_stamp",
        "has_stamp", "hide", "is_careful", "is_informed", "is_odd", "is_plain", "is_strange", "logged_in", "manners",
        "memory", "now", "server_spoke", "spared", "stamp", "tls", "turns_plain", "unasked_at", "visitor",
    )  # fmt: skip

    def __init__(self, memory: Memory, terms: Terms) -> None:
        self.memory = memory
        self.manners = memory.manners
        self.visitor = terms.visitor
        self.tls = terms.tls
        self.hide = terms.hide
        self.begins_tls = self.has_stamp = self.has_stale_stamp = False
        self.stamp = stamp_of(terms.greeted)
        self.habits = Habits()  # of nobody, until the client says who it is
        self.now = self.client_spoke = self.server_spoke = 0.0
        self.has_client_ended = self.ended_early = False
        self.logged_in = False
        self.spared = Spared()
        self.is_strange = self.is_informed = self.is_odd = False
        self.is_careful = self.manners.adds_lines
        self.unasked_at = 0.0
        self.turns_plain = self.is_plain = False
        self.failure: Failure | None = None

    @property
    def offers(self) -> ClientTLS:
        """What there is to be had of TLS now: it begins before the login or not at all (RFC 2595 section 4)."""
        return "off" if self.logged_in and self.tls != "on" else self.tls
