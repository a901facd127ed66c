"""SMTP's talk, step by step: which answer is whose, what is answered here, and when it is over."""

import math
from dataclasses import replace

import pytest

from hearing import every_cut
from model_smtp import EHLO, Talk
from popover.config import Ahead
from popover.errors import Misdialled
from popover.protocols.plain import QUIET
from popover.protocols.smtp.belated import HEADERS_LIMIT
from popover.protocols.smtp.client_ear import BURST, TURNS_LIMIT
from popover.protocols.smtp.commands import LINE_LIMIT, parse
from popover.protocols.smtp.hearing import HURRY, REST
from popover.protocols.smtp.memory import Memory
from popover.protocols.smtp.queue import HELD_LIMIT
from popover.protocols.strangers import STRANGE_LIMIT
from popover.protocols.visitors import LEAVING_LIMIT

OK = b"250 ok\r\n"
BYE = b"221 2.0.0 Bye\r\n"


# Commands


@pytest.mark.parametrize(
    "line",
    [
        b"ehlo me\n", b"HELO\r\n", b"HELO \r\n", b"helo NPIF65E56\r\n", b"MAIL FROM:<@>\r\n", b"mail from: <a@x>\n",
        b"RCPT TO:<User Name <user@x>>\r\n", b"RCPT TO:<a@1.2.3.4>\r\n", b" NOOP \t\r\n", b"rset\n", b"HUH\r\n",
        b"MAIL FROM:<\xe9@x>\r\n",
    ],
)  # fmt: skip
def test_a_command_goes_out_as_it_is_said(line: bytes) -> None:
    for cuts in every_cut(line):
        talk = Talk()
        assert talk.say(*cuts) == (b"", line)
        assert talk.ears.is_owed
        assert talk.answer(OK)[0] == OK
        assert not talk.ears.is_owed


def test_replies_are_counted_one_for_each_command_however_many_lines() -> None:
    talk = Talk()
    talk.say(b"RSET\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nRCPT TO:<c@x>\r\n")
    for reply in (b"250-one\r\n250-two\r\n250 three\r\n", b"250\r\n", b"550-5.1.1 no\r\n550 5.1.1 such\r\n"):
        for cuts in every_cut(reply)[-1:]:
            assert talk.answer(*cuts)[0] == reply
        assert talk.ears.is_owed
    talk.answer(OK)
    assert not talk.ears.is_owed


def test_what_the_client_says_without_waiting_leaves_without_waiting() -> None:
    group = b"MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n"
    talk = Talk()
    assert talk.say(group) == (b"", group)
    assert talk.answer(OK + OK + b"354 go on\r\n") == (OK + OK + b"354 go on\r\n", b"")
    assert talk.say(b"one\r\n.\r\nQUIT\r\n") == (b"", b"one\r\n.\r\nQUIT\r\n")
    talk.answer(OK + b"221 bye\r\n")
    assert talk.ears.has_quit


def test_a_drip_of_a_reply_is_a_drip_for_the_client() -> None:
    talk = Talk()
    talk.say(b"NOOP\r\n")
    assert [talk.answer(bytes([octet]))[0] for octet in OK] == [bytes([octet]) for octet in OK]


def test_what_nobody_asked_for_is_the_clients() -> None:
    talk = Talk()
    assert talk.answer(b"250-hm\r\n25", b"0 hm", b"\r\nhuh\r\n")[0] == b"250-hm\r\n250 hm\r\nhuh\r\n"
    assert talk.ask(b"NOOP\r\n", OK) == OK
    assert not talk.ears.is_owed


def test_an_empty_line_may_be_answered_or_not() -> None:
    for answers in (b"500 5.5.2 what\r\n250 fine\r\n", b"250 fine\r\n"):
        talk = Talk()
        assert talk.say(b"\r\nNOOP\r\n") == (b"", b"\r\nNOOP\r\n")
        assert talk.answer(answers)[0] == answers
        assert not talk.ears.is_owed
    talk = Talk()
    assert talk.ask(b"\r\n", b"502 what\r\n") == b"502 what\r\n"


def test_after_a_reply_that_is_none_octets_just_pass() -> None:
    talk = Talk()
    assert talk.ask(b"EHLO me\r\n", b"hello you\r\n") == b"hello you\r\n"
    assert talk.say(b"STARTTLS\r\n") == (b"", b"STARTTLS\r\n")
    assert talk.answer(EHLO)[0] == EHLO


def test_what_is_owed_when_octets_begin_to_pass_stays_owed() -> None:
    talk = Talk()
    talk.say(b"NOOP\r\nNOOP\r\n")
    assert talk.answer(b"what\r\n")[0] == b"what\r\n"
    assert talk.ears.is_owed
    talk.answer(OK)
    assert not talk.ears.is_owed


