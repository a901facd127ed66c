"""What may differ between two sessions of IMAP, SMTP or ManageSieve, and what beside it may not."""

from pairs.wild import imap
from pairs.wild.case import Case
from pairs.wild.client import Lived, Script, Step
from pairs.wild.compare import Played, differences
from pairs.wild.odd import Heard

BEFORE = b"* OK ready\r\na0 OK welcome\r\n+ go on\r\n"
ENDED = BEFORE + b"a1 BAD DONE expected\r\n"
ANSWERED = BEFORE + b"r1 BAD in the midst of IDLE: say DONE first\r\na1 OK done\r\n"


def differ(ours: bytes, theirs: bytes, asks: bytes) -> bool:
    """Whether these sessions differ, of a client that says this in the midst of IDLE."""
    steps = [
        Step(b"a0 LOGIN anna secret\r\n", b"a0"),
        Step(b"a1 IDLE\r\n", b"+a1"),
        Step(asks),
        Step(b"DONE\r\n", b"a1"),
    ]
    one = Case(1, imap, frozenset(), 1, Script(tuple(steps)))
    heard = b"".join(step.say for step in steps[:2])
    direct, through = (Played(Lived(got, "closed"), Heard(heard, "closed", True)) for got in (ours, theirs))
    return bool(differences(one, direct, through))


def test_a_starttls_in_the_midst_of_idle_is_answered_here() -> None:
    asks = b"r1 STARTTLS\r\n"
    assert not differ(ENDED, ANSWERED, asks)
    assert differ(ENDED, ANSWERED, b"r1 NOOP\r\n")
    assert differ(ENDED, BEFORE + b"a1 OK done\r\n", asks)
    assert differ(ENDED.replace(b"welcome", b"so you are"), ANSWERED, asks)


def test_a_server_that_leaves_does_not_come_to_a_starttls_that_is_refused_here() -> None:
    asks, gone = b"r1 STARTTLS\r\n", BEFORE + b"* BYE going down\r\n"
    refused = b"r1 NO there is no TLS on this port, go on without\r\n"
    assert not differ(gone, gone + refused, asks)
    assert differ(gone, gone + b"r1 NO not now\r\n", asks)
    assert differ(gone + refused, gone, asks)
    assert differ(gone, BEFORE + refused, asks)
