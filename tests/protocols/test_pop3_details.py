"""POP3's small rules, each of which a client or a server would notice if it were missing."""

import pytest
from test_pop3_relay import Talk, begins_to_walk, knows_of_two, list_of, logged_in, unit, walks

from popover.protocols.pop3.answers import capabilities
from popover.protocols.pop3.commands import LINE_LIMIT

TEMPTING = b"+OK\r\nSTLS\r\nUIDL\r\nPIPELINING\r\nUSER\r\nSASL PLAIN GSSAPI\r\n.\r\n"
SAFE = b"+OK\r\nUIDL\r\nPIPELINING\r\nUSER\r\nSASL PLAIN\r\n.\r\n"
GMAIL = b"+OK\r\nTOP\r\nX-GOOGLE-RICO\r\nPIPELINING\r\n.\r\n"


# Words


def test_capabilities_of_a_spare_leave_out_what_can_not_work() -> None:
    assert Talk(ready=TEMPTING).say(b"CAPA\r\n") == (SAFE, b"")


def test_capabilities_that_were_asked_ahead_leave_out_what_can_not_work_and_are_counted_as_they_are() -> None:
    talk = Talk()
    talk.say(b"USER anna\r\nPASS secret\r\n")
    talk.answer(b"+OK\r\n+OK in\r\n" + TEMPTING + b"+OK 0 0\r\n")
    assert talk.ears.held == len(SAFE) + len(b"+OK 0 0\r\n")
    assert talk.say(b"CAPA\r\n") == (SAFE, b"")
    assert talk.say(b"STAT\r\n") == (b"+OK 0 0\r\n", b"")
    assert talk.ears.held == 0


def test_the_refusal_of_one_user_is_not_the_answer_to_the_next_ones_password() -> None:
    talk = Talk()
    talk.say(b"USER nobody\r\nPASS x\r\n")
    assert talk.answer(b"-ERR who\r\n-ERR no user\r\n" + SAFE + b"-ERR\r\n")[0] == b"+OK\r\n-ERR who\r\n"[5:]
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
    assert talk.ears.failure is None


@pytest.mark.parametrize("line", [b"USER anna\tCANARY\r\n", b"USER anna CANARY\r\n", b"APOP anna\tCANARY\r\n"])
def test_what_stands_behind_a_name_is_not_the_name(line: bytes) -> None:
    """It may be a password that was typed into the wrong line, and the name goes to the log."""
    talk = Talk()
    talk.say(line)
    assert talk.ears.user == "anna"


# Reading ahead


def test_gmail_is_read_ahead_by_top_which_has_no_effect_there() -> None:
    talk = logged_in()
    talk.memory.manners.learn(capabilities(GMAIL), logged_in=True)
    talk.say(b"LIST\r\n")
    talk.answer(list_of(9, 9, 9, 9))
    for number in (1, 2):
        talk.say(b"TOP %d 0\r\n" % number)
        _, heard = talk.answer(b"+OK\r\n\r\n.\r\n")
    assert heard == unit(3, 4, verb=b"TOP", lines=b" 0")


def test_headers_of_large_messages_are_not_reckoned_as_if_they_were_the_whole() -> None:
    talk = logged_in(read_ahead_bytes=100_000)
    talk.say(b"LIST\r\n")
    talk.answer(list_of(*[900_000] * 4))
    for number in (1, 2):
        talk.say(b"TOP %d 0\r\n" % number)
        _, heard = talk.answer(b"+OK\r\n\r\n.\r\n")
    assert heard == unit(3, 4, verb=b"TOP", lines=b" 0")


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


def test_mails_of_which_nobody_knows_whose_they_are_end_the_session() -> None:
    """With several under way, what looks like an answer may stand in a mail that somebody wrote."""
    talk = logged_in()
    walks(talk, *[11] * 9)
    talk.answer(b"+OK\r\nmessage 2  \r\n.\r\n")
    assert talk.say(b"RETR 3\r\n")[0] == b""
    talk.answer(b"+OK\r\nmessage 4  \r\n.\r\n+OK 4 11\r\n")
    assert talk.ears.failure is not None
    assert talk.memory.harm().keys() == {"reads ahead"}
    assert talk.answer(b"+OK and more\r\n") == (b"", b"")


def test_a_client_that_fetches_one_message_has_none_read_ahead() -> None:
    talk = logged_in()
    begins_to_walk(talk, *[11] * 4)
    assert talk.heard() == b""
