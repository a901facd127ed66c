"""What may differ between two sessions of IMAP, SMTP or ManageSieve, and what beside it may not."""

from pairs.wild import imap, smtp
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


GREETED = b"220 mx.example ESMTP\r\n550 5.1.1 nobody\r\n252 by the way\r\n"
TOOK = b"250 2.0.0 taken\r\n" * 12 + b"221 2.0.0 Bye\r\n"


def loses_a_mail(mail: bytes, theirs: bytes, *, manner: str = "speaks-unasked", heard: bytes = b"QUIT\r\n") -> bool:
    """Whether a session differs that goes on longer than this, of a client that says a mail with its DATA."""
    one = Case(1, smtp, frozenset([manner]), 1, Script((Step(b"RCPT TO:<nobody@c>\nDATA\n" + mail),)))
    before = b"RCPT TO:<nobody@c>\nDATA\n"
    direct = Played(Lived(GREETED + b"354 go on\r\n" + TOOK, "closed"), Heard(before + mail, "closed", True))
    through = Played(Lived(theirs, "closed"), Heard(before + heard, "closed", True))
    return bool(differences(one, direct, through))


def test_a_mail_of_quit_may_be_a_goodbye_where_a_server_gives_answers_that_nobody_asked_for() -> None:
    mail, ended = b"QUIT\r\nmore\r\n.\r\n", GREETED + b"221 2.0.0 Bye\r\n"
    assert not loses_a_mail(mail, ended)
    assert loses_a_mail(mail, ended, manner="slow")
    assert loses_a_mail(b"more\r\nQUIT\r\n.\r\n", ended, heard=b"more\r\nQUIT\r\n")
    assert loses_a_mail(mail, ended.replace(b"550", b"250"))
    assert loses_a_mail(mail, ended, heard=b"QUIT\r\nre\r\n.\r\n")


def test_a_starttls_in_a_literal_that_was_refused_is_refused_here() -> None:
    got = b"* OK ready\r\na0 OK welcome\r\na1 NO I know already\r\n"
    refused = got + b"x NO there is no TLS on this port, go on without\r\n"

    def differs(theirs: bytes, *manners: str, announces: bytes = b"a1 APPEND INBOX {14}\r\n") -> bool:
        steps = (Step(announces), Step(b"x STARTTLS\r\n\r\n"))
        one = Case(1, imap, frozenset(manners), 1, Script(steps))
        both = (Played(Lived(said, "gave up"), Heard(announces, "closed", True)) for said in (got, theirs))
        return bool(differences(one, *both))

    assert not differs(refused, "early", "no-plus")
    assert differs(refused, "early")
    assert differs(refused, "no-plus")
    assert differs(refused, "early", "no-plus", announces=b"a1 NOOP\r\n")
    assert differs(refused.replace(b"welcome", b"so you are"), "early", "no-plus")
    assert differs(refused + b"a1 OK\r\n", "early", "no-plus")
