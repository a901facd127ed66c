"""What people do with a mail program, and what popover must reach at it."""

from typing import NamedTuple

from bench.wan.programs import Errand

CHECK = Errand("Look: nothing new", "0x0")
FETCH = Errand("Fetch 100 small", "100x2000", 1, 100)
LARGE = Errand("Fetch 20 of 1 MB", "20x1000000", 1, 20)
MOVE = Errand("Fetch and delete 100", "100x2000", 1, 100, deletes=True)
NEWEST = Errand("Fetch 3 newest of 1,000", "1000x2000", 998, 1000)
SEND = Errand("Send 1 small", "anna", dialect="smtp")
SELECT = Errand("IMAP: login, SELECT", "anna", dialect="imap")
ERRANDS = [CHECK, FETCH, LARGE, MOVE, NEWEST, SEND, SELECT]

# The one that is drawn.
SEEN = Errand("Fetch 5", "5x2000", 1, 5)


class Goal(NamedTuple):
    """How many times faster than the best of the others `popover` must be, at this round trip (milliseconds)."""

    errand: Errand
    round_trip: int
    times: float
    popover: str = "popover"


CONTROL = [
    Goal(CHECK, 40, 6),
    Goal(FETCH, 40, 15),
    Goal(MOVE, 40, 8),
    Goal(NEWEST, 40, 2.5),
    Goal(LARGE, 40, 1),
    Goal(CHECK, 40, 2, "popover, cold"),
    Goal(SEND, 40, 2),
    Goal(SELECT, 40, 1),
    *(Goal(errand, 0, 0.9) for errand in ERRANDS),
]

# Bits a second; a line without length has no limit either.
_BANDWIDTH = 100e6
_NARROW = 20e6


def bandwidth(errand: Errand, round_trip: float) -> float:
    """How wide the line is for this errand: 20 Mbit/s for large mails, where it matters most."""
    if not round_trip:
        return 0
    return _NARROW if errand is LARGE else _BANDWIDTH
