"""How a session goes: what its parts must know of each other."""

from __future__ import annotations

from popover.errors import Failure
from popover.protocols.dialect import Terms
from popover.protocols.smtp.body import Body
from popover.protocols.smtp.queue import Ask


class State:
    """One session's.

    `logged_in`: AUTH has succeeded, or a MAIL was taken without it. `has_begun`: the client has said a command;
    `has_mailed`: a MAIL or DATA, to the server. `has_spoken`: the server has heard something of it. `body`: the one
    that comes. `waits_for`: what must be answered before more is heard; `challenged`: and the server wants a line of
    the client for it. `answered_early`: the server has said something in the middle of a body. `turns_plain`,
    `is_plain`: octets are to be passed on unread, and are. `pipelines`: the server has offered PIPELINING.
    `spared`: see `dialect.Ears`.
    """

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.user = ""
        self.logged_in = self.has_begun = self.has_mailed = self.has_spoken = self.challenged = False
        self.answered_early = self.turns_plain = self.is_plain = self.wants_tls = self.pipelines = False
        self.spared = 0
        self.failure: Failure | None = None
        self.body: Body | None = None
        self.waits_for: Ask | None = None

    @property
    def offers_tls(self) -> bool:
        """TLS may begin."""
        return self.terms.tls in ("offer", "require") and not self.logged_in

    @property
    def needs_tls(self) -> bool:
        """Nothing may be done before TLS."""
        return self.terms.tls == "require"

    @property
    def is_paced(self) -> bool:
        """The client was offered PIPELINING at the desk (RFC 2920), and this server has not: it hears one command at a
        time, whatever the client has said already.
        """
        return self.terms.at_desk and self.logged_in and not self.pipelines

    @property
    def may_turn_plain(self) -> bool:
        """Nothing is promised that only a listener can keep."""
        return not (self.needs_tls or self.terms.bare_lf == "normalize")

    def start_tls(self) -> None:
        """The client has its answer to STARTTLS."""
        self.wants_tls = True

    def turn_plain(self, *, must: bool = False) -> None:
        """Nobody can tell any more what is an answer to what: let octets pass, as over a wire. But not where something
        is promised that only a listener can keep, unless it `must` be.
        """
        if must or self.may_turn_plain:
            self.turns_plain = True
