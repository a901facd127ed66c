"""ManageSieve (RFC 5804): the rules by which a server sorts mail, edited from afar.

grammar.py       lines, strings, literals
capabilities.py  what a client sees of what its server can
words.py         what is said by us
greeting.py      the first words
ears.py          the session until the login; then it is passed on unread
counting.py      how many commands are not answered, behind the login, too
login.py         who logs in, and which answer is that to the login
answering.py     what is answered here
reception.py     at the desk; sign_in.py: what is said to the server then
overhear.py      what a trace may show
"""

from __future__ import annotations

from popover.protocols.dialect import Memory as AnyMemory
from popover.protocols.dialect import Terms
from popover.protocols.plain import Nothing, never_answers, wait_for_nobody
from popover.protocols.reception import Offer
from popover.protocols.sieve.ears import Ears
from popover.protocols.sieve.greeting import open_up
from popover.protocols.sieve.reception import Reception
from popover.protocols.sieve.words import said
from popover.talk import End

__all__ = [
    "ALPN",
    "CAN_WAIT",
    "Ears",
    "ears",
    "farewell",
    "get_ready",
    "is_answer",
    "memory",
    "open_up",
    "reception",
]

ALPN = "managesieve"
CAN_WAIT = False  # rules are edited now and then, not every few minutes
memory = Nothing
get_ready = wait_for_nobody
is_answer = never_answers


def farewell(cause: str) -> bytes:
    """`BYE (TRYLATER)` (RFC 5804 section 1.3)."""
    return said(b"BYE", cause, b"(TRYLATER)")


def reception(client: End, offer: Offer) -> Reception:
    """Receive a client whose server is not known yet."""
    return Reception(client, offer)


def ears(client: End, server: End, terms: Terms, memory: AnyMemory) -> Ears:  # noqa: ARG001 - nothing is remembered
    """Make the ears of one talk."""
    return Ears(client, server, terms)
