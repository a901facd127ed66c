"""Mails on their way to the server: where they end, cut anywhere, and what becomes of their line ends."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing import every_cut, pieces
from model_smtp import Talk
from popover.protocols.smtp.body import Dots, Mended

MAIL = b"Subject: dots\r\n\r\n..one\r\n.\rx\r\n.\n.\n\r.\r\n\n.\r\n..\r\n"
WHOLE = b"Subject: dots\r\n\r\nall lines\r\n..are whole\r\n"

# What some server somewhere takes for the end of a mail, and none of these is (RFC 5321 section 4.1.1.4).
SMUGGLED = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\r.\n", b"\n.\r", b"\r\n\0.\r\n"]


@pytest.mark.parametrize("cuts", every_cut(MAIL + b".\r\nNOOP\r\n"))
def test_a_mail_passes_as_it_is_up_to_its_end_wherever_it_is_cut(cuts: list[bytes]) -> None:
    talk = Talk().in_mail()
    assert talk.say(*cuts) == (b"", MAIL + b".\r\nNOOP\r\n")
    assert talk.answer(b"250 queued\r\n") == (b"250 queued\r\n", b"")
    assert talk.ears.is_owed  # NOOP was heard as a command
    talk.answer(b"250 fine\r\n")
    assert not talk.ears.is_owed


def test_an_empty_mail_ends_at_once() -> None:
    talk = Talk().in_mail()
    assert not talk.ears.is_owed
    assert talk.say(b".\r\n") == (b"", b".\r\n")
    assert talk.ears.is_owed


@pytest.mark.parametrize("lure", SMUGGLED)
@pytest.mark.parametrize("bare_lf", ["pass", "normalize"])
def test_nothing_but_crlf_dot_crlf_ends_a_mail(lure: bytes, bare_lf: str) -> None:
    """A client's words behind what only looks like an end are a part of its mail, never commands of it."""
    said = b"first" + lure + b"QUIT\r\nSTARTTLS\r\n"
    for cuts in every_cut(said):
        talk = Talk(bare_lf=bare_lf).in_mail()
        got, _ = talk.say(*cuts)
        assert got == b""
        assert not talk.ears.is_owed
        assert not talk.ears.has_left
        talk.say(b"\r\n.\r\n")
        assert talk.ears.is_owed


@pytest.mark.parametrize("lure", SMUGGLED)
def test_normalized_a_mail_has_one_end_for_every_server_that_knows_lf(lure: bytes) -> None:
    said = b"first" + lure + b"MAIL FROM:<evil@x>\r\n.\r\n"
    for cuts in every_cut(said):
        talk = Talk(bare_lf="normalize").in_mail()
        _, heard = talk.say(*cuts)
        assert len(re.findall(rb"\n\.\r?\n", heard)) == 1
        assert heard.endswith(b"\r\n.\r\n")
        assert re.search(rb"(?<!\r)\n", heard) is None


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (b"one\ntwo\r\n", b"one\r\ntwo\r\n"),
        (b"\n\n", b"\r\n\r\n"),
        (b"one\r\r\ntwo\n", b"one\r\r\ntwo\r\n"),
        (b"one\rtwo\n", b"one\rtwo\r\n"),
        (b"..dots\n..\n", b"..dots\r\n..\r\n"),
        (b"one\n.\ntwo\r\n", b"one\r\n..\r\ntwo\r\n"),
        (b"one\n.\r\ntwo\r\n", b"one\r\n..\r\ntwo\r\n"),
        (b"one\r\n.\ntwo\r\n", b"one\r\n..\r\ntwo\r\n"),
        (b".\n.\n.\n", b"..\r\n..\r\n..\r\n"),
        (b"\n.\rx\n", b"\r\n.\rx\r\n"),
        (WHOLE, WHOLE),
    ],
)
def test_normalized_each_line_ends_in_crlf_and_no_other_dot_stands_alone(said: bytes, heard: bytes) -> None:
    """The lone dot gets its second one: what the server keeps of it is the line as it was said, a dot."""
    end = b"" if said.endswith(b"\r\n") else b"\r\n"
    for cuts in every_cut(said + end + b".\r\n"):
        talk = Talk(bare_lf="normalize").in_mail()
        assert talk.say(*cuts) == (b"", heard + end + b".\r\n")
        assert talk.ears.is_owed


def test_normalized_commands_end_in_crlf_too() -> None:
    assert Talk(bare_lf="normalize").say(b"noop\nRSET\r\n") == (b"", b"noop\r\nRSET\r\n")


ENDINGS = st.lists(
    st.sampled_from([b"\r", b"\n", b".", b"\r\n", b"\r\n.", b".\r\n", b"..", b"x", b"\0"]), max_size=12
).map(b"".join)


@given(st.data(), ENDINGS)
def test_any_cut_of_any_line_ends_comes_to_the_same(data: st.DataObject, said: bytes) -> None:
    said += b"\r\n.\r\n"
    end = (b"\r\n" + said).find(b"\r\n.\r\n") + 3
    for make in (Dots, Mended):
        whole = make().feed(memoryview(said))
        assert whole.taken == end
        assert whole.is_over
        body, out, taken, is_over = make(), b"", 0, False
        for piece in data.draw(pieces(said)):
            if not is_over:
                fed = body.feed(memoryview(piece))
                out, taken, is_over = out + bytes(fed.out), taken + fed.taken, fed.is_over
        assert (out, taken, is_over) == (bytes(whole.out), end, True)
        assert make is Mended or out == said[:end]


