"""PIPELINING that we promise at the desk: a server that does not offer it hears one command at a time."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing import UNTIMED, cut, every_cut
from model_smtp import EHLO, Model, Talk
from popover.protocols.smtp.client_ear import INBOX_LIMIT

LONE = b"250-mail.example.com\r\n250-SIZE 1000000\r\n250-AUTH PLAIN\r\n250 8BITMIME\r\n"
OK = b"250 ok\r\n"
AUTH = b"AUTH PLAIN " + base64.b64encode(b"\0anna\0secret") + b"\r\n"
RECIPIENTS = [b"RCPT TO:<r%d@example.com>\r\n" % number for number in range(50)]
GROUP = [b"MAIL FROM:<anna@example.com>\r\n", *RECIPIENTS, b"DATA\r\n"]


def let_in(ehlo: bytes, *, at_desk: bool = True) -> Talk:
    """A client that a server has let in, and that was offered PIPELINING at the desk."""
    talk = Talk(at_desk=at_desk)
    talk.ask(b"EHLO me\r\n", ehlo)
    talk.ask(AUTH, b"235 in\r\n")
    return talk


@pytest.mark.parametrize("ehlo", [EHLO, LONE.replace(b"250-SIZE", b"250-pipelining")])
def test_a_server_that_offers_it_hears_all_recipients_in_one_flight(ehlo: bytes) -> None:
    assert let_in(ehlo).say(b"".join(GROUP)) == (b"", b"".join(GROUP))


def test_who_was_not_received_at_the_desk_says_what_it_likes() -> None:
    assert let_in(LONE, at_desk=False).say(b"".join(GROUP)) == (b"", b"".join(GROUP))


@pytest.mark.parametrize("size", [1, 7, 40, 1 << 20])
def test_a_server_that_does_not_hears_the_next_command_with_its_answer_to_the_last(size: int) -> None:
    talk = let_in(LONE)
    said = b"".join(GROUP)
    got, heard = talk.say(*(said[at : at + size] for at in range(0, len(said), size)))
    assert (got, heard) == (b"", GROUP[0])
    for command in GROUP[1:]:
        assert talk.ears.is_owed
        assert talk.answer(b"250-o", b"k\r\n250 ", b"ok\r\n") == (b"250-ok\r\n250 ok\r\n", command)
    assert talk.answer(b"354 go on\r\n") == (b"354 go on\r\n", b"")
    assert talk.say(b"one\r\n.\r\nMAIL FROM:<>\r\nNOOP\r\n") == (b"", b"one\r\n.\r\n")
    assert talk.answer(OK) == (OK, b"MAIL FROM:<>\r\n")
    assert talk.answer(OK) == (OK, b"NOOP\r\n")
    assert talk.answer(OK) == (OK, b"")
    assert not talk.ears.is_owed


def test_the_octets_of_a_chunk_are_no_command() -> None:
    talk = let_in(LONE)
    assert talk.say(b"BDAT 4\r\nRSETBDAT 2 LAST\r\nhiQUIT\r\n") == (b"", b"BDAT 4\r\nRSET")
    assert talk.answer(OK) == (OK, b"BDAT 2 LAST\r\nhi")
    assert talk.answer(OK)[1] == b"QUIT\r\n"


def test_an_empty_line_that_is_never_answered_keeps_nothing_waiting() -> None:
    talk = let_in(LONE)
    assert talk.say(b"\r\nNOOP\r\nRSET\r\n") == (b"", b"\r\nNOOP\r\n")
    assert talk.answer(OK) == (OK, b"RSET\r\n")


def test_a_client_that_has_ended_is_heard_to_its_end() -> None:
    talk = let_in(LONE)
    talk.say(b"RSET\r\nNOOP\r\nVRFY x\r\nQU")
    assert not talk.ears.is_settled
    talk.ears.client_ended(0.0)
    assert talk.heard() == b""
    assert talk.answer(OK) == (OK, b"NOOP\r\n")
    assert talk.answer(OK) == (OK, b"VRFY x\r\n")
    assert talk.answer(OK) == (OK, b"QU")
    assert talk.ears.is_settled


def test_what_waits_is_bounded() -> None:
    talk = let_in(LONE)
    talk.say(b"RSET\r\n" + b"RCPT TO:<b@example.com>\r\n" * (INBOX_LIMIT // 20))
    assert not talk.ears.wants_client
    for _ in range(INBOX_LIMIT // 20):
        talk.answer(OK)
    assert talk.ears.wants_client


class Strict:
    """Hangs up on a client that speaks before it has its answer, as Exim does where it has not offered PIPELINING."""

    def __init__(self) -> None:
        self.model = Model(ehlo=LONE)

    def hear(self, data: bytes) -> bytes:
        answers = self.model.hear(data)
        assert answers.count(b"\r\n250 ") + answers.startswith((b"250 ", b"354 ", b"5")) <= 1, data
        return answers


COMMANDS = (b"MAIL FROM:<a@x>\r\n", b"RCPT TO:<b@x>\r\n", b"NOOP\n", b"rset\r\n", b"HUH\r\n", b"BDAT 3\r\n\r\nX",
            b"VRFY\r\n", b"STARTTLS\r\n", b"EHLO you\r\n")  # fmt: skip


@UNTIMED
@given(st.lists(st.sampled_from(COMMANDS), max_size=12), st.lists(st.integers(1, 200)))
def test_whatever_is_said_in_one_flight_is_answered_as_if_it_came_one_by_one(
    commands: list[bytes], places: list[int]
) -> None:
    said = b"".join((*commands, b"NOOP\r\n"))
    flight, one_by_one = let_in(LONE), let_in(LONE)
    pieces = cut(said, *(place for place in places if place < len(said)))
    answers = _play(flight, Strict(), pieces)
    assert answers == _play(one_by_one, Strict(), [*commands, b"NOOP\r\n"])


def _play(talk: Talk, server: Strict, pieces: list[bytes]) -> bytes:
    answers = b""
    for piece in pieces:
        got, heard = talk.say(piece)
        answers += got
        while heard:
            got, heard = talk.answer(server.hear(heard))
            answers += got
    return answers


def test_the_promise_holds_wherever_the_octets_are_cut() -> None:
    said = b"RSET\r\nNOOP\r\n"
    for cuts in every_cut(said):
        talk = let_in(LONE)
        assert talk.say(*cuts)[1] == b"RSET\r\n"
        assert talk.answer(OK) == (OK, b"NOOP\r\n")
