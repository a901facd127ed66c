"""The POP3 relay where several things are under way at once: walks, crossing answers, and what turns it plain."""

import pytest
from test_pop3_relay import CAPA, LITTLE, Talk, begins_to_walk, knows_of_two, list_of, logged_in, mail

from model_pop3 import service
from popover.protocols.pop3 import Habits
from popover.protocols.pop3.answers import capabilities


def walker(count: int, **more: object) -> Talk:
    """Has fetched two messages of `count`; the next two are on their way, or here."""
    talk = logged_in(**more)
    begins_to_walk(talk, *([9] * count))
    assert talk.say(b"RETR 2\r\n")[1] == b"RETR 2\r\nRETR 3\r\nRETR 4\r\n"
    return talk


# Walks


def test_the_window_doubles_while_guesses_come_true() -> None:
    talk = walker(40)
    talk.answer(mail(2) + mail(3) + mail(4))
    assert talk.say(b"RETR 3\r\n")[1] == b"RETR 5\r\nRETR 6\r\nRETR 7\r\n"  # four, of which one is here
    talk.answer(mail(5) + mail(6) + mail(7))
    assert talk.say(b"RETR 4\r\n")[1].count(b"RETR") == 5  # eight, of which three are here


def test_a_client_that_jumps_halves_the_window() -> None:
    habits = Habits()
    habits.width = 8
    talk = Talk(habits=habits)
    talk.log_in()
    talk.say(b"LIST\r\n")
    talk.answer(list_of(*([9] * 40)))
    assert talk.say(b"RETR 1\r\n")[1].count(b"RETR") == 1 + 8
    talk.answer(mail(1))
    talk.answer(b"".join(mail(number) for number in range(2, 10)))
    assert talk.say(b"RETR 20\r\n")[1].count(b"RETR") == 1 + 4
    talk.answer(b"".join(mail(number) for number in range(20, 25)))
    assert talk.say(b"RETR 30\r\n")[1].count(b"RETR") == 1 + 2


def test_messages_that_a_walk_has_passed_by_are_not_kept() -> None:
    talk = walker(9)
    talk.answer(mail(2) + mail(3) + mail(4))
    before = talk.relay.held
    talk.say(b"RETR 9\r\n")
    assert talk.relay.held == before - len(mail(3)) - len(mail(4))


def test_a_message_on_its_way_before_one_that_is_owed_is_asked_again() -> None:
    """Its answer comes too early: it would be held, however large it is, for a client that reads the other first."""
    talk = walker(9)
    talk.answer(mail(2))
    assert talk.say(b"STAT\r\n") == (b"", b"STAT\r\n")
    assert b"RETR 3\r\n" in talk.say(b"RETR 3\r\n")[1]


# DELE, RSET and QUIT under way


def test_a_deletion_behind_a_reset_that_is_not_answered_waits() -> None:
    talk = knows_of_two()
    talk.say(b"RSET\r\n")
    assert talk.say(b"DELE 1\r\n") == (b"", b"DELE 1\r\n")
    assert talk.answer(b"+OK\r\n")[0] == b"+OK\r\n"
    assert talk.say(b"QUIT\r\n")[0] == b""  # that deletion is behind the reset, and may well be carried out
    assert talk.answer(b"+OK deleted\r\n")[0] == b"+OK deleted\r\n"
    assert talk.answer(b"-ERR not so\r\n")[0] == b"-ERR not so\r\n"


# AUTH


def test_no_question_of_ours_is_taken_for_a_line_of_auth() -> None:
    habits = Habits()
    habits.questions = (b"STAT",)
    talk = Talk(habits=habits)
    talk.say(b"USER anna\r\n")
    talk.say(b"PASS secret\r\nAUTH PLAIN\r\n")
    assert talk.answer(b"+OK\r\n+OK in\r\n") == (b"+OK in\r\n", b"CAPA\r\n")
    assert talk.answer(CAPA) == (b"", b"AUTH PLAIN\r\n")
    assert talk.answer(b"-ERR logged in already\r\n")[0] == b"-ERR logged in already\r\n"


def test_a_challenge_that_the_server_takes_back_leaves_nothing_behind() -> None:
    """The client was too slow; what it says next is a command, and the login that follows is known to be one."""
    talk = Talk()
    talk.say(b"AUTH PLAIN\r\n")
    talk.answer(b"+ \r\n")
    assert talk.answer(b"-ERR too slow\r\n")[0] == b"-ERR too slow\r\n"
    talk.say(b"AUTH PLAIN AGFubmEAc2VjcmV0\r\n")
    assert talk.relay.user == "anna"
    talk.answer(b"+OK in\r\n")
    assert talk.relay.logged_in