def test_a_client_that_ends_in_the_middle_sends_no_end_of_a_mail() -> None:
    for half in (b"half\r\n.", b"half\r\n.\r", b"half\r\n", b"half\r"):
        for bare_lf in ("pass", "normalize"):
            talk = Talk(bare_lf=bare_lf).in_mail()
            _, heard = talk.say(half)
            talk.ears.client_ended(0.0)
            assert heard + talk.heard() == half
            assert talk.answer(b"421 bye\r\n") == (b"421 bye\r\n", b"")
            assert not talk.ears.is_owed
            assert talk.ears.gap == 0


# DATA


def test_a_refused_data_has_no_body() -> None:
    talk = Talk()
    assert talk.ask(b"DATA\r\n", b"554 no valid recipients\r\n") == b"554 no valid recipients\r\n"
    assert talk.say(b"QUIT\r\n") == (b"221 2.0.0 Bye\r\n", b"QUIT\r\n")


def test_a_mail_sent_without_waiting_is_one_where_data_is_taken() -> None:
    talk = Talk()
    assert talk.say(b"DATA\r\n", WHOLE, b".\r\n", b"NOOP\r\n") == (b"", b"DATA\r\n")
    assert talk.answer(b"354 go", b" on\r\n") == (b"354 go on\r\n", WHOLE + b".\r\nNOOP\r\n")
    assert talk.answer(b"250 queued\r\n250 fine\r\n")[0] == b"250 queued\r\n250 fine\r\n"
    assert not talk.ears.is_owed


def test_a_mail_sent_without_waiting_is_commands_where_data_is_refused() -> None:
    """As over a wire."""
    talk = Talk()
    talk.say(b"DATA\r\none\r\ntwo\r\n.\r\n")
    assert talk.answer(b"503 first MAIL\r\n") == (b"503 first MAIL\r\n", b"one\r\ntwo\r\n.\r\n")
    assert talk.answer(b"500 what\r\n500 what\r\n500 what\r\n")[0] == b"500 what\r\n" * 3
    assert not talk.ears.is_owed


def test_a_client_that_sends_without_waiting_is_read_up_to_a_limit() -> None:
    talk = Talk()
    talk.say(b"DATA\r\n" + b"x" * 70_000)
    assert not talk.ears.wants_client
    talk.answer(b"354 go on\r\n")
    assert talk.ears.wants_client


def test_a_server_of_loose_manners_may_take_lf_dot_lf_for_the_end() -> None:
    """So the programs that end their mails so (Eudora 4, Claris Emailer) are served by it as over a wire."""
    talk = Talk().in_mail()
    talk.say(b"one\n.\n")
    assert talk.answer(b"250 queued\r\n")[0] == b"250 queued\r\n"
    assert talk.say(b"QUIT\r\n") == (b"221 2.0.0 Bye\r\n", b"QUIT\r\n")


def test_a_refusal_in_the_middle_of_a_mail_passes_and_so_does_the_rest() -> None:
    talk = Talk().in_mail()
    talk.say(b"one\r\n")
    assert talk.answer(b"552 too much\r\n")[0] == b"552 too much\r\n"
    assert talk.say(b"two\r\n.\r\nQUIT\r\n") == (b"", b"two\r\n.\r\nQUIT\r\n")
    assert talk.answer(b"221 bye\r\n")[0] == b"221 bye\r\n"
    assert not talk.ears.is_owed


def test_after_an_answer_to_data_that_says_neither_octets_just_pass() -> None:
    talk = Talk()
    talk.ask(b"DATA\r\n", b"250 go on\r\n")
    assert talk.say(b"QUIT\r\n.\r\n") == (b"", b"QUIT\r\n.\r\n")


def test_a_mail_is_never_kept() -> None:
    talk = Talk().in_mail()
    piece = b"x" * 100_000
    for _ in range(20):
        assert talk.ears.client_said(piece, 0.0) == piece
    assert len(talk.client.inbox) + len(talk.server.outbox) == 0


def test_the_answer_to_a_mail_is_never_given_here() -> None:
    talk = Talk().in_mail()
    talk.say(b"one\r\n.\r\n")
    talk.ears.client_said(b"NOOP\r\n", 0.0)
    assert talk.got() == b""
    talk.ears.server_ended(0.0)
    assert talk.got() == b""
    assert talk.ears.is_owed


# BDAT


@pytest.mark.parametrize("reply", [b"250 taken\r\n", b"503 not now\r\n"])
def test_a_chunk_follows_at_once_whatever_is_answered(reply: bytes) -> None:
    chunk = b"QUIT\r\n.\r\n\n"
    said = b"BDAT 10\r\n" + chunk + b"bdat 3 LAST\r\n...BDAT 0\r\nNOOP\r\n"
    for cuts in every_cut(said):
        talk = Talk()
        assert talk.say(*cuts) == (b"", said)
        assert talk.answer(reply * 3 + b"250 noop\r\n")[0] == reply * 3 + b"250 noop\r\n"
        assert not talk.ears.is_owed
        assert not talk.ears.has_quit


@pytest.mark.parametrize("line", [b"BDAT\r\n", b"BDAT x\r\n", b"BDAT -1\r\n", b"BDAT 0 LAST\r\n"])
def test_a_chunk_without_octets_is_a_command_alone(line: bytes) -> None:
    talk = Talk()
    assert talk.say(line + b"QUIT\r\n") == (b"", line + b"QUIT\r\n")
    talk.answer(b"501 what\r\n221 bye\r\n")
    assert talk.ears.has_quit


def test_a_chunk_is_not_normalized() -> None:
    """It says how many octets it has, and there is no end to be mistaken."""
    talk = Talk(bare_lf="normalize")
    assert talk.say(b"BDAT 9 LAST\r\na\n.\nb\r\nc\n") == (b"", b"BDAT 9 LAST\r\na\n.\nb\r\nc\n")
