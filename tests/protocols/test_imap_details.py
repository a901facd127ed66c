"""IMAP's small rules, each of which a client or a server would notice if it were missing."""

import base64
import math

import pytest

from hearing import every_cut
from imap_talk import GREETING, Talk
from keeping import keeps
from popover.errors import Misdialled, ServerFailure
from popover.protocols.imap import client_ear, grammar, owed, server_ear
from popover.protocols.plain import QUIET
from popover.protocols.reception import ClientTLS
from popover.protocols.strangers import STRANGE_LIMIT

TEMPTING = b"* CAPABILITY IMAP4rev1 COMPRESS=DEFLATE\r\na OK [CAPABILITY STARTTLS] x\r\n+ go\r\n* BYE\r\n"


# Literals of the server


@pytest.mark.parametrize("mark", [b"", b"~"])
@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_nothing_in_a_literal_is_looked_at(mark: bytes, end: bytes) -> None:
    answer = b"* 1 FETCH (BODY[] %s{%d}%s%s UID 3)%sa OK\r\n" % (mark, len(TEMPTING), end, TEMPTING, end)
    for come in every_cut(answer):
        talk = Talk()
        talk.say(b"a FETCH 1 BODY[]\r\n")
        assert talk.answer(*come) == (answer, b"")
        assert not talk.ears.is_owed


def test_the_answer_is_owed_to_its_last_octet() -> None:
    answer = b"* 1 FETCH (BODY[] {5}\r\na OK\n)\r\na OK done\r\n"
    for place in range(1, len(answer)):
        talk = Talk()
        talk.say(b"a FETCH 1 BODY[]\r\n")
        talk.answer(answer[:place])
        assert talk.ears.is_owed
        talk.answer(answer[place:])
        assert not talk.ears.is_owed


def test_two_literals_in_one_line_and_one_that_is_empty() -> None:
    answer = b"* LIST () {0}\r\n {6}\r\na OK\r\n\r\n* 3 EXISTS\r\na OK\r\n"
    for come in every_cut(answer):
        talk = Talk()
        talk.say(b"a LIST\r\n")
        assert talk.answer(*come)[0] == answer
        assert not talk.ears.is_owed


@pytest.mark.parametrize(
    "number", [b"9223372036854775808", b"99999999999999999999", b"1" * 30, b"-1", b"5 ", b"", b"5+"]
)
def test_what_is_no_number_of_64_bits_is_no_literal_of_a_server(number: bytes) -> None:
    talk = Talk()
    talk.passes(b"a LIST\r\n", b"* LIST () NIL {%s}\r\na OK\r\n" % number)
    assert not talk.ears.is_owed


def test_the_greatest_literal_is_counted_and_costs_nothing() -> None:
    talk = Talk()
    talk.passes(b"a FETCH 1 BODY[]\r\n", b"* 1 FETCH (BODY[] {9223372036854775807}\r\na OK\r\n")
    for _ in range(100):
        view = talk.ears.server_said(bytearray(1 << 16), 0.0)
        assert len(view) == 1 << 16  # the same octets, uncopied
        assert not talk.client.outbox
    assert talk.ears.is_owed


@pytest.mark.parametrize("line", [b"a OK see {5}\r\n", b"a NO [ALERT] {5}\r\n", b"a BAD {5}\r\n", b"a OK {5}\r\n"])
def test_words_of_a_status_line_are_no_literal(line: bytes) -> None:
    talk = Talk()
    talk.passes(b"a NOOP\r\n", line)
    talk.passes(b"b NOOP\r\n", b"b OK\r\n")
    assert not talk.ears.is_owed


def test_a_code_of_a_status_line_may_hold_a_literal() -> None:
    talk = Talk()
    talk.passes(b"a SEARCH CHARSET X ALL\r\n", b"a NO [BADCHARSET ({8}\r\n\r\nb OK\r\n)] not X\r\n")
    assert not talk.ears.is_owed
    assert talk.ears._server_ear.at_rest  # noqa: SLF001 - there is no other way to see it from here


