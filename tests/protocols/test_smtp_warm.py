"""SMTP on a connection that stood ready: what is said on it, and when its answer is a client's."""

from dataclasses import replace

import pytest

from hearing import every_cut, hear
from model_smtp import EHLO, TERMS, Model, Talk
from popover.config import Ahead
from popover.errors import ServerFailure
from popover.protocols import smtp
from popover.protocols.smtp.memory import KEPT, TRIES, Memory
from popover.talk import End

HELLO = b"EHLO me.example\r\n"
READY = b"EHLO me.example\n" + EHLO
OK = b"250 ok\r\n"


def get_ready(memory: Memory, *replies: bytes) -> tuple[bytes | None, bytes]:
    """What comes of a spare, and what its server hears."""
    server = End("mail.example.com")
    ready = hear(smtp.get_ready(server, memory), server, replies)
    return ready, bytes(server.outbox)


def remembers(hello: bytes, reply: bytes = EHLO, terms: object = TERMS) -> Memory:
    """The memory behind one session that logged in."""
    memory = Memory()
    talk = Talk(memory, ahead=terms.ahead)  # type: ignore[attr-defined]
    talk.say(hello)
    talk.answer(reply)
    talk.ask(b"AUTH PLAIN AGEAYg==\r\n", b"235 in\r\n")
    talk.ears.over(0.0, server_left=False)
    return memory


def test_a_spare_says_what_the_last_client_said() -> None:
    for cuts in every_cut(EHLO):
        memory = remembers(b"ehlo me.example\n")
        memory.bears = True
        assert get_ready(memory, *cuts) == (READY, HELLO)


def test_whether_the_server_takes_it_twice_is_found_out_where_nobody_waits() -> None:
    memory = remembers(HELLO)
    assert get_ready(memory, EHLO, EHLO) == (READY, HELLO + HELLO)
    assert get_ready(memory, EHLO) == (READY, HELLO)


def test_a_server_that_takes_it_once_hears_it_from_no_spare() -> None:
    memory = remembers(HELLO)
    told = []
    memory.on_harm = lambda: told.append(True)
    assert get_ready(memory, EHLO, b"503 you said that\r\n")[0] is None
    assert get_ready(memory) == (b"", b"")
    assert told == [True]


def test_a_server_that_answers_the_second_one_never_is_asked_thrice() -> None:
    memory = remembers(HELLO)
    for _ in range(TRIES):
        with pytest.raises(ServerFailure):
            get_ready(memory, EHLO)
    assert get_ready(memory) == (b"", b"")


def test_what_a_server_does_not_take_is_kept_for_a_month() -> None:
    memory = Memory()
    memory.fail()
    [since] = memory.harm().values()
    for age, bears in ((0, False), (KEPT - 1, False), (KEPT + 1, None), (-1, None)):
        other = Memory()
        other.recall(memory.harm(), since + age)
        assert other.bears is bears
        assert other.harm() == (memory.harm() if bears is False else {})


def test_a_spare_on_which_it_is_refused_is_for_nobody() -> None:
    memory = remembers(HELLO)
    assert get_ready(memory, b"550-not you\r\n550 not me\r\n")[0] is None
    assert get_ready(memory) == (b"", b"")


def test_a_server_that_does_not_answer_gives_no_spare() -> None:
    with pytest.raises(ServerFailure):
        get_ready(remembers(HELLO), b"250-half")
    with pytest.raises(ServerFailure):
        get_ready(remembers(HELLO), b"250-" + b"x" * 10_000)


@pytest.mark.parametrize(
    "memory",
    [
        Memory(),
        remembers(HELLO, b"501 who\r\n"),
        remembers(HELLO, terms=replace(TERMS, ahead=replace(Ahead(), ask_ahead=False))),
        remembers(b"HELO\r\n", b"250 mail\r\n"),
        remembers(b"EHLO " + b"x" * 600 + b"\r\n"),
    ],
)
def test_without_a_good_one_a_spare_only_greets(memory: Memory) -> None:
    assert get_ready(memory) == (b"", b"")


def test_who_did_not_log_in_teaches_nothing() -> None:
    memory = Memory()
    talk = Talk(memory)
    talk.ask(HELLO, EHLO)
    talk.ears.over(0.0, server_left=False)
    assert memory.hello == b""


