"""How a talk ended."""

from __future__ import annotations

from typing import NamedTuple

from popover.errors import Failure


class Outcome(NamedTuple):
    """How the talk ended: `end` for the log, `clean` if the client may see a normal end, why if it was a fault.

    `may_be_told`: a line with the cause, in the client's dialect, stands where an answer would.
    """

    end: str
    clean: bool
    failure: Failure | None = None
    may_be_told: bool = False


BEGIN_TLS = Outcome("tls", clean=True)
"""This talk is over, another begins inside TLS: the client has the answer to its STLS or STARTTLS, and what it said
behind that stands in its inbox, or is yet to be read."""

ANSWERED = Outcome("answered", clean=True)
"""This talk was about a login, which is answered: what comes from now on is not this talk's."""