def test_a_line_that_does_not_matter_is_passed_on_as_it_comes() -> None:
    talk = Talk()
    assert talk.answer(b"* 1 FETCH (ENV")[0] == b"* 1 FETCH (ENV"
    assert talk.answer(b"x" * 100_000)[0] == b"x" * 100_000
    assert talk.answer(b" {4}\r\na O")[0] == b" {4}\r\na O"
    assert talk.answer(b"K)\r\n* CAP")[0] == b"K)\r\n"
    assert talk.answer(b"ABILITY X STARTTLS\r\n")[0] == b"* CAPABILITY X\r\n"


def test_a_line_that_matters_is_not_kept_without_end() -> None:
    talk = Talk()
    head = b"* OK [CAPABILITY " + b"x" * (server_ear.HOLD_LIMIT - 20)
    assert talk.answer(head)[0] == b""
    assert talk.answer(b"y" * 30)[0] == head + b"y" * 30
    assert talk.answer(b"STARTTLS] z {3}\r\na OK\r\n")[0] == b"STARTTLS] z {3}\r\na OK\r\n"


def test_not_even_if_it_comes_in_one_piece() -> None:
    talk = Talk()
    long = b"* OK [CAPABILITY " + b"x" * server_ear.HOLD_LIMIT
    assert talk.answer(long)[0] == long
    assert talk.answer(b" STARTTLS] z\r\n")[0] == b" STARTTLS] z\r\n"


def test_what_is_held_when_the_server_ends_is_given_out() -> None:
    talk = Talk()
    assert talk.answer(b"* OK [CAPAB")[0] == b""
    talk.ears.server_ended(0.0)
    assert bytes(talk.client.outbox) == b"* OK [CAPAB"


# Literals of the client


@pytest.mark.parametrize("kind", [b"{%d}", b"~{%d}", b"{%d+}", b"~{%d+}"])
def test_a_clients_literal_holds_no_commands(kind: bytes) -> None:
    content = b"x LOGOUT\r\ny STARTTLS\r\nz IDLE\r\n{5}\r\n"
    said = b"a APPEND box " + kind % len(content) + b"\r\n" + content + b"\r\n"
    for come in every_cut(said):
        talk = Talk()
        assert talk.say(*come) == (b"", said)
        assert talk.ears.is_owed
        talk.answer(b"a OK\r\n")
        assert not talk.ears.is_owed
        assert not talk.ears.has_quit


def test_a_clients_literal_passes_uncopied_in_pieces_of_any_size() -> None:
    talk = Talk()
    talk.passes(b"a APPEND box {100000000}\r\n", b"+ go\r\n")
    for _ in range(100):
        assert len(talk.ears.client_said(bytearray(10_000), 0.0)) == 10_000
        assert not talk.server.outbox
    assert not talk.ears.is_owed


def test_a_client_that_does_not_wait_to_be_told_waits_for_nothing() -> None:
    talk = Talk()
    talk.say(b"a APPEND box {5}\r\n")
    assert talk.ears.is_owed
    talk.say(b"ab")
    assert not talk.ears.is_owed
    talk.say(b"cde\r\n")
    assert talk.ears.is_owed
    talk.answer(b"+ go\r\na OK\r\n")
    assert not talk.ears.is_owed


def test_after_a_refusal_no_literal_comes() -> None:
    talk = Talk()
    talk.passes(b"a APPEND box {5}\r\n", b"a NO [TRYCREATE] no box\r\n")
    assert not talk.ears.is_owed
    talk.passes(b"b NOOP\r\n", b"b OK\r\n")
    assert not talk.ears.is_owed


