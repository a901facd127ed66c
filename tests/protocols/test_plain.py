"""A talk that nobody listens to: what is guessed of it."""

import pytest

from hearing import every_cut
from popover.protocols.plain import ANSWER_GAP, Plain
from popover.talk import End

SECOND = 1.0  # the first rule's


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (b"QUIT\r\n", b"+OK bye\r\n"), (b"RSET\r\nquit \n", b"250 ok\r\n221-so\r\n221 long\r\n"), (b"QUIT", b"-ERR\n"),
        (b"a LOGOUT\r\n", b"* BYE\r\na OK\r\n"), (b"a NOOP\r\nb7 logout\r\n", b"a OK\r\nb7 OK bye"),
        (b"LOGOUT\r\n", b'OK "bye"\r\n'), (b"LOGOUT\r\n", b"BYE\r\n"),
    ],
)  # fmt: skip
def test_a_goodbye_counts_once_it_may_be_answered(said: bytes, answer: bytes) -> None:
    for cuts in every_cut(said):
        talk = Plain(End("client"))
        talk.client_said(b"NOOP\r\n", 0.0)
        talk.server_said(answer, 0.0)
        for piece in cuts:
            talk.client_said(piece, 0.0)
        assert not talk.has_quit  # what was answered is not this
        talk.server_said(answer, 0.0)
        assert talk.has_quit
        talk.client_said(b"NOOP\r\n", 0.0)
        assert not talk.has_quit


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (b"RCPT TO:<a@x>\r\nDATA\r\nQUIT\r\n", b"250 ok\r\n252 by the way\r\n"),
        (b"a FETCH 1 ALL\r\nb LOGOUT\r\n", b"* 1 FETCH\r\na OK done\r\n"), (b"b LOGOUT\r\n", b"bb OK\r\n"),
        (b"NOOP\r\nQUIT\r\n", b"+ \r\n"),
    ],
)  # fmt: skip
def test_an_answer_to_what_came_before_a_goodbye_is_none_to_that(said: bytes, answer: bytes) -> None:
    for cuts in every_cut(answer):
        talk = Plain(End("client"))
        talk.client_said(said, 0.0)
        for piece in cuts:
            talk.server_said(piece, 0.0)
            assert not talk.has_quit


@pytest.mark.parametrize(
    ("said", "answer"), [(b"NOOP\r\nRSET\r\n", b"250 ok\r\n"), (b"NOOP\r\n", b"250 o"), (b"NOOP\r\nRS", b"250 ok\r\n")]
)
def test_a_client_that_has_ended_is_kept_for_less_than_a_second_where_its_answers_are_guessed(
    said: bytes, answer: bytes
) -> None:
    talk = Plain(End("client"), lambda *_: False)
    talk.client_said(said, 0.0)
    talk.server_said(answer, 0.0)
    talk.client_ended(0.0)
    assert 0 < talk.gap < SECOND - 0.1


@pytest.mark.parametrize(("said", "gap"), [(b"", 0.0), (b"NOOP\r\n", ANSWER_GAP)])
def test_a_client_that_has_ended_is_kept_as_long_as_it_waits_for_an_answer(said: bytes, gap: float) -> None:
    talk = Plain(End("client"))
    talk.client_said(said, 0.0)
    talk.client_ended(0.0)
    assert talk.gap == gap
