"""ManageSieve behind the login, where nobody reads any more: what is owed to a client that has ended is known all the
same.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing import pieces, taken
from popover.config import Ahead
from popover.protocols.dialect import Terms
from popover.protocols.sieve.counting import Passing
from popover.protocols.sieve.ears import Ears
from popover.protocols.sieve.grammar import take
from popover.talk import End

WORDS = st.lists(
    st.sampled_from([
        b"NOOP\r\n", b'PUTSCRIPT "a" {6+}\r\nkeep;\n\r\n', b"OK\n", b"NO {4}\r\nOK\r\n\r\n", b'"a" ACTIVE\r\n', b"\r\n",
        b"{0+}\r\n\r\n", b"x" * 100 + b"{3}\r\n\n\n\n\r\n", b"{12", b"}\r\n", b"y",
    ]),
    max_size=8,
).map(b"".join)  # fmt: skip


@given(st.data(), WORDS)
def test_however_they_are_cut_all_that_have_ended_are_counted(data: st.DataObject, words: bytes) -> None:
    inbox, expected = bytearray(words), []
    while (one := take(inbox)) is not None:
        expected.append(one[:8])
    passing = Passing()
    assert [one for piece in data.draw(pieces(words)) for one in passing.see(piece)] == expected


class LoggedIn:
    """A client behind its login."""

    def __init__(self, mechanism: bytes = b'"PLAIN"') -> None:
        self.client, self.server = End("client"), End("server")
        self.ears = Ears(self.client, self.server, Terms(Ahead()))
        self.ears.start(b"OK\r\n", b"", 0)
        self.ears.client_said(b"AUTHENTICATE " + mechanism + b' "AGEAYg=="\r\n', 0)
        self.ears.server_said(b"OK\r\n", 0)
        assert self.ears.logged_in
        taken(self.server)

    def says(self, words: bytes) -> None:
        assert taken(self.server, self.ears.client_said(words, 0)) == words

    def is_told(self, words: bytes) -> None:
        taken(self.client, self.ears.server_said(words, 0))


@pytest.mark.parametrize("said", [b'PUTSCRIPT "a" {6+}\r\nkeep;\n\r\nNOOP\r\n', b"NOOP\nnoop\n"])
def test_a_client_that_ends_in_the_same_breath_is_owed_two_answers_and_then_nothing(said: bytes) -> None:
    talk = LoggedIn()
    talk.says(said)
    talk.ears.client_ended(0)
    talk.is_told(b"OK {4}\r\nOK\r\n\r\nO")
    assert (talk.ears.is_owed, talk.ears.gap) == (True, 0.0)
    talk.is_told(b"K\r\n")
    assert (talk.ears.is_owed, talk.ears.gap) == (False, 0.0)


def test_what_is_said_in_one_piece_with_the_login_is_counted_too() -> None:
    client, server = End("client"), End("server")
    ears = Ears(client, server, Terms(Ahead()))
    ears.client_said(b'NOOP\r\nAUTHENTICATE "PLAIN" "AGEAYg=="\r\nNOOP\r\nLISTSCRIPTS\r\n', 0)
    ears.client_ended(0)
    ears.server_said(b"OK\r\nOK\r\n", 0)
    assert (ears.logged_in, ears.is_owed) == (True, True)
    ears.server_said(b'OK\r\n"a" ACTIVE\r\n', 0)
    assert ears.is_owed
    ears.server_said(b"OK\r\n", 0)
    assert (ears.is_owed, ears.gap) == (False, 0.0)


def test_behind_a_layer_of_its_own_nothing_is_counted() -> None:
    talk = LoggedIn(b'"DIGEST-MD5"')
    talk.says(b"\0\x17sealed\n\nOK")
    talk.ears.client_ended(0)
    assert talk.ears.is_owed
    talk.is_told(b"\0\x05x")
    assert not talk.ears.is_owed
    assert talk.ears.gap > 0