def test_a_refusal_does_not_keep_a_literal_from_coming_that_does_not_wait() -> None:
    talk = Talk()
    talk.say(b"a APPEND box {12+}\r\nb LOG")
    talk.answer(b"a NO full\r\n")
    talk.say(b"OUT\r\n\r")
    assert not talk.ears.is_owed
    talk.say(b"\n\r\nc NOOP\r\n")
    assert talk.ears.is_owed
    talk.answer(b"c OK\r\n")
    assert not talk.ears.is_owed
    assert not talk.ears.has_quit


def test_a_literal_beyond_64_bits_is_none() -> None:
    talk = Talk()
    talk.passes(b"a APPEND x {9223372036854775808+}\r\n", b"a BAD too much\r\n")
    talk.passes(b"b NOOP\r\n", b"b OK\r\n")
    assert not talk.ears.is_owed


def test_a_long_line_is_passed_on_without_being_kept_and_its_literal_is_found() -> None:
    talk = Talk()
    talk.log_in()
    head = b"a UID FETCH " + b"1," * grammar.LINE_LIMIT
    assert talk.say(head) == (b"", head)
    for _ in range(10):
        talk.say(b"2," * 10_000)
        assert not talk.client.inbox
    assert talk.say(b"9 BODY[] {8") == (b"", b"9 BODY[] {8")
    talk.say(b"+}\r\nb LOGOUT\r\n")
    assert talk.ears.is_owed
    talk.answer(b"a OK\r\n")
    assert not talk.ears.is_owed
    assert not talk.ears.has_quit


# AUTHENTICATE, IDLE, COMPRESS


def test_a_response_waits_for_its_challenge_and_is_no_command() -> None:
    talk = Talk()
    assert talk.say(b"a AUTHENTICATE LOGIN\r\nYW5uYQ==\r\n")[1] == b"a AUTHENTICATE LOGIN\r\n"
    assert talk.answer(b"+ VXNlcm5hbWU6\r\n") == (b"+ VXNlcm5hbWU6\r\n", b"YW5uYQ==\r\n")
    assert talk.ears.is_owed
    talk.passes(b"", b"+ UGFzc3dvcmQ6\r\n")
    assert not talk.ears.is_owed
    talk.passes(b"b LOGOUT\r\n", b"a NO\r\n")
    assert not talk.ears.has_quit
    assert not talk.ears.is_owed


def test_authenticate_may_be_given_up() -> None:
    talk = Talk()
    talk.passes(b"a AUTHENTICATE PLAIN\r\n", b"+\r\n")
    talk.passes(b"*\r\n", b"a BAD as you like\r\n")
    talk.passes(b"b NOOP\r\n", b"b OK\r\n")
    assert not talk.ears.is_owed
    assert not talk.ears.logged_in


def test_a_login_that_may_put_a_layer_on_the_connection_ends_the_listening() -> None:
    talk = Talk()
    talk.passes(b"a AUTHENTICATE GSSAPI\r\n", b"+ \r\n")
    talk.passes(b"YII=\r\n", b"a OK\r\n* CAPABILITY STARTTLS\r\n")
    talk.passes(b"\0\0\0\x10b STARTTLS\r\n{5}\r\n", b"\0* CAPABILITY STARTTLS\r\n")


@pytest.mark.parametrize("mechanism", [b"PLAIN", b"login", b"SCRAM-SHA-256", b"XOAUTH2"])
def test_a_login_without_a_layer_does_not(mechanism: bytes) -> None:
    talk = Talk()
    talk.passes(b"a AUTHENTICATE " + mechanism + b"\r\n", b"+ \r\n")
    talk.passes(b"YII=\r\n", b"a OK\r\n")
    assert talk.answer(b"* CAPABILITY X STARTTLS\r\n")[0] == b"* CAPABILITY X\r\n"


