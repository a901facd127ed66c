"""IMAP with a client that talks on where it should wait for its server: a response before its challenge, words behind
COMPRESS. They are kept until it is known what they are, and not for long, for a server may never tell.
"""

import math

import pytest

from hearing import taken
from imap_talk import Talk
from popover.protocols.imap.hearing import HURRY, REST


@pytest.mark.parametrize("first", [b"a AUTHENTICATE PLAIN\r\n", b"a COMPRESS DEFLATE\r\n"])
def test_what_waits_for_a_word_of_the_server_is_not_lost_with_its_client(first: bytes) -> None:
    """The relay tells a server of an end only once it has heard all (`is_settled`)."""
    talk = Talk()
    assert talk.say(first + b"AGEAYg==\r\nb LOGOUT\r\n") == (b"", first)
    talk.ears.client_ended(0.0)
    assert not talk.ears.is_settled
    _, heard = talk.answer(b"+ \r\n" if b"AUTH" in first else b"a NO not now\r\n")
    assert heard.startswith(b"AGEAYg==\r\n")
    talk.answer(b"a OK in\r\n")
    assert talk.ears.is_settled


def test_a_server_that_never_asks_for_a_response_hears_it() -> None:
    talk = Talk()
    assert talk.say(b"a AUTHENTICATE PLAIN\r\nAGEAYg==\r\n") == (b"", b"a AUTHENTICATE PLAIN\r\n")
    assert talk.ears.due == HURRY
    talk.ears.on_time(HURRY)
    assert taken(talk.server) == b"AGEAYg==\r\n"
    assert talk.ears.due == math.inf
    assert talk.ears.is_owed
    assert talk.answer(b"a OK in\r\n")[0] == b"a OK in\r\n"
    assert talk.ears.logged_in
    assert talk.ears.user == "a"


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_server_that_leaves_a_login_unanswered_hears_all_that_comes_behind_it_less_than_a_second_later(
    size: int,
) -> None:
    """What looks like a response may be a command, with a literal full of lines: none of them is kept any more."""
    talk = Talk()
    said = b"b APPEND x {400+}\r\n" + b"STARTTLS\r\n" * 40 + b"\r\nc STARTTLS\r\nd COMPRESS DEFLATE\r\n"
    talk.passes(b"a AUTHENTICATE PLAIN AGEAYg==\r\n", b"")
    heard = b""
    for at in range(0, len(said), size):
        got, more = talk.say(said[at : at + size])
        assert got == b""
        heard += more
        if at <= len(said) // 2 < at + size:
            assert heard == b""
            talk.now = HURRY
            talk.ears.on_time(HURRY)
            heard += taken(talk.server)
    assert heard == said
    assert talk.ears.due == math.inf
    assert talk.ears.is_settled
    answers = b"b OK [CAPABILITY IMAP4rev1 IDLE] in\r\nc BAD no\r\nd OK deflated\r\n"
    assert b"".join(talk.answer(answers[at : at + size])[0] for at in range(0, len(answers), size)) == answers


def test_who_was_kept_waiting_and_has_ended_costs_its_server_less_than_a_second_in_all() -> None:
    talk = Talk()
    talk.say(b"a AUTHENTICATE PLAIN\r\n*\r\nb NOOP\r\n")
    talk.ears.client_ended(0.0)
    talk.ears.on_time(HURRY)
    assert talk.ears.is_owed
    talk.answer(b"a BAD no\r\nb OK done\r\n")
    assert not talk.ears.is_owed
    assert talk.ears.gap == REST < 1.0 - HURRY


def test_what_waits_for_a_challenge_does_so_for_less_than_a_second_in_all() -> None:
    talk = Talk()
    for tag in (b"a", b"b"):
        login = tag + b" AUTHENTICATE PLAIN\r\n"
        assert talk.say(login + b"AGEAYg==\r\n") == (b"", login)
        talk.now += HURRY / 2
        assert talk.answer(b"+ \r\n")[1] == b"AGEAYg==\r\n"
        talk.now += 5.0
        talk.answer(tag + b" NO wrong\r\n")
    talk.say(b"c AUTHENTICATE PLAIN\r\nAGEAYg==\r\n")
    assert talk.ears.due == talk.now
    talk.ears.on_time(talk.now)
    assert taken(talk.server) == b"AGEAYg==\r\n"


def test_whose_login_is_answered_after_all_talks_on_as_through_a_wire() -> None:
    talk = Talk()
    talk.say(b"a AUTHENTICATE PLAIN AGEAYg==\r\nb COMPRESS DEFLATE\r\n")
    talk.ears.on_time(HURRY)
    told = b"a OK [CAPABILITY COMPRESS=DEFLATE] in\r\n"
    assert talk.answer(told)[0] == told.replace(b" COMPRESS=DEFLATE", b"")
    assert talk.ears.logged_in
    deflated = b"* CAPABILITY\xff"
    assert talk.answer(b"b OK now\r\n", deflated)[0] == b"b OK now\r\n" + deflated
    assert talk.say(deflated) == (b"", deflated)


def test_a_server_that_leaves_compress_unanswered_hears_what_comes_behind_it_less_than_a_second_later() -> None:
    talk = Talk()
    talk.log_in()
    assert talk.say(b"a COMPRESS DEFLATE\r\nb NOOP\r\nc NO")[1] == b"a COMPRESS DEFLATE\r\n"
    talk.ears.on_time(talk.ears.due)
    assert taken(talk.server) == b"b NOOP\r\nc NO"
    talk.passes(b"OP\r\n", b"b OK\r\nc OK\r\n")
    talk.passes(b"", b"a OK go\r\n* CAPABILITY STARTTLS\r\n")
