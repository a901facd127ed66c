"""POP3 on a connection that stood ready, and is dead when its client comes: what was said can be said once more."""

from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing import cut, hear, taken
from model_pop3 import VISITOR, service, trusting
from popover.errors import ServerFailure
from popover.outside.dial import Dialled
from popover.outside.spare import Opened
from popover.protocols import Terms
from popover.protocols.pop3 import Ears, Memory, get_ready
from popover.protocols.pop3.doubt import FAREWELL, KEPT
from popover.session.before import Before
from popover.talk import End

FAREWELL_WORDS = b"-ERR Autologout; idle too long\r\n"
LOGIN = b"USER anna\r\nPASS secret\r\n"


class Talk:
    """Ears of a talk on such a connection."""

    def __init__(self, client: End | None = None, *, has_waited: bool = True) -> None:
        self.client, self.server = client or End("client"), End("server")
        self.ears = Ears(self.client, self.server, Terms(service().ahead, VISITOR, has_waited=has_waited), trusting())
        self.ears.start(b"+OK hello\r\n", b"+OK\r\nPIPELINING\r\n.\r\n", 1000.0)
        taken(self.client)

    def say(self, words: bytes) -> bytes:
        self.ears.client_said(words, 1000.0)
        return taken(self.client)

    def answer(self, words: bytes, now: float = 1000.0) -> bytes:
        straight = bytes(self.ears.server_said(words, now))
        return taken(self.client) + straight

    def end(self) -> bytes:
        self.ears.server_ended(1000.0)
        return taken(self.client)


@pytest.mark.parametrize("words", [b"", FAREWELL_WORDS, FAREWELL_WORDS[:7]])
def test_what_a_dead_connection_has_not_heard_can_be_said_again(words: bytes) -> None:
    talk = Talk()
    assert talk.say(LOGIN) == b"+OK\r\n"
    assert (talk.answer(words) if words else b"") == b""
    assert talk.ears.unheard is None  # it may yet answer
    assert talk.end() == b""
    assert talk.ears.unheard == LOGIN
    assert not talk.ears.wants_client  # what it says from now on is for the next talk


@given(st.integers(0, len(LOGIN)))
def test_what_is_said_again_begins_with_its_beginning_though_half_a_line_waits(size: int) -> None:
    talk = Talk()
    told = talk.say(LOGIN[:size])
    talk.end()
    before = Before(talk.ears.unheard or b"", len(told), b"+OK\r\nPIPELINING\r\n.\r\n")
    fresh = Opened(cast("Dialled", None), b"+OK hello\r\n")
    again = Talk(talk.client, has_waited=False)
    assert before.say_to(again.ears, fresh, again.client, again.server, 1000.0)
    again.say(LOGIN[size:])
    assert bytes(again.server.outbox).startswith(LOGIN)


def test_a_refusal_comes_a_moment_later_and_is_an_answer() -> None:
    talk = Talk()
    talk.say(b"STAT\r\n")
    assert talk.answer(b"-ERR log in first\r\n") == b""
    assert talk.ears.due == 1000.0 + FAREWELL
    talk.ears.on_time(talk.ears.due)
    assert taken(talk.client) == b"-ERR log in first\r\n"
    talk.end()
    assert talk.ears.unheard is None


def test_a_refusal_that_is_not_all_comes_at_once() -> None:
    talk = Talk()
    talk.say(b"STAT\r\nSTAT\r\n")
    assert talk.answer(b"-ERR log in\r\n") == b""
    assert talk.answer(b"-ERR log in\r\n") == b"-ERR log in\r\n" * 2


def test_a_refusal_comes_before_what_comes_behind_it_whatever_the_client_says_meanwhile() -> None:
    talk = Talk()
    talk.say(b"STAT\r\n")
    talk.answer(b"-ERR log in ")
    talk.say(b"NOOP\r\n" * KEPT)
    assert talk.answer(b"first\r\n").startswith(b"-ERR log in first\r\n")


@given(st.lists(st.integers(1, len(FAREWELL_WORDS)), max_size=6))
def test_a_farewell_may_come_in_pieces(places: list[int]) -> None:
    talk = Talk()
    talk.say(LOGIN)
    for piece in cut(FAREWELL_WORDS, *places):
        assert talk.answer(piece) == b""
    talk.end()
    assert talk.ears.unheard == LOGIN


def test_a_word_shows_that_it_was_alive() -> None:
    talk = Talk()
    talk.say(b"NOOP\r\nSTAT\r\n")
    assert talk.answer(b"+OK\r\n") == b"+OK\r\n"
    assert talk.answer(b"-ERR log in first\r\n") == b"-ERR log in first\r\n"
    talk.end()
    assert talk.ears.unheard is None


@pytest.mark.parametrize(
    "words", [b"QUIT\r\n", LOGIN + b"DELE 1\r\n", LOGIN + b"QUIT\r\n", b"\r\n", b"STAT\r\n" * KEPT]
)
def test_what_may_have_changed_something_is_not_said_again(words: bytes) -> None:
    talk = Talk()
    talk.say(words)
    talk.end()
    assert talk.ears.unheard is None


@pytest.mark.parametrize("words", [b"", FAREWELL_WORDS])
@pytest.mark.parametrize(("seconds", "unheard"), [(0.5, b""), (2.0, None)])
def test_who_has_said_nothing_yet_does_not_notice_unless_it_is_late(
    words: bytes, seconds: float, unheard: bytes | None
) -> None:
    talk = Talk()
    if words:
        assert talk.answer(words, 1000.0 + seconds) == b""
    talk.ears.server_ended(1000.0 + seconds)
    assert taken(talk.client) == (words if unheard is None else b"")
    assert talk.ears.unheard == unheard


def test_behind_a_refusal_nothing_can_have_changed_anything() -> None:
    talk = Talk()
    talk.say(LOGIN + b"DELE 1\r\nQUIT\r\n")
    talk.answer(FAREWELL_WORDS)
    talk.end()
    assert talk.ears.unheard == LOGIN + b"DELE 1\r\nQUIT\r\n"


def test_of_a_connection_that_is_new_nothing_is_kept() -> None:
    talk = Talk(has_waited=False)
    talk.say(b"STAT\r\n")
    assert talk.answer(FAREWELL_WORDS) == FAREWELL_WORDS
    talk.end()
    assert talk.ears.unheard is None


def test_a_connection_whose_server_has_said_a_line_more_serves_nobody() -> None:
    """A second greeting, late: its client would not have got it, and the answer to CAPA is another's."""
    server, memory = End("server"), Memory()
    with pytest.raises(ServerFailure):
        hear(get_ready(server, memory), server, [b"+OK really\r\n+OK\r\nTOP\r\n.\r\n"])
    assert memory.manners.before is None