def test_what_is_not_heard_yet_is_owed() -> None:
    """A server must not be told the end before it has heard all."""
    talk = Talk()
    talk.ears.client_said(b"STARTTLS\r\n" * (BURST + 1), 0.0)
    talk.ears.client_ended(0.0)
    assert talk.ears.is_owed
    talk.ears.client_said(b"", 0.0)
    assert not talk.ears.is_owed
    assert talk.got() == b"502 5.5.1 no TLS on this port, go on without\r\n" * (BURST + 1)


def test_where_normalizing_is_promised_a_reply_that_is_none_changes_nothing() -> None:
    talk = Talk(bare_lf="normalize")
    talk.ask(b"NOOP\r\n", b"hello you\r\n")
    assert talk.say(b"RSET\n") == (b"", b"RSET\r\n")


def test_a_client_and_server_that_change_places_are_left_alone() -> None:
    talk = Talk()
    talk.ask(b"TURN\r\n", OK)
    assert talk.answer(b"EHLO server\r\n")[0] == b"EHLO server\r\n"
    assert talk.say(b"250-me\r\n250 STARTTLS\r\n")[1] == b"250-me\r\n250 STARTTLS\r\n"


def test_a_client_that_pipelines_is_heard_up_to_a_limit() -> None:
    talk = Talk()
    _, heard = talk.say(b"NOOP\r\n" * (TURNS_LIMIT + 100))
    assert heard == b"NOOP\r\n" * TURNS_LIMIT
    assert not talk.ears.wants_client
    _, heard = talk.answer(OK * TURNS_LIMIT)
    assert heard == b"NOOP\r\n" * 100
    talk.answer(OK * 100)
    assert not talk.ears.is_owed


def test_a_line_without_an_end_ends_the_session() -> None:
    talk = Talk()
    talk.say(b"x" * LINE_LIMIT)
    assert isinstance(talk.ears.failure, Misdialled)
    assert "too long" in talk.ears.failure.cause


def test_a_long_line_of_a_mail_program_is_the_servers_matter() -> None:
    for verb in (b"RCPT TO:<", b"AUTH XOAUTH2 "):
        talk = Talk()
        line = verb + b"x" * (2 * LINE_LIMIT)
        assert talk.say(line, b"\r\n") == (b"", line + b"\r\n")
        assert talk.answer(b"500 5.5.2 line too long\r\n")[0] == b"500 5.5.2 line too long\r\n"
        assert talk.ears.failure is None
    talk = Talk()
    talk.say(b"AUTH GSS-SPNEGO\r\n")
    talk.answer(b"334 \r\n")
    assert talk.say(b"x" * (2 * LINE_LIMIT))[1] == b"x" * (2 * LINE_LIMIT)


@pytest.mark.parametrize("bare_lf", ["pass", "normalize"])
def test_a_long_line_where_a_listener_is_needed_ends_the_session(bare_lf: str) -> None:
    talk = Talk(bare_lf=bare_lf, tls="off" if bare_lf == "normalize" else "require")
    talk.say(b"HELP " + b"x" * LINE_LIMIT)
    assert isinstance(talk.ears.failure, Misdialled)


def test_a_mail_behind_answers_that_were_too_many_is_no_commands() -> None:
    """A server that answers each recipient twice, and a client that pipelines: 354 comes where nothing is owed."""
    talk = Talk()
    talk.ask(b"MAIL FROM:<a@x>\r\n", OK)
    talk.say(b"RCPT TO:<b@x>\r\nDATA\r\n")
    no = b"550 no\r\n"
    assert talk.answer(no + no)[0] == no + no
    assert talk.answer(b"3", b"54 go on\r\n")[0] == b"354 go on\r\n"
    mail = b"STARTTLS\r\nAUTH me\r\nQUIT\r\nSubject: hm\r\n.\r\n"
    assert talk.say(mail) == (b"", mail)