def test_questions_behind_a_login_are_never_three_bad_commands_in_a_row() -> None:
    habits = Habits()
    habits.before = habits.after = capabilities(CAPA)
    habits.questions, habits.fetches = (b"UIDL", b"STAT"), True
    talk = Talk(habits=habits)
    talk.say(b"USER anna\r\n")
    heard = talk.say(b"PASS secret\r\n")[1]
    assert heard == b"USER anna\r\nPASS secret\r\nCAPA\r\nUIDL\r\nSTAT\r\nCAPA\r\nLIST\r\n"
    assert talk.answer(b"+OK\r\n-ERR wrong\r\n" + LITTLE + b"-ERR\r\n" * 2 + LITTLE) == (b"-ERR wrong\r\n", b"")
    talk.say(b"USER anna\r\n")  # from now on step by step
    assert talk.answer(b"-ERR\r\n") == (b"", b"USER anna\r\n")
    assert talk.answer(b"+OK\r\n") == (b"+OK\r\n", b"")


# NOOPs of ours


def test_no_noop_before_the_login_nor_behind_a_quit() -> None:
    talk = Talk()
    assert not talk.relay.keep_alive()
    talk.log_in()
    assert talk.relay.keep_alive()
    assert talk.heard() == b"NOOP\r\n"
    talk.answer(b"+OK\r\n")
    talk.say(b"QUIT\r\n")
    talk.answer(b"+OK bye\r\n")
    assert not talk.relay.keep_alive()


# From POP3 to just octets


def test_a_question_of_ours_that_waits_is_not_sent_to_what_is_no_pop3_server() -> None:
    habits = Habits()
    habits.before = capabilities(LITTLE)
    talk = Talk(habits=habits, capa=b"")
    talk.say(b"USER anna\r\n")
    talk.answer(b"+OK\r\n")
    talk.say(b"PASS secret\r\n")
    assert talk.answer(b"OK logged in\r\n") == (b"OK logged in\r\n", b"")
    assert talk.relay.is_plain


def test_what_was_held_does_not_stop_a_relay_that_became_plain() -> None:
    talk = walker(6, read_ahead_bytes=1000)
    talk.answer(mail(2) + b"+OK\r\n" + b"x" * 1200 + b"\r\n.\r\n" + mail(4))
    assert not talk.relay.wants_server
    talk.say(b"NOOP\r\n")
    assert talk.answer(b"huh\r\n")[0] == b"huh\r\n"
    assert talk.relay.is_plain
    assert talk.relay.wants_server
    assert talk.relay.held == 0


def test_a_quit_behind_what_is_no_pop3_is_answered_by_the_server() -> None:
    talk = Talk(capa=LITTLE)
    talk.say(b"USER anna\r\n")
    talk.answer(b"+OK\r\n")
    talk.say(b"PASS secret\r\n")
    talk.answer(b"+OK in\r\n")
    talk.answer(LITTLE)
    talk.say(b"STAT\r\n")
    assert talk.say(b"QUIT\r\n") == (b"", b"")
    assert talk.answer(b"huh\r\n") == (b"huh\r\n", b"QUIT\r\n")
    assert not talk.relay.left_early
    assert talk.answer(b"bye\r\n")[0] == b"bye\r\n"


# What teaches a service's habits


def test_last_where_the_server_does_not_know_it_changes_nothing() -> None:
    talk = logged_in()
    talk.say(b"LAST\r\n")
    talk.answer(b"-ERR what?\r\n")
    assert not talk.habits.asks_last


def test_where_sessions_lock_the_mailbox_a_quit_waits_for_the_server() -> None:
    """A client that comes again right after its QUIT must not meet the session that it has just ended."""
    refused = Talk()
    refused.say(b"USER anna\r\n")
    refused.say(b"PASS secret\r\n")
    refused.answer(b"+OK\r\n-ERR [IN-USE] another session has it\r\n")
    talk = Talk(habits=refused.habits)
    talk.log_in()
    assert talk.say(b"QUIT\r\n") == (b"", b"QUIT\r\n")
    assert not talk.relay.left_early
    assert talk.answer(b"+OK bye\r\n")[0] == b"+OK bye\r\n"


@pytest.mark.parametrize("asked", [b"", b"CAPA\r\n"])
def test_a_capa_of_ours_that_got_lost_holds_up_the_client_that_asks_it_too(asked: bytes) -> None:
    """A server that throws away what came behind the login."""
    habits = Habits()
    habits.before = habits.after = capabilities(CAPA)
    talk = Talk(service(), habits, CAPA)
    talk.say(b"USER anna\r\n")
    assert talk.say(b"PASS secret\r\n")[1].endswith(b"CAPA\r\n")
    talk.answer(b"+OK\r\n+OK in\r\n")
    talk.say(asked)
    assert talk.relay.waits_for_capa
    talk.relay.over(lost=True)
    assert habits.careful