def test_idle_ends_with_done_and_owes_nothing_meanwhile() -> None:
    talk = Talk()
    talk.say(b"a IDLE\r\n")
    assert talk.ears.is_owed
    assert not talk.ears.is_idling
    talk.answer(b"+ idling\r\n")
    assert talk.ears.is_idling
    assert not talk.ears.is_owed
    talk.answer(b"* 4 EXISTS\r\n")
    assert talk.ears.is_idling
    talk.say(b"done\r\n")
    assert not talk.ears.is_idling
    assert talk.ears.is_owed
    talk.answer(b"a OK\r\n")
    assert not talk.ears.is_owed


@pytest.mark.parametrize("tls", ["off", "offer", "on"])
def test_starttls_in_the_midst_of_idle_is_answered_here_and_idle_goes_on(tls: ClientTLS) -> None:
    talk = Talk(tls=tls)
    talk.passes(b"a IDLE\r\n", b"+ idling\r\n")
    assert talk.answer(b"* 1 EX") == (b"* 1 EX", b"")
    assert talk.say(b"b STARTTLS\r\n") == (b"", b"")  # not into a line of the server's
    assert talk.answer(b"ISTS\r\n") == (b"ISTS\r\nb BAD in the midst of IDLE: say DONE first\r\n", b"")
    assert not talk.ears.wants_tls
    talk.passes(b"DONE\r\n", b"a OK done\r\n")
    talk.say(b"c STARTTLS\r\n")
    assert talk.ears.wants_tls is (tls == "offer")


def test_a_command_in_the_midst_of_idle_passes_and_what_is_owed_is_guessed() -> None:
    """Outlook leaves DONE out; some servers hear the command, others do not."""
    talk = Talk()
    talk.passes(b"a IDLE\r\n", b"+ idling\r\n")
    talk.passes(b"b SELECT x\r\n", b"* 4 EXISTS\r\n")
    assert talk.ears.is_owed  # IDLE has an answer to come, whatever becomes of the other
    talk.answer(b"a BAD expected DONE\r\n")
    assert not talk.ears.is_owed
    talk.ears.client_ended(0.0)
    assert talk.ears.gap > 0
    talk.passes(b"c NOOP\r\n", b"c OK\r\n")
    assert talk.answer(b"* CAPABILITY X STARTTLS\r\n")[0] == b"* CAPABILITY X\r\n"


def test_after_compress_all_passes_and_nothing_before_its_answer() -> None:
    talk = Talk()
    talk.log_in()
    assert talk.say(b"a COMPRESS DEFLATE\r\nxxx\n")[1] == b"a COMPRESS DEFLATE\r\n"
    assert talk.answer(b"a OK go\r\n* CAPABILITY STARTTLS\r\n") == (b"a OK go\r\n* CAPABILITY STARTTLS\r\n", b"xxx\n")
    talk.passes(b"b STARTTLS\r\n{5}\r\n", b"* CAPABILITY STARTTLS\r\n")


def test_compress_that_is_refused_changes_nothing() -> None:
    talk = Talk()
    talk.log_in()
    assert talk.say(b"a COMPRESS DEFLATE\r\nb NOOP\r\n")[1] == b"a COMPRESS DEFLATE\r\n"
    assert talk.answer(b"a NO\r\n") == (b"a NO\r\n", b"b NOOP\r\n")
    assert talk.answer(b"* CAPABILITY X STARTTLS\r\nb OK\r\n")[0] == b"* CAPABILITY X\r\nb OK\r\n"
    assert not talk.ears.is_owed


# What is owed


def test_answers_may_come_in_any_order_and_tags_be_used_again() -> None:
    talk = Talk()
    talk.say(b"a NOOP\r\nb NOOP\r\na NOOP\r\n")
    for line in (b"b OK\r\n", b"a OK\r\n", b"* 1 EXISTS\r\n"):
        talk.answer(line)
        assert talk.ears.is_owed
    talk.answer(b"a OK\r\n")
    assert not talk.ears.is_owed


