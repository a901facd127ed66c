"""What is answered in the server's place, where nothing can be lost by it; and connections that stand ready."""

from dataclasses import replace

import pytest

from hearing import every_cut, hear
from imap_talk import GREETING, SLOW, Talk
from popover.config import Ahead
from popover.errors import ServerFailure
from popover.protocols import imap
from popover.protocols.imap import answering
from popover.protocols.imap.memory import FEW
from popover.protocols.imap.spare import ask_capabilities
from popover.talk import End

QUICK = Ahead()
CAPABILITY = b"* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\r\n"
GOODBYE = b"* BYE logging out\r\na OK LOGOUT completed\r\n"


# CAPABILITY and NOOP before the login


def test_capability_is_answered_here_where_the_greeting_tells() -> None:
    for come in every_cut(b"a capability\r\n"):
        talk = Talk(ahead=QUICK)
        assert talk.say(*come) == (CAPABILITY + b"a OK CAPABILITY completed\r\n", b"")
        assert not talk.ears.has_spoken
        assert not talk.ears.is_owed


def test_capability_is_answered_here_where_it_was_asked_on_a_connection_that_waited() -> None:
    talk = Talk(b"* OK hi\r\n", b"* CAPABILITY X STARTTLS IDLE\r\n", QUICK, hide=("IDLE",))
    assert talk.say(b"a CAPABILITY\r\n")[0] == b"* CAPABILITY X\r\na OK CAPABILITY completed\r\n"
    assert talk.say(b"b NOOP\r\n") == (b"b OK NOOP completed\r\n", b"")


def test_capability_is_answered_here_once_the_server_has_told() -> None:
    talk = Talk(b"* OK hi\r\n", ahead=QUICK)
    talk.passes(b"a CAPABILITY\r\n", CAPABILITY + b"a OK\r\n")
    assert talk.say(b"b CAPABILITY\r\n") == (CAPABILITY + b"b OK CAPABILITY completed\r\n", b"")


@pytest.mark.parametrize(
    "said",
    [
        b"a CAPABILITY\r\nb NOOP\r\n",  # each in its turn
        b"a NOOP\r\nb LOGIN anna secret\r\n",
        b"a CAPABILITY x\r\n",
        b"a NOOP\r\nb",
        b"NOOP\r\n",
    ],
)
def test_what_is_not_alone_or_odd_is_the_servers(said: bytes) -> None:
    talk = Talk(ahead=QUICK)
    got, heard = talk.say(said)
    assert got == b""
    assert said.startswith(heard)
    assert heard


def test_a_command_behind_others_is_the_servers() -> None:
    talk = Talk(ahead=QUICK)
    talk.say(b"a ID NIL\r\n")
    assert talk.say(b"b CAPABILITY\r\n") == (b"", b"b CAPABILITY\r\n")


def test_after_the_login_both_are_the_servers() -> None:
    talk = Talk(ahead=QUICK)
    talk.log_in()
    talk.passes(b"a NOOP\r\n", b"* 3 EXISTS\r\na OK\r\n")
    talk.passes(b"b CAPABILITY\r\n", b"* CAPABILITY Y\r\nb OK\r\n")


def test_after_a_refused_login_they_are_not() -> None:
    talk = Talk(ahead=QUICK)
    talk.passes(b"l LOGIN anna wrong\r\n", b"l NO\r\n")
    assert talk.say(b"a NOOP\r\n") == (b"a OK NOOP completed\r\n", b"")


@pytest.mark.parametrize(
    ("status", "pieces"),
    [
        (b"BAD", [b"a LOGIN {4+}\r\nanna {6+}\r\nsecret\r\n"]),
        (b"NO", [b"a LOGIN {4+}\r\nan", b"na {6+}\r\nsecret\r\n"]),
    ],
)
def test_where_a_server_may_have_taken_a_literal_for_commands_their_answers_come_first(
    status: bytes, pieces: list[bytes]
) -> None:
    """It knows of no literal that is not asked for (RFC 7888), and takes what stands in it for a command."""
    talk = Talk(ahead=Ahead())
    talk.say(pieces[0])
    assert talk.answer(b"a %s what?\r\n" % status)[0] == b"a %s what?\r\n" % status
    talk.say(*pieces[1:])
    for command in (b"b CAPABILITY\r\n", b"c NOOP\r\n", b"d LOGOUT\r\n"):
        assert talk.say(command) == (b"", command)
    assert talk.answer(b"anna BAD what?\r\nsecret BAD what?\r\n")[0] == b"anna BAD what?\r\nsecret BAD what?\r\n"


def test_late_noops_keep_the_server_awake() -> None:
    talk = Talk(ahead=QUICK)
    talk.now = answering.EARLY + 1
    talk.passes(b"a NOOP\r\n", b"a OK\r\n")


def test_what_is_said_in_the_midst_of_the_servers_words_is_the_servers() -> None:
    talk = Talk(ahead=QUICK)
    talk.answer(b"* OK [X")
    assert talk.say(b"a NOOP\r\n") == (b"", b"a NOOP\r\n")


# LOGOUT


