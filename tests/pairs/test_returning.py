"""What is excused of a client that comes again although its QUIT was not answered, and what beside it is not."""

import pytest

from pairs.compare import differences
from pairs.made import LOGIN, QUIT, Said, played
from pairs.servers.base import Pop3
from pairs.servers.ends import ClosesAtQuit, Ends


class ResetsAtThree(Ends):
    at, how = b"RETR 3", "reset"
    mails = (b"Subject: a\r\n\r\nx\r\n", b"Subject: b\r\n\r\nx\r\n", b"Subject: c\r\n\r\nx\r\n")


class ResetsAtDele(ResetsAtThree):
    at = b"DELE 3"


FIRST: list[Said] = [*LOGIN, ("RETR 1", "+OK\nSubject: a\n\nx\n."), ("DELE 1", "+OK marked")]
UIDL: Said = ("UIDL", "+OK\n1 u00001\n2 u00002\n3 u00003\n.")
DIRECT: list[Said] = [
    *FIRST,
    QUIT,
    *LOGIN,
    ("UIDL", "+OK\n1 u00002\n2 u00003\n."),
    ("RETR 1", "+OK\nSubject: b\n\nx\n."),
    ("TOP 2 0", "+OK\nSubject: c\n\n."),
    ("DELE 1", "+OK marked"),
    QUIT,
]
RIGHT: list[Said] = [UIDL, FIRST[-2], ("TOP 2 0", "+OK\nSubject: b\n\n."), ("DELE 1", "+OK message 1 deleted"), QUIT]


def differ(
    again: list[Said],
    removed: tuple[str, ...] = ("u00001",),
    *,
    kind: type[Pop3] = ResetsAtThree,
    first: list[Said] = FIRST,
    features: str = "on",
) -> bool:
    """Whether these differ from what is above, the first QUIT not being answered."""
    direct = played(DIRECT, removed=["u00001", "u00002"])
    through = played([*first, ("QUIT", ""), *LOGIN, *again], removed=removed)
    return bool(differences(direct, through, kind, features))


def test_a_client_whose_quit_was_not_answered_finds_all_again() -> None:
    assert not differ(RIGHT)


def test_not_at_other_servers_nor_with_nothing_asked_ahead() -> None:
    assert differ(RIGHT, kind=Pop3)
    assert differ(RIGHT, kind=ClosesAtQuit)
    assert differ(RIGHT, kind=ResetsAtDele)
    assert differ(RIGHT, features="off")


@pytest.mark.parametrize("removed", [(), ("u00002",), ("u00001", "u00002")])
def test_not_a_deletion_that_did_not_happen_nor_another(removed: tuple[str, ...]) -> None:
    assert differ(RIGHT, removed)


@pytest.mark.parametrize(
    ("turn", "wrong"),
    [
        (0, ("UIDL", "+OK\n1 u00002\n2 u00003\n.")),
        (0, ("UIDL", "+OK\n1 u00001\n2 u00002\n.")),
        (0, ("UIDL", "-ERR no")),
        (0, ("UIDL", "")),
        (1, ("RETR 1", "+OK\nSubject: b\n\nx\n.")),
        (1, ("RETR 1", "-ERR no such message")),
        (2, ("TOP 2 0", "+OK\nSubject: c\n\n.")),
        (2, ("TOP 2 0", "-ERR no such message")),
        (3, ("DELE 1", "-ERR no such message")),
        (3, ("DELE 2", "+OK message 2 deleted")),
        (4, ("QUIT", "-ERR some deleted messages not removed")),
    ],
)
def test_not_a_wrong_answer_behind_it(turn: int, wrong: Said) -> None:
    assert differ([*RIGHT[:turn], wrong, *RIGHT[turn + 1 :]])


def test_not_what_went_wrong_before_it() -> None:
    assert differ(RIGHT, first=[*LOGIN, ("RETR 1", "+OK\nSubject: b\n\nx\n."), FIRST[-1]])
    assert differ(RIGHT, first=FIRST[:-1])


def test_not_where_the_client_has_asked_for_that_mail_itself() -> None:
    asked: Said = ("RETR 3", "+OK\nSubject: c\n\nx\n.")
    direct = played([*FIRST, asked, *DIRECT[len(FIRST) :]], removed=["u00001", "u00002"])
    through = played([*FIRST, asked, ("QUIT", ""), *LOGIN, *RIGHT], removed=["u00001"])
    assert differences(direct, through, ResetsAtThree, "on")


def test_a_session_that_ends_sooner_and_does_not_come_again_differs() -> None:
    direct = played(DIRECT, removed=["u00001", "u00002"])
    assert differences(direct, played([("", "")], end="gave up"), ResetsAtThree, "on")