@pytest.mark.parametrize(
    "said", [b"a IDLE\r\n", b"a APPEND x {5}\r\n", b"a APPEND x {5}\r\nab", b"a NO", b"a APPEND {5+}\r\na"]
)
def test_what_a_client_that_has_ended_can_not_end_any_more_is_not_owed(said: bytes) -> None:
    talk = Talk()
    talk.say(said)
    talk.ears.client_ended(0.0)
    assert not talk.ears.is_owed
    assert talk.ears.gap == 0


def test_half_a_line_reaches_the_server_as_it_would_without_us() -> None:
    talk = Talk()
    assert talk.say(b"a NOOP\r\nb LOGO") == (b"", b"a NOOP\r\n")
    talk.ears.client_ended(0.0)
    assert bytes(talk.server.outbox) == b"b LOGO"
    assert talk.ears.is_owed
    talk.answer(b"a OK\r\n")
    assert not talk.ears.is_owed


def test_what_was_too_much_for_one_go_is_heard_in_the_next_and_owed_meanwhile() -> None:
    talk = Talk()
    said = b"\r\n" * client_ear.BURST * 2 + b"a NOOP\r\nb LOGO"
    talk.ears.client_said(said, 0.0)
    talk.ears.client_ended(0.0)
    assert talk.ears.has_more
    assert talk.ears.is_owed
    talk.ears.client_said(b"", 0.0)
    assert not talk.ears.has_more
    assert bytes(talk.server.outbox) == said
    assert talk.ears.is_owed
    talk.answer(b"a OK\r\n")
    assert not talk.ears.is_owed


def test_goodbye_is_said_once_it_is_answered() -> None:
    talk = Talk()
    talk.say(b"a LOGOUT\r\n")
    assert not talk.ears.has_quit
    talk.answer(b"* BYE\r\n")
    assert talk.ears.has_quit
    talk.answer(b"a OK\r\n")
    assert not talk.ears.is_owed


def test_commands_without_an_answer_are_not_remembered_without_end_and_none_is_kept_back() -> None:
    """A server that answers them without their tags serves its clients all the same."""
    talk = Talk()
    talk.log_in()
    for number in range(owed.LIMIT + 1):
        talk.passes(b"%d NOOP\r\n" % number, b"* BAD what?\r\n")
    assert talk.ears._owed.count == owed.LIMIT  # noqa: SLF001 - memory is not to be seen otherwise
    assert talk.ears.wants_client
    talk.ears.client_ended(0.0)
    assert talk.ears.gap > 0


def test_a_challenge_may_come_without_a_blank() -> None:
    for come in every_cut(b"+VXNlcm5hbWU6\r\n"):
        talk = Talk()
        talk.say(b"a AUTHENTICATE LOGIN\r\nYW5uYQ==\r\n")
        assert talk.answer(*come) == (b"+VXNlcm5hbWU6\r\n", b"YW5uYQ==\r\n")


def test_nothing_is_ever_due() -> None:
    talk = Talk()
    talk.ears.on_time(0.0)
    assert talk.ears.due == math.inf


# Who it is


def plain(words: bytes) -> bytes:
    return base64.b64encode(words)


SECRET = b"canary"
LOGINS = [
    b"a LOGIN anna canary\r\n",
    b"a  login  anna  canary\n",
    b'a LOGIN "anna" "canary"\r\n',
    b"a LOGIN {4+}\r\nanna {6+}\r\ncanary\r\n",
    b"a LOGIN {4}\r\nanna {6}\r\ncanary\r\n",
    b'a LOGIN "anna" {6}\r\ncanary\r\n',
    b"a AUTHENTICATE PLAIN " + plain(b"\0anna\0canary") + b"\r\n",
    b"a AUTHENTICATE XOAUTH2 " + plain(b"user=anna\x01auth=Bearer canary\x01\x01") + b"\r\n",
]
EXCHANGES = [
    (b"PLAIN", [b"\0anna\0canary"]),
    (b"login", [b"anna", b"canary"]),
    (b"CRAM-MD5", [b"anna 0123canary"]),
    (b"XOAUTH2", [b"user=anna\x01auth=Bearer canary\x01\x01"]),
]