def test_logout_is_answered_at_once_and_the_server_is_told() -> None:
    for come in every_cut(b"a LOGOUT\r\n"):
        talk = Talk(ahead=QUICK)
        talk.log_in()
        assert talk.say(*come) == (GOODBYE, b"a LOGOUT\r\n")
        assert talk.ears.has_left
        assert not talk.ears.is_owed
        assert not talk.ears.is_settled
        assert talk.answer(b"* BYE\r\n") == (b"", b"")
        assert not talk.ears.is_settled
        assert talk.answer(b"a OK\r\n") == (b"", b"")
        assert talk.ears.is_settled
        assert talk.ears.has_quit
        assert talk.say(b"b NOOP\r\n") == (b"", b"")


def test_logout_before_the_login_is_too() -> None:
    talk = Talk(ahead=QUICK)
    assert talk.say(b"a logout\r\n") == (GOODBYE, b"a logout\r\n")


@pytest.mark.parametrize("before", [b"b NOOP\r\n", b"b STORE 1 +FLAGS (\\Deleted)\r\n", b"b EXPUNGE\r\n"])
def test_logout_behind_what_is_owed_is_the_servers(before: bytes) -> None:
    talk = Talk(ahead=QUICK)
    talk.log_in()
    assert talk.say(before + b"a LOGOUT\r\n") == (b"", before + b"a LOGOUT\r\n")
    assert not talk.ears.has_left
    talk.answer(b"b OK\r\n")
    assert talk.ears.is_owed
    assert talk.answer(b"* BYE\r\na OK\r\n")[0] == b"* BYE\r\na OK\r\n"
    assert talk.ears.has_quit


def test_logout_in_the_midst_of_the_servers_words_is_the_servers() -> None:
    talk = Talk(ahead=QUICK)
    talk.log_in()
    talk.answer(b"* 1 FETCH (X {5}\r\nab")
    assert talk.say(b"a LOGOUT\r\n") == (b"", b"a LOGOUT\r\n")


def test_logout_of_a_client_with_many_sessions_is_the_servers() -> None:
    """Its next login might be one too many for a server that has not heard of the LOGOUT yet."""
    shared = imap.Memory()
    talks = [Talk(ahead=QUICK, memory=shared) for _ in range(FEW + 1)]
    assert talks[0].say(b"a LOGOUT\r\n") == (b"", b"a LOGOUT\r\n")
    talks[0].ears.over(0.0, server_left=True)
    assert talks[1].say(b"a LOGOUT\r\n") == (GOODBYE, b"a LOGOUT\r\n")
    for talk in talks[1:]:
        talk.ears.over(0.0, server_left=True)
    assert not shared._sessions  # noqa: SLF001 - nothing is kept of clients that are gone


@pytest.mark.parametrize("command", [b"CAPABILITY", b"NOOP", b"LOGOUT"])
def test_nothing_is_answered_here_where_it_is_not_wanted(command: bytes) -> None:
    talk = Talk(ahead=replace(SLOW, warm=1))
    assert talk.say(b"a " + command + b"\r\n") == (b"", b"a " + command + b"\r\n")


def test_nothing_is_answered_here_after_what_was_not_understood() -> None:
    talk = Talk(ahead=QUICK)
    talk.passes(b"what?\r\n", b"what? BAD\r\n")
    for command in (b"CAPABILITY", b"NOOP", b"LOGOUT"):
        assert talk.say(b"a " + command + b"\r\n")[0] == b""


# Connections that stand ready


def test_a_server_whose_greeting_tells_is_asked_nothing() -> None:
    shared = imap.Memory()
    Talk(GREETING, memory=shared)
    server = End("server")
    assert hear(imap.get_ready(server, shared), server) == b""
    assert not server.outbox


def test_another_is_asked_for_its_capabilities() -> None:
    shared = imap.Memory()
    Talk(b"* OK hi\r\n", memory=shared)
    for come in every_cut(b"* OK still here\r\n" + CAPABILITY + b"popover OK done\r\n"):
        server = End("server")
        assert hear(imap.get_ready(server, shared), server, come) == b"* OK still here\r\n" + CAPABILITY
        assert bytes(server.outbox) == b"popover CAPABILITY\r\n"
        assert not server.inbox


def test_what_a_server_says_behind_its_greeting_is_for_the_client_all_the_same() -> None:
    talk = Talk(b"* OK hi\r\n", ready=b"* NO disk nearly full\r\n" + CAPABILITY)
    assert talk.greeted == b"* OK hi\r\n* NO disk nearly full\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"popover OK\r\n",
        CAPABILITY + b"popover BAD\r\n",
        b"* BYE\r\n",
        b"",
        b"* OK\r\n" * 20,
        b"x" * 10_000,
        CAPABILITY,
    ],
)
def test_a_server_that_does_not_tell_makes_no_spare(answer: bytes) -> None:
    server = End("server")
    with pytest.raises(ServerFailure, match="does not answer CAPABILITY"):
        hear(ask_capabilities(server), server, [answer])


@pytest.mark.parametrize(
    ("words", "is_one"),
    [(b"a OK", True), (b"* CAPABILITY", True), (b"+ ", True), (b"* BYE idle", False), (b"* bye", False)],
)
def test_a_farewell_is_no_answer(words: bytes, is_one: bool) -> None:
    assert imap.is_answer(words) == is_one


def test_a_memory_has_no_harm_and_no_questions() -> None:
    one = imap.Memory()
    one.recall({"x": 1.0}, 2.0)
    assert one.harm() == {}
    assert not one.is_curious
