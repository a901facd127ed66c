"""POP3 where several things are under way at once: walks, crossing answers, and what turns it plain."""

import pytest
from test_pop3_relay import CAPA, SIZE, Talk, knows_of_two, list_of, logged_in, mail, proven, unit, walks

from model_pop3 import VISITOR, trusting
from popover.protocols.pop3 import Memory

LITTLE = b"+OK\r\nTOP\r\nUIDL\r\nUSER\r\n.\r\n"


def walker(count: int, **more: object) -> Talk:
    """Has fetched two messages of `count`; the next two are on their way."""
    talk = logged_in(**more)  # type: ignore[arg-type]
    walks(talk, *([SIZE] * count))
    assert talk.answer(mail(2)) == (mail(2), unit(3, 4))
    return talk


def all_of(*numbers: int) -> bytes:
    return b"".join(map(proven, numbers))


# Walks


def test_the_window_doubles_while_guesses_come_true() -> None:
    talk = walker(40)
    talk.answer(all_of(3, 4))
    assert talk.say(b"RETR 3\r\n")[1] == unit(5, 6, 7)  # four, of which one is here
    talk.answer(all_of(5, 6, 7))
    assert talk.say(b"RETR 4\r\n")[1].count(b"RETR") == 5  # eight, of which three are here


def test_a_client_that_jumps_halves_the_window() -> None:
    talk = Talk()
    talk.memory.habits((VISITOR, "anna")).width = 8
    talk.log_in()
    talk.say(b"LIST\r\n")
    talk.answer(list_of(*([SIZE] * 40)))
    talk.say(b"RETR 1\r\n")
    assert talk.answer(mail(1))[1].count(b"RETR") == 8
    talk.answer(all_of(*range(2, 10)))
    talk.say(b"RETR 20\r\n")
    assert talk.answer(mail(20))[1].count(b"RETR") == 4
    talk.answer(all_of(*range(21, 25)))
    talk.say(b"RETR 30\r\n")
    assert talk.answer(mail(30))[1].count(b"RETR") == 2


def test_messages_that_a_walk_has_passed_by_are_not_kept() -> None:
    talk = walker(9)
    talk.answer(all_of(3, 4))
    before = talk.ears.held
    talk.say(b"RETR 9\r\n")
    assert talk.ears.held == before - len(mail(3)) - len(mail(4))


def test_a_message_on_its_way_before_one_that_is_owed_is_asked_again() -> None:
    """Its answer comes too early: it would be held, however large it is, for a client that reads the other first."""
    talk = walker(9)
    assert talk.say(b"UIDL\r\n") == (b"", b"UIDL\r\n")
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


def test_nothing_of_the_clients_leaves_behind_a_deletion_of_ours() -> None:
    """`+OK` says not what it answers: were the DELE lost, the next answer would be taken for its."""
    talk = knows_of_two()
    assert talk.say(b"DELE 1\r\n") == (b"+OK message 1 deleted\r\n", b"DELE 1\r\n")
    assert talk.say(b"RETR 2\r\n") == (b"", b"")
    assert talk.answer(b"+OK\r\n") == (b"", b"RETR 2\r\n")


# AUTH


def test_no_question_of_ours_is_taken_for_a_line_of_auth() -> None:
    talk = Talk()
    assert talk.say(b"USER anna\r\nPASS secret\r\nAUTH PLAIN\r\n")[1] == b"USER anna\r\nPASS secret\r\n"
    assert talk.answer(b"+OK\r\n+OK in\r\n") == (b"+OK in\r\n", b"AUTH PLAIN\r\n")
    assert talk.answer(b"-ERR logged in already\r\n")[0] == b"-ERR logged in already\r\n"


def test_a_challenge_that_the_server_takes_back_leaves_nothing_behind() -> None:
    """The client was too slow; what it says next is a command, and the login that follows is known to be one."""
    talk = Talk()
    talk.say(b"AUTH PLAIN\r\n")
    talk.answer(b"+ \r\n")
    assert talk.answer(b"-ERR too slow\r\n")[0] == b"-ERR too slow\r\n"
    talk.say(b"AUTH PLAIN AGFubmEAc2VjcmV0\r\n")
    assert talk.ears.user == "anna"
    talk.answer(b"+OK in\r\n")
    assert talk.ears.logged_in


def test_questions_behind_a_login_are_never_three_bad_commands_in_a_row() -> None:
    talk = Talk()
    habits = talk.memory.habits((VISITOR, "anna"))
    habits.questions, habits.fetches = (b"UIDL", b"STAT"), True
    talk.say(b"USER anna\r\n")
    heard = talk.say(b"PASS secret\r\n")[1]
    assert heard == b"USER anna\r\nPASS secret\r\nCAPA\r\nUIDL\r\nLIST\r\nCAPA\r\nSTAT\r\n"
    refused = b"+OK\r\n-ERR wrong\r\n" + LITTLE + b"-ERR\r\n" * 2 + LITTLE + b"-ERR\r\n"
    assert talk.answer(refused) == (b"-ERR wrong\r\n", b"")
    assert talk.say(b"USER anna\r\n") == (b"", b"USER anna\r\n")  # from now on step by step
    assert talk.answer(b"+OK\r\n") == (b"+OK\r\n", b"")


# NOOPs of ours


def test_no_noop_before_the_login_nor_behind_a_quit() -> None:
    talk = Talk()
    assert talk.ears.due == float("inf")
    talk = logged_in(keep_alive=45)
    assert talk.ears.due < float("inf")
    talk.say(b"QUIT\r\n")
    talk.answer(b"+OK bye\r\n")
    assert talk.ears.due == float("inf")


# From POP3 to just octets


def test_what_was_held_does_not_stop_a_talk_that_became_plain() -> None:
    talk = walker(6, read_ahead_bytes=1000)
    talk.answer(b"+OK\r\n" + b"x" * 1200 + b"\r\n.\r\n+OK 3 1200\r\n" + proven(4))
    assert talk.say(b"XTND XMIT\r\n") == (b"", b"XTND XMIT\r\n")
    assert talk.answer(b"+OK go on\r\n")[0] == b"+OK go on\r\n"
    assert talk.ears.state.is_plain
    assert talk.ears.wants_server
    assert talk.ears.held == 0


@pytest.mark.parametrize("memory", [trusting(), Memory()])
def test_a_quit_behind_what_is_no_pop3_is_answered(memory: Memory) -> None:
    talk = Talk(memory=memory, ready=b"")
    talk.say(b"NOOP\r\n")
    assert talk.answer(b"huh\r\n") == (b"huh\r\n", b"")
    assert talk.say(b"QUIT\r\n")[1] == b"QUIT\r\n"


# What teaches a client's habits


def test_last_where_the_server_does_not_know_it_changes_nothing() -> None:
    talk = logged_in()
    talk.say(b"LAST\r\n")
    talk.answer(b"-ERR what?\r\n")
    assert not talk.memory.habits((VISITOR, "anna")).asks_last


def test_a_client_that_gives_up_behind_a_guess_teaches_as_much_as_a_server_that_hangs_up() -> None:
    talk = Talk()
    talk.memory.habits((VISITOR, "anna")).questions = (b"UIDL",)
    talk.say(b"USER anna\r\nPASS secret\r\n")
    talk.answer(b"+OK\r\n+OK in\r\n" + CAPA)
    talk.say(b"RETR 1\r\n")  # and UIDL does not come
    talk.wait()
    talk.ears.client_ended(talk.now)
    talk.over()
    assert talk.memory.habits((VISITOR, "anna")).careful