def test_a_reply_to_ehlo_without_an_end_is_not_kept() -> None:
    talk = Talk()
    talk.say(b"EHLO me\r\n")
    line = b"250-" + b"x" * 1000 + b"\r\n"
    lines = line * (HELD_LIMIT // len(line) + 2)
    assert talk.answer(lines)[0] == lines


# Those who are no mail programs


def test_five_unknown_commands_before_a_login_end_the_session_and_nothing_is_echoed() -> None:
    talk = Talk()
    for number in range(1, STRANGE_LIMIT):
        talk.ask(b"X-%d: CANARY\r\n" % number, b"500 what\r\n")
        assert talk.ears.failure is None
    assert talk.say(b"CANARY\r\n") == (b"", b"")
    assert isinstance(talk.ears.failure, Misdialled)
    assert "CANARY" not in talk.ears.failure.cause + talk.ears.failure.remedy


@pytest.mark.parametrize(
    "login",
    [
        (b"AUTH PLAIN AGEAYg==\r\n", b"235 in\r\n"), (b"MAIL FROM:<a@x>\r\n", OK),
        (b"MAIL FROM:<a@x>\r\n", b"530 log in first\r\n"), (b"data\r\n", b"451 not now\r\n"),
    ],
)  # fmt: skip
def test_unknown_commands_after_a_login_or_a_mail_are_the_servers_matter(login: tuple[bytes, bytes]) -> None:
    talk = Talk()
    talk.ask(*login)
    for _ in range(2 * STRANGE_LIMIT):
        talk.ask(b"HUH\r\n", b"500 what\r\n")
    assert talk.ears.failure is None


def test_header_lines_behind_a_mail_are_answered_up_to_a_limit() -> None:
    """SAM2 says them there, as commands."""
    talk = Talk().in_mail()
    talk.say(b"one\r\n.\r\n")
    talk.answer(OK)
    assert talk.say(b"Subject: hello\r\n") == (b"250 2.0.0 ok\r\n", b"")
    assert talk.say(b"\tand more\r\n") == (b"250 2.0.0 ok\r\n", b"")
    assert talk.say(b"X-Mailer: SAM2\r\n" * (HEADERS_LIMIT - 2))[1] == b""
    assert talk.say(b"To: you\r\n") == (b"", b"To: you\r\n")
    talk.answer(b"500 what\r\n")
    assert talk.say(b"MAIL FROM:<a@x>\r\n") == (b"", b"MAIL FROM:<a@x>\r\n")


def test_header_lines_sent_with_a_mail_get_their_answers_behind_its_own() -> None:
    talk = Talk().in_mail()
    assert talk.say(b"one\r\n.\r\nSubject: hello\r\nRSET\r\n") == (b"", b"one\r\n.\r\nRSET\r\n")
    assert talk.answer(b"250 queued\r\n" + OK)[0] == b"250 queued\r\n250 2.0.0 ok\r\n" + OK


def test_header_lines_elsewhere_are_the_servers_matter() -> None:
    for talk in (Talk(), Talk().in_mail()):
        if talk.ears.logged_in:
            talk.say(b".\r\n")
            talk.answer(OK)
            talk.ask(b"RSET\r\n", OK)
        assert talk.say(b"Subject: hello\r\n") == (b"", b"Subject: hello\r\n")
    talk = Talk().in_mail()
    talk.say(b".\r\n")
    talk.answer(OK)
    assert talk.say(b" HUH\r\n") == (b"", b" HUH\r\n")


# The end


def test_quit_is_answered_at_once_where_nothing_is_owed_and_the_server_is_told() -> None:
    talk = Talk()
    talk.ask(b"NOOP\r\n", OK)
    assert talk.say(b"quit\r\nNOOP\r\n") == (BYE, b"quit\r\n")
    talk.say(b"more\r\n")
    assert len(talk.client.inbox) == 0
    assert talk.ears.has_left
    assert talk.ears.has_quit
    assert not talk.ears.is_owed
    assert not talk.ears.is_settled
    assert talk.answer(b"221-2.0.0\r\n221 so long\r\n", b"421 and more\r\n")[0] == b""
    assert talk.ears.is_settled


def test_what_is_said_behind_a_goodbye_no_server_hears_though_it_says_that_it_waits_for_a_mail() -> None:
    """One that adds answers: to its client a line of a mail was QUIT, and the rest of the mail has no beginning."""
    talk = Talk()
    talk.ask(b"DATA\r\n", b"503 not yet\r\n")
    assert talk.say(b"QUIT\r\nMAIL FROM:<x>\r\n") == (BYE, b"QUIT\r\n")
    talk.answer(b"250 by the way\r\n354 go on\r\n")
    assert talk.say(b"rest of it\r\n.\r\n") == (b"", b"")
    assert talk.answer(b"250 taken\r\n") == (b"", b"")
    assert talk.ears.is_settled


def test_quit_behind_what_is_owed_is_the_servers_to_answer() -> None:
    talk = Talk()
    assert talk.say(b"NOOP\r\nQUIT\r\n") == (b"", b"NOOP\r\nQUIT\r\n")
    assert not talk.ears.has_left
    assert talk.answer(OK + b"221 so long\r\n")[0] == OK + b"221 so long\r\n"
    assert talk.ears.has_quit
    assert talk.say(b"NOOP\r\n") == (b"", b"")


def test_quit_behind_a_mail_waits_for_the_answer_to_it() -> None:
    talk = Talk().in_mail()
    assert talk.say(b"one\r\n.\r\nQUIT\r\n")[0] == b""
    assert not talk.ears.has_left


def test_a_quit_that_the_server_does_not_take_ends_nothing() -> None:
    talk = Talk()
    talk.ask(b"QUIT now\r\n", b"501 what\r\n")
    assert not talk.ears.has_quit
    assert talk.say(b"NOOP\r\n") == (b"", b"NOOP\r\n")


def test_quit_waits_where_it_is_told_to_and_where_too_many_are_leaving() -> None:
    talk = Talk(ahead=replace(Ahead(), quit_at_once=False))
    assert talk.say(b"QUIT\r\n") == (b"", b"QUIT\r\n")
    memory = Memory()
    leaving = [Talk(memory=memory) for _ in range(LEAVING_LIMIT)]
    assert all(one.say(b"QUIT\r\n")[0] == BYE for one in leaving)
    assert Talk(memory=memory).say(b"QUIT\r\n") == (b"", b"QUIT\r\n")
    leaving[0].answer(b"221 bye\r\n")
    leaving[1].ears.over(0.0, server_left=True)
    assert Talk(memory=memory).say(b"QUIT\r\n")[0] == BYE
    assert Talk(memory=memory).say(b"QUIT\r\n")[0] == BYE
    assert Talk(memory=memory).say(b"QUIT\r\n")[0] == b""


def test_a_client_that_ends_is_owed_what_is_not_answered_and_no_more() -> None:
    talk = Talk()
    talk.ask(b"NOOP\r\n", OK)
    talk.say(b"RSET\r\nNOO")
    assert talk.ears.is_owed
    talk.ears.client_ended(0.0)
    assert talk.heard() == b"NOO"
    assert talk.ears.gap == 0
    talk.answer(OK)
    assert not talk.ears.is_owed


def test_half_a_line_that_is_not_for_the_server_goes_nowhere() -> None:
    for half, tls in ((b"STARTTLS", "off"), (b"AUTH PLAIN CANARY", "require")):
        talk = Talk(tls=tls)
        assert talk.say(half) == (b"", b"")
        talk.ears.client_ended(0.0)
        assert talk.heard() == b""


def test_a_client_that_ends_behind_a_mail_sent_without_waiting_has_all_of_it_sent() -> None:
    talk = Talk()
    talk.say(b"DATA\r\none\r\n.\r\nQUIT\r\n")
    talk.ears.client_ended(0.0)
    assert talk.ears.is_owed
    assert talk.answer(b"354 go on\r\n")[1] == b"one\r\n.\r\nQUIT\r\n"
    assert talk.ears.is_owed
    talk.answer(OK + b"221 bye\r\n")
    assert not talk.ears.is_owed
    assert talk.ears.has_quit


@pytest.mark.parametrize("first", [b"DATA\r\n", b"AUTH LOGIN\r\n"])
def test_a_server_that_wants_to_hear_more_before_it_answers_hears_it(first: bytes) -> None:
    talk = Talk()
    assert talk.say(first + b"one\r\n.\r\n") == (b"", first)
    assert talk.ears.due == HURRY
    talk.ears.on_time(HURRY)
    assert talk.heard() == b"one\r\n.\r\n"
    assert talk.ears.due == math.inf
    assert talk.ears.is_owed
    assert talk.answer(OK)[0] == OK
    talk.ears.client_ended(HURRY)
    assert talk.ears.gap <= REST < 1.0 - HURRY  # all that it was kept waiting for, less than a second


def test_where_normalizing_is_promised_it_waits() -> None:
    talk = Talk(bare_lf="normalize")
    talk.say(b"DATA\r\none\r\n.\r\n")
    assert talk.ears.due == math.inf


def test_a_reply_that_breaks_off_is_given_out() -> None:
    talk = Talk()
    talk.say(b"EHLO me\r\n")
    assert talk.answer(b"250-mail\r\n250-AU")[0] == b""
    talk.ears.server_ended(0.0)
    assert talk.got() == b"250-mail\r\n250-AU"


def test_a_login_is_awaited_up_to_the_first_command() -> None:
    """Many may send without a login."""
    talk = Talk()
    assert talk.ears.awaits_login
    talk.ask(b"EHLO me\r\n", EHLO)
    assert not talk.ears.awaits_login
    assert not talk.ears.logged_in
    talk.ask(b"MAIL FROM:<a@x>\r\n", b"530 log in\r\n")
    assert not talk.ears.logged_in
    talk.ask(b"MAIL FROM:<a@x>\r\n", OK)
    assert talk.ears.logged_in


def test_a_command_shows_nothing_of_its_argument() -> None:
    assert "CANARY" not in repr(parse(b"AUTH PLAIN CANARY\r\n"))


def test_a_client_that_ended_where_octets_just_pass_is_kept_for_a_second_at_most() -> None:
    talk = Talk()
    talk.ask(b"EHLO me\r\n", b"hello you\r\n")
    talk.say(b"NOOP\r\nNOOP\r\n")
    talk.ears.client_ended(0.0)
    talk.answer(OK)
    assert talk.ears.gap == QUIET
