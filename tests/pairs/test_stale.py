"""What is excused of a server that lets mails arrive within a session, and what beside it is not."""

import pytest

from pairs.compare import differences
from pairs.made import LOGIN, QUIT, Said, played
from pairs.servers.base import Pop3
from pairs.servers.locks import MailsArrive

RETR: Said = ("RETR 2", "+OK 26 octets\nSubject: two\n\n.")
FRESH = {"STAT": "+OK 4 112", "LIST": "+OK\n1 26\n2 26\n3 44\n4 16\n.", "UIDL": "+OK\n1 u1\n2 u2\n3 u3\n4 n3\n."}
STALE = {"STAT": "+OK 3 96", "LIST": "+OK\n1 26\n2 26\n3 44\n.", "UIDL": "+OK\n1 u1\n2 u2\n3 u3\n."}


def differ(ours: list[Said], theirs: list[Said], kind: type[Pop3] = MailsArrive, features: str = "on") -> bool:
    """Whether these differ, between their login and their QUIT."""
    direct, through = (played([*LOGIN, *turns, QUIT]) for turns in (ours, theirs))
    return bool(differences(direct, through, kind, features))


@pytest.mark.parametrize("verb", FRESH)
def test_a_mail_that_came_behind_the_question_may_be_told_the_next_time(verb: str) -> None:
    stale, fresh = (verb, STALE[verb]), (verb, FRESH[verb])
    assert not differ([RETR, fresh, fresh], [RETR, stale, fresh])
    assert not differ([RETR, fresh, fresh], [RETR, stale, stale])
    assert not differ([RETR, RETR, fresh], [RETR, RETR, stale])


@pytest.mark.parametrize("verb", FRESH)
def test_not_where_none_has_come_since_the_client_was_told(verb: str) -> None:
    stale, fresh = (verb, STALE[verb]), (verb, FRESH[verb])
    assert differ([fresh], [stale])
    assert differ([RETR, fresh, fresh], [RETR, fresh, stale])
    assert differ([RETR, *LOGIN, fresh], [RETR, *LOGIN, stale])
    refused = ("RETR 9", "-ERR no such message")
    assert differ([refused, fresh], [refused, stale])


@pytest.mark.parametrize("verb", FRESH)
def test_not_of_other_servers_nor_with_nothing_asked_ahead(verb: str) -> None:
    ours, theirs = [RETR, (verb, FRESH[verb])], [RETR, (verb, STALE[verb])]
    assert differ(ours, theirs, Pop3)
    assert differ(ours, theirs, features="off")
    assert differ(theirs, ours)  # a mail that is not there yet


@pytest.mark.parametrize(
    ("verb", "wrong"),
    [
        ("STAT", "+OK 3 95"),
        ("STAT", "+OK 2 70"),
        ("STAT", "-ERR 3 96"),
        ("LIST", "+OK\n1 26\n2 26\n4 16\n."),
        ("LIST", "+OK\n1 26\n2 26\n."),
        ("LIST", "+OK\n1 26\n2 27\n3 44\n."),
        ("LIST", "+OK\n1 26\n2 26\n3 44"),
        ("UIDL", "+OK\n1 u1\n2 u2\n."),
        ("UIDL", "+OK\n1 u1\n2 u3\n3 u2\n."),
        ("UIDL", "-ERR\n1 u1\n2 u2\n3 u3\n."),
    ],
)
def test_not_a_mail_that_was_there_before(verb: str, wrong: str) -> None:
    assert differ([RETR, RETR, (verb, FRESH[verb])], [RETR, RETR, (verb, wrong)])


def test_not_what_else_went_wrong_in_that_session() -> None:
    ours, theirs = ([*LOGIN, RETR, ("LIST", rows["LIST"]), ("RETR 4", "+OK\nnew\n."), QUIT] for rows in (FRESH, STALE))
    assert not differences(played(ours), played(theirs), MailsArrive, "on")
    assert differences(played(ours), played([*theirs[:-2], ("RETR 4", "+OK\nold\n."), QUIT]), MailsArrive, "on")
    assert differences(played(ours), played([*theirs[:-2], ("RETR 4", "-ERR none"), QUIT]), MailsArrive, "on")
    assert differences(played(ours, removed=["u1"]), played(theirs), MailsArrive, "on")
    assert differences(played(ours), played(theirs, removed=["u1"]), MailsArrive, "on")