@pytest.mark.parametrize("said", LOGINS)
def test_the_name_is_known_and_no_secret_is_kept(said: bytes) -> None:
    for come in every_cut(said):
        talk = Talk()
        talk.say(*come)
        assert talk.ears.user == "anna"
        assert not keeps(talk.ears, b"canary")


@pytest.mark.parametrize(("mechanism", "responses"), EXCHANGES)
def test_the_name_is_known_of_an_exchange_and_no_secret_is_kept(mechanism: bytes, responses: list[bytes]) -> None:
    talk = Talk()
    talk.say(b"a AUTHENTICATE " + mechanism + b"\r\n")
    for response in responses:
        talk.answer(b"+ \r\n")
        talk.say(plain(response) + b"\r\n")
    assert talk.ears.user == "anna"
    assert not keeps(talk.ears, b"canary")


@pytest.mark.parametrize(
    "said",
    [
        b"a LOGIN {0}\r\n {6}\r\ncanary\r\n",
        b"a LOGIN {0+}\r\n {6+}\r\ncanary\r\n",
        b'a LOGIN "" canary\r\n',
        b'a LOGIN "canary\r\n',
        b"a LOGIN {400}\r\n" + b"canary".ljust(400) + b" x\r\n",
        b"a AUTHENTICATE PLAIN canary\r\n",
        b"a AUTHENTICATE CANARY Y2FuYXJ5\r\n",
    ],
)
def test_what_is_no_name_is_not_taken_for_one(said: bytes) -> None:
    talk = Talk()
    for come in said.splitlines(keepends=True):
        talk.say(come)
    assert talk.ears.user == ""


# Strangers


def test_five_unknown_commands_before_the_login_end_the_session() -> None:
    talk = Talk()
    for number in range(STRANGE_LIMIT - 1):
        assert talk.say(b"Host: evil%d\r\n" % number)[1] == b"Host: evil%d\r\n" % number
    assert talk.ears.failure is None
    assert talk.say(b"Cookie: canary\r\na LOGOUT\r\n") == (b"", b"")
    assert isinstance(talk.ears.failure, Misdialled)
    assert "canary" not in talk.ears.failure.cause
    assert not talk.ears.is_owed  # so that it is told


@pytest.mark.parametrize(
    "verb", [b"ID", b"ENABLE", b"NAMESPACE", b"XAPPLEPUSHSERVICE", b"noop", b"UID", b"GETQUOTAROOT"]
)
def test_known_commands_do_not(verb: bytes) -> None:
    talk = Talk()
    for number in range(10):
        talk.passes(b"%d %s\r\n" % (number, verb), b"%d BAD\r\n" % number)
    assert talk.ears.failure is None


def test_empty_lines_and_unknown_commands_after_the_login_do_not() -> None:
    talk = Talk()
    talk.say(b"\r\n" * 20)
    assert talk.ears.failure is None
    talk.log_in()
    for number in range(10):
        talk.passes(b"%d FROBNICATE\r\n" % number, b"%d BAD\r\n" % number)
    assert talk.ears.failure is None


def test_preauth_is_a_login() -> None:
    talk = Talk(b"* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS COMPRESS=DEFLATE] hi\r\n")
    assert talk.greeted == b"* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n"
    assert talk.ears.logged_in
    assert not talk.ears.awaits_login


def test_a_first_line_ends_the_wait_for_it() -> None:
    talk = Talk()
    assert talk.ears.awaits_login
    talk.say(b"a NO")
    assert talk.ears.awaits_login
    talk.say(b"OP\r\n")
    assert not talk.ears.awaits_login


def test_greeting_may_come_with_more() -> None:
    for come in every_cut(GREETING + b"* CAPABILITY X STARTTLS\r\n* 1")[:1]:
        assert Talk(come[0]).greeted == GREETING + b"* CAPABILITY X\r\n* 1"


