"""The POP3 relay's small rules, each of which a client or a server would notice if it were missing."""

import pytest
from test_pop3_relay import CAPA, Talk, knows_of_two, list_of, logged_in

from popover.protocols.pop3 import Habits
from popover.protocols.pop3.answers import capabilities
from popover.protocols.pop3.commands import LINE_LIMIT

TEMPTING = b"+OK\r\nSTLS\r\nUIDL\r\nPIPELINING\r\nUSER\r\nSASL PLAIN GSSAPI\r\n.\r\n"
SAFE = b"+OK\r\nUIDL\r\nPIPELINING\r\nUSER\r\nSASL PLAIN\r\n.\r\n"
GMAIL = b"+OK\r\nTOP\r\nX-GOOGLE-RICO\r\nPIPELINING\r\n.\r\n"


# Words


def test_capabilities_of_a_spare_leave_out_what_can_not_work() -> None:
    assert Talk(capa=TEMPTING).say(b"CAPA\r\n") == (SAFE, b"")


def test_capabilities_that_were_asked_ahead_leave_out_what_can_not_work_and_are_counted_as_they_are() -> None:
    talk = Talk()
    talk.log_in(TEMPTING)
    assert talk.relay.held == len(SAFE)
    assert talk.say(b"CAPA\r\n") == (SAFE, b"")
    assert talk.relay.held == 0


def test_the_refusal_of_one_user_is_not_the_answer_to_the_next_ones_password() -> None:
    talk = Talk()
    talk.say(b"USER nobody\r\n")
    talk.say(b"PASS x\r\n")
    assert talk.answer(b"-ERR who\r\n-ERR no user\r\n")[0] == b"-ERR who\r\n"
    talk.say(b"USER anna\r\n")
    assert talk.answer(b"+OK\r\n")[0] == b"+OK\r\n"
    assert talk.say(b"PASS y\r\n") == (b"", b"PASS y\r\n")
    assert talk.answer(b"-ERR wrong password\r\n")[0] == b"-ERR wrong password\r\n"


def test_a_response_may_be_longer_than_a_command() -> None:
    """A token of OAuth has some 2,000 octets."""
    talk = Talk()
    talk.say(b"AUTH XOAUTH2\r\n")
    talk.answer(b"+ \r\n")
    token = b"x" * LINE_LIMIT * 3 + b"\r\n"
    assert talk.say(token) == (b"", token)
    assert not talk.relay.fault


# Reading ahead


def test_gmail_is_read_ahead_by_top_which_has_no_effect_there() -> None:
    talk = Talk(capa=GMAIL)
    talk.log_in(GMAIL)
    talk.say(b"LIST\r\n")
    talk.answer(list_of(9, 9, 9, 9))
    for number in (1, 2):
        _, heard = talk.say(b"TOP %d 0\r\n" % number)
        talk.answer(b"+OK\r\n\r\n.\r\n")
    assert heard == b"TOP 2 0\r\nTOP 3 0\r\nTOP 4 0\r\n"


def test_headers_of_large_messages_are_not_reckoned_as_if_they_were_the_whole() -> None:
    talk = logged_in(read_ahead_bytes=100_000)
    talk.say(b"LIST\r\n")
    talk.answer(list_of(*[900_000] * 4))
    for number in (1, 2):
        _, heard = talk.say(b"TOP %d 0\r\n" % number)
        talk.answer(b"+OK\r\n\r\n.\r\n")
    assert heard == b"TOP 2 0\r\nTOP 3 0\r\nTOP 4 0\r\n"


# Deletions


@pytest.mark.parametrize("number", [2, 4])
def test_a_message_that_the_list_does_not_show_is_not_deleted_at_once(number: int) -> None:
    talk = knows_of_two()
    talk.say(b"LIST\r\n")
    talk.answer(b"+OK\r\n1 9\r\n3 9\r\n.\r\n")
    assert talk.say(b"DELE 3\r\n")[0] == b"+OK message 3 deleted\r\n"
    assert talk.say(b"DELE %d\r\n" % number)[0] == b""


def test_a_refused_deletion_that_was_taken_back_does_not_spoil_the_quit() -> None:
    talk = knows_of_two()
    talk.say(b"DELE 1\r\n")
    talk.answer(b"-ERR locked\r\n")
    talk.say(b"RSET\r\n")
    talk.answer(b"+OK\r\n")
    talk.say(b"DELE 2\r\n")
    talk.answer(b"+OK\r\n")
    talk.say(b"QUIT\r\n")
    assert talk.answer(b"+OK bye\r\n")[0] == b"+OK bye\r\n"


# What breaks


def test_what_was_to_be_sent_stays_here_when_the_session_is_broken() -> None:
    habits = Habits()
    habits.before = habits.after = capabilities(CAPA)
    habits.questions = (b"STAT",)
    talk = Talk(habits=habits)
    talk.say(b"USER anna\r\n")
    talk.say(b"PASS secret\r\n")
    talk.relay.client_said(b"NOOP\r\n")
    assert talk.answer(b"+OK\r\nhuh\r\n")[1] == b""
    assert talk.relay.is_broken
