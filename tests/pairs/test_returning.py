"""What is excused of a client that comes again although its QUIT was not answered, and what beside it is not."""

import pytest

from pairs.compare import differences
from pairs.made import LOGIN, QUIT, Said, played
from pairs.servers.base import Pop3
from pairs.servers.capabilities import Budget
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


NO: Said = ("CAPA", "-ERR unknown command")
ENOUGH: Said = ("CAPA", "-ERR too many bad commands")
ASKS: list[Said] = [LOGIN[0], ("AUTH", "-ERR unknown command"), *LOGIN[1:]]
AGAIN: list[Said] = [*LOGIN, ("RETR 1", "+OK\none\n."), QUIT]
SOONER: list[Said] = [*ASKS, ENOUGH, ("QUIT", "")]


def pays(
    theirs: list[Said], *, ours: list[Said] = ASKS, kind: type[Pop3] = Budget, removed: tuple[str, ...] = ("u00001",)
) -> bool:
    """Whether this differs from a session of which the server had not had enough."""
    direct = played([*ours, NO, QUIT, *AGAIN], removed=["u00001"])
    return bool(differences(direct, played(theirs, removed=removed), kind, "on"))


def test_a_server_that_had_enough_of_bad_commands_for_a_capa_before_auth_may_have_let_go_of_who_comes_again() -> None:
    assert not pays([*SOONER, *AGAIN])
    assert pays([*SOONER, *AGAIN], kind=Pop3)


def test_not_what_is_different_behind_the_second_greeting_nor_in_the_mailbox() -> None:
    assert pays([*SOONER, *AGAIN[:-2], ("RETR 1", "+OK\ntwo\n."), QUIT])
    assert pays([*SOONER, *AGAIN[:-2], ("RETR 1", "-ERR no"), QUIT])
    assert pays([*SOONER, *AGAIN[:-2]])
    assert pays([*SOONER, *AGAIN], removed=())
    assert pays([*SOONER, *AGAIN], removed=("u00001", "u00002"))


def test_not_what_is_different_before_that_nor_of_a_client_that_asks_no_auth() -> None:
    assert pays([*LOGIN, ENOUGH, ("QUIT", ""), *AGAIN], ours=LOGIN)
    assert pays([ASKS[0], ("AUTH", "-ERR no"), *SOONER[2:-3], ("PASS secret", "-ERR wrong"), *SOONER[-2:], *AGAIN])
    assert pays([*ASKS, ("CAPA", "+OK"), ("QUIT", ""), *AGAIN])