# TLS inside


@pytest.mark.parametrize("tls", ["offer", "require"])
@pytest.mark.parametrize("start", [b"a STARTTLS\r\n", b"a STARTTLS {3+}\r\nb N\r\n"])
def test_starttls_is_answered_here_and_what_comes_with_it_is_for_tls_alone(tls: str, start: bytes) -> None:
    """As RFC 9051 section 6.2.1 has it: the next octet is TLS's, and the handshake fails on any other."""
    behind = b"b LOGIN anna canary\r\n"
    for come in every_cut(start + behind):
        talk = Talk(tls=tls)
        assert talk.say(*come) == (b"a OK begin TLS now\r\n", b"")
        assert talk.ears.wants_tls
        assert not talk.ears.has_spoken
        assert behind.startswith(talk.client.inbox)
        assert talk.ears.user == ""


def test_starttls_waits_for_the_answers_before_it() -> None:
    talk = Talk(tls="offer")
    assert talk.say(b"a NOOP\r\nb STARTTLS\r\nc NOOP\r\n") == (b"", b"a NOOP\r\n")
    assert not talk.ears.wants_tls
    assert talk.answer(b"a OK\r\n") == (b"a OK\r\nb OK begin TLS now\r\n", b"")
    assert talk.ears.wants_tls
    assert talk.ears.has_spoken
    assert talk.say(b"d NOOP\r\n") == (b"", b"")


@pytest.mark.parametrize(("tls", "word"), [("off", b"NO"), ("on", b"BAD")])
def test_starttls_is_never_the_servers(tls: str, word: bytes) -> None:
    talk = Talk(tls=tls)
    got, heard = talk.say(b"a starttls\r\n")
    assert got.startswith(b"a " + word + b" ")
    assert heard == b""
    assert not talk.ears.wants_tls
    talk.passes(b"b NOOP\r\n", b"b OK\r\n")


def test_starttls_after_the_login_is_bad() -> None:
    talk = Talk(tls="offer")
    talk.log_in()
    assert talk.say(b"a STARTTLS\r\n")[0].startswith(b"a BAD ")
    assert not talk.ears.wants_tls


REFUSAL = b"a NO [PRIVACYREQUIRED] not without TLS: say STARTTLS first, or switch on TLS\r\n"


@pytest.mark.parametrize(
    "said",
    [
        b"a LOGIN anna canary\r\n",
        b"a  login anna canary\r\n",
        b"a LOGIN {4}\r\n",
        b"a LOGIN anna {6}\r\n",
        b"a LOGIN {4+}\r\nanna {6+}\r\ncanary\r\n",
        b'a LOGIN {6+}\r\nb NO\r\n "x"\r\n',
        b"a AUTHENTICATE PLAIN\r\n",
        b"a AUTHENTICATE PLAIN AGFubmEAY2FuYXJ5\r\n",
    ],
)
def test_where_tls_is_required_no_login_is_heard_before(said: bytes) -> None:
    for come in every_cut(said):
        talk = Talk(tls="require")
        assert talk.say(*come) == (REFUSAL, b"")
        assert not talk.ears.has_spoken
        talk.passes(b"b NOOP\r\n", b"b OK\r\n")