@pytest.mark.parametrize("words", [b"250-me\r\n", b"235 in\r\n", b"334 aGk=\r\n", b"535 no\r\n"])
def test_an_answer_shows_that_a_spare_was_alive(words: bytes) -> None:
    assert smtp.is_answer(words)


@pytest.mark.parametrize("words", [b"421 4.4.2 you were silent\r\n", b"450 later\r\n", b"", b"\r\n"])
def test_a_farewell_does_not(words: bytes) -> None:
    assert not smtp.is_answer(words)


# The client's side


@pytest.mark.parametrize("said", [HELLO, b"ehlo me.example\n", b"EHLO  me.example \r\n"])
def test_the_same_words_have_their_answer_at_once(said: bytes) -> None:
    talk = Talk(ready=READY)
    assert talk.say(said) == (EHLO, b"")
    assert not talk.ears.has_spoken
    assert not talk.ears.awaits_login
    assert talk.ask(b"AUTH PLAIN AGEAYg==\r\n", b"235 in\r\n") == b"235 in\r\n"
    talk.ears.over(0.0, server_left=False)
    assert talk.memory.hello == HELLO.strip()


def test_the_answer_is_cut_to_what_works_for_this_client() -> None:
    reply = b"250-mail\r\n250-STARTTLS\r\n250 AUTH PLAIN NTLM\r\n"
    talk = Talk(ready=b"EHLO me.example\n" + reply, tls="offer")
    assert talk.say(HELLO)[0] == b"250-mail\r\n250-AUTH PLAIN\r\n250-AUTH=PLAIN\r\n250 STARTTLS\r\n"
    assert talk.say(b"STARTTLS\r\n")[1] == b""
    assert not talk.ears.has_spoken  # the connection is as good as new for the talk inside TLS


@pytest.mark.parametrize("said", [b"EHLO you.example\r\n", b"HELO me.example\r\n", b"EHLO\r\n", b"EHLO ME.example\r\n"])
def test_other_words_are_the_servers_to_judge(said: bytes) -> None:
    talk = Talk(ready=READY)
    assert talk.ask(said, b"550 not you\r\n") == b"550 not you\r\n"
    assert talk.memory.bears is None


def test_a_server_that_takes_no_second_one_after_all_hears_none_again() -> None:
    talk = Talk(ready=READY)
    talk.ask(b"EHLO you.example\r\n", b"503 you said that\r\n")
    assert talk.memory.bears is False


def test_a_helo_is_answered_as_it_was() -> None:
    talk = Talk(ready=b"HELO me\n250 STARTTLS\r\n", tls="offer")
    assert talk.say(b"helo me\r\n") == (b"250 STARTTLS\r\n", b"")


def test_behind_anything_else_they_are_said_again() -> None:
    """An EHLO ends a mail that was begun (RFC 5321 section 4.1.4): it is no repetition any more."""
    talk = Talk(ready=READY)
    talk.say(HELLO)
    talk.ask(b"MAIL FROM:<a@x>\r\n", OK)
    assert talk.ask(HELLO, EHLO) == EHLO


def test_one_small_mail_waits_for_the_server_five_times_in_place_of_ten() -> None:
    """Directly it waits for TCP, TLS, the greeting, and seven answers. None of the five is ever given here."""
    server, waits = Model(), 0
    talk = Talk(ready=HELLO.strip() + b"\n" + server.hear(HELLO))
    for words, code in (
        (HELLO, b"250"), (b"AUTH PLAIN AGEAYg==\r\n", b"235"), (b"MAIL FROM:<a@x>\r\n", b"250"),
        (b"RCPT TO:<b@x>\r\n", b"250"), (b"DATA\r\n", b"354"), (b"one\r\n.\r\n", b"250"), (b"QUIT\r\n", b"221"),
    ):  # fmt: skip
        got, heard = talk.say(words)
        if not got:
            waits += 1
            got, _ = talk.answer(server.hear(heard))
        assert got[:3] == code
        assert talk.ears.is_owed is False
    assert waits == 5
    assert server.mails == [b"one\r\n"]