@pytest.mark.parametrize(
    "said",
    [
        *(tag + b" LOGIN anna canary\r\n" for tag in (b"\xe4", b"+", b"*", b"a+", b"a*", b"(a", b'a"', b"%", b"\x01")),
        b"a LOGIN\x00anna canary\r\n",
        b"a IDLE\r\nb LOGIN anna canary\r\n",  # a server that knows no IDLE hears LOGIN
        b"a ID {21+}\r\nb LOGIN anna canary\r\n\r\n",  # and one that knows no such literals
        b"a NOOP {21}\r\nb LOGIN anna canary\r\n",
        b'a ID ("x"\rb LOGIN anna canary\r\n',  # and one that takes CR for a line's end
        b"a NOOP\rb LOGIN anna canary\r\n",
        b"a AUTHENTICATE PLAIN\r\nAGFubmEAY2FuYXJ5\r\n",  # it did not wait to be asked
        b"a PROXYAUTH anna\r\n",
        b"a XLOGIN anna canary\r\n",
    ],
)
def test_where_tls_is_required_no_server_can_take_anything_for_a_login(said: bytes) -> None:
    for come in every_cut(said):
        talk = Talk(tls="require")
        told, heard = talk.say(*come)
        assert heard == b""
        assert not talk.ears.has_spoken
        assert b"canary" not in told
        assert b"AGFubmEA" not in told
        talk.passes(b"c NOOP\r\n", b"c OK\r\n")


def test_where_tls_is_required_a_client_may_say_who_made_it() -> None:
    talk = Talk(tls="require")
    talk.passes(b'a ID ("name" "x{y" "vendor" NIL)\r\n', b"* ID NIL\r\na OK\r\n")
    talk.passes(b"b CAPABILITY\r\n", b"b OK\r\n")


def test_where_tls_is_required_the_server_may_not_let_in_anybody_before() -> None:
    talk = Talk(b"* PREAUTH hi\r\n", tls="require")
    assert isinstance(talk.ears.failure, ServerFailure)


@pytest.mark.parametrize("piece", [b"a LOGIN anna " + b"x" * grammar.LINE_LIMIT, b"x" * grammar.LINE_LIMIT])
def test_where_tls_is_required_nothing_too_long_is_heard_before(piece: bytes) -> None:
    talk = Talk(tls="require")
    assert talk.say(piece) == (b"", b"")
    assert isinstance(talk.ears.failure, Misdialled)


def test_where_tls_is_required_half_a_line_stays_here() -> None:
    talk = Talk(tls="require")
    talk.say(b"a LOGIN anna can")
    talk.ears.client_ended(0.0)
    assert not talk.server.outbox


def test_a_refusal_does_not_come_in_the_midst_of_the_servers_words() -> None:
    talk = Talk(tls="require")
    talk.say(b"a LOGIN {4+}\r\nanna")
    assert talk.answer(b"* 1 FETCH (X {4}\r\nab")[0] == b"* 1 FETCH (X {4}\r\nab"
    assert talk.say(b" canary\r\n") == (b"", b"")
    assert talk.answer(b"cd)\r\n") == (b"cd)\r\n" + REFUSAL, b"")


def test_our_word_does_not_come_in_the_midst_of_the_servers() -> None:
    talk = Talk()
    assert talk.answer(b"* 1 FETCH (X {4}\r\nab")[0] == b"* 1 FETCH (X {4}\r\nab"
    assert talk.say(b"a STARTTLS\r\n") == (b"", b"")
    got, _ = talk.answer(b"cd)\r\n")
    assert got.startswith(b"cd)\r\na NO ")


def test_a_client_that_ended_in_doubt_is_kept_for_a_second_at_most() -> None:
    """Its last command ended an IDLE: nobody knows whether it was heard."""
    talk = Talk()
    talk.say(b"a IDLE\r\nb NOOP\r\n")
    talk.ears.client_ended(0.0)
    talk.answer(b"+ \r\na BAD what?\r\n")
    assert talk.ears.gap == QUIET


def test_a_refused_starttls_does_not_hold_up_what_stands_behind_it() -> None:
    """The server may never answer what stands before it, and the client may be gone before it does."""
    talk = Talk()
    refusal = b"b NO there is no TLS on this port, go on without\r\n"
    assert talk.say(b"a FETCH\r\nb STARTTLS\r\nc NOOP\r\n") == (refusal, b"a FETCH\r\nc NOOP\r\n")
    assert talk.ears.is_settled
