"""ManageSieve, dry: every talk with its bytes cut at every place."""

import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from popover.config import Ahead, Server
from popover.errors import Misdialled, ServerFailure, SignInFailure, TLSFailure
from popover.protocols import DIALECTS, overhear
from popover.protocols.dialect import Terms
from popover.protocols.login import Credentials, Login, Password
from popover.protocols.reception import ClientTLS, Offer, SignedIn, Wish
from popover.protocols.sieve.ears import BURST, HURRY, Ears
from popover.protocols.sieve.grammar import LIMIT, string, take, tokens
from popover.protocols.sieve.reception import Reception
from popover.protocols.starttls import STARTTLS
from popover.talk import End, Talk

SIEVE = DIALECTS["sieve"]
SERVER = Server("sieve", "mail.example.com", 4190)
GREETING = (
    b'"IMPLEMENTATION" "Dovecot Pigeonhole"\r\n"SIEVE" "fileinto vacation"\r\n"SASL" "PLAIN LOGIN SCRAM-SHA-1-PLUS"\r\n'
    b'"STARTTLS"\r\n"VERSION" "1.0"\r\nOK "ready"\r\n'
)
SEEN = GREETING.replace(b'"STARTTLS"\r\n', b"").replace(b" SCRAM-SHA-1-PLUS", b"")
PLAIN = b"AGFsaWNlAHdvbmRlcmxhbmQ="  # alice, wonderland
LOGIN = b'AUTHENTICATE "PLAIN" "' + PLAIN + b'"\r\n'


def pieces(octets: bytes, step: int) -> Iterator[bytes]:
    return (octets[at : at + step] for at in range(0, len(octets), step))


class Stage:
    """Ears between a client and a server; `to_server`, `to_client`: what has gone to each."""

    def __init__(self, tls: ClientTLS = "off", hide: tuple[str, ...] = ()) -> None:
        self.client, self.server = End("client"), End("mail.example.com")
        self.ears = Ears(self.client, self.server, Terms(Ahead(), tls=tls, hide=hide))
        self.to_client = self.to_server = b""
        self.ears.start(GREETING, b"", 0)
        self._out()

    def _out(self, to_server: bytes = b"", to_client: bytes = b"") -> None:
        self.to_server += bytes(self.server.outbox) + to_server
        self.to_client += bytes(self.client.outbox) + to_client
        self.server.outbox.clear()
        self.client.outbox.clear()

    def look(self) -> None:
        """See what was said without a word from either."""
        self._out()

    def says(self, octets: bytes, step: int = 10**9) -> None:
        for piece in pieces(octets, step):
            self._out(to_server=bytes(self.ears.client_said(piece, 0)))

    def answers(self, octets: bytes, step: int = 10**9) -> None:
        for piece in pieces(octets, step):
            self._out(to_client=bytes(self.ears.server_said(piece, 0)))

    def told(self) -> bytes:
        """What the client was told since the last look."""
        words, self.to_client = self.to_client, b""
        return words

    def heard(self) -> bytes:
        """What the server has heard since the last look."""
        words, self.to_server = self.to_server, b""
        return words


def talk_through(talk: Talk[object], end: End, octets: bytes, step: int) -> object:
    """Give a talk its octets in pieces of this size; what it comes to."""
    rest = pieces(octets, step)
    while True:
        try:
            talk.send(None)
        except StopIteration as done:
            return done.value
        try:
            end.inbox += next(rest)
        except StopIteration:
            end.ended = True


# -- lines


@given(st.lists(st.binary(max_size=2000), min_size=1, max_size=4))
def test_strings_are_read_as_they_were_written(strings: list[bytes]) -> None:
    line = b"PUTSCRIPT " + b" ".join(map(string, strings)) + b"\r\n"
    inbox = bytearray(line + b"NEXT\r\n")
    assert take(inbox) == line
    assert inbox == b"NEXT\r\n"
    assert tokens(line) == [b"PUTSCRIPT", *strings]


@given(st.binary(max_size=200))
def test_nothing_breaks_what_reads_lines(octets: bytes) -> None:
    inbox = bytearray(octets)
    while (line := take(inbox)) is not None:
        assert line.endswith(b"\n")
        tokens(line)


# -- the ears


@pytest.mark.parametrize("step", [1, 2, 3, 7, 10**6])
def test_a_session_goes_through_and_all_behind_the_login_is_passed_on_unread(step: int) -> None:
    stage = Stage()
    assert stage.told() == SEEN
    stage.says(b"CAPABILITY\r\n", step)
    stage.answers(GREETING, step)
    assert (stage.heard(), stage.told()) == (b"CAPABILITY\r\n", SEEN)
    stage.says(LOGIN + b'PUTSCRIPT "a" {6+}\r\nkeep;\n\r\nSTARTTLS\r\n', step)
    assert stage.heard() == LOGIN  # what stands behind it waits
    assert (stage.ears.user, stage.ears.logged_in) == ("alice", False)
    stage.answers(b'OK "welcome"\r\n"x"', step)
    assert stage.ears.logged_in
    assert stage.told() == b'OK "welcome"\r\n"x"'
    assert stage.heard() == b'PUTSCRIPT "a" {6+}\r\nkeep;\n\r\nSTARTTLS\r\n'
    stage.answers(b'"STARTTLS"\r\n', step)
    assert stage.told() == b'"STARTTLS"\r\n'


@pytest.mark.parametrize("step", [1, 5, 10**6])
def test_a_login_in_two_steps(step: int) -> None:
    stage = Stage()
    stage.told()
    stage.says(b'AUTHENTICATE "PLAIN"\r\n', step)
    stage.answers(b'""\r\n', step)
    stage.says(b"{24+}\r\n" + PLAIN + b"\r\nLISTSCRIPTS\r\n", step)
    assert stage.heard() == b'AUTHENTICATE "PLAIN"\r\n{24+}\r\n' + PLAIN + b"\r\n"
    assert stage.ears.user == "alice"
    stage.answers(b'NO "no"\r\n', step)
    assert stage.told() == b'""\r\nNO "no"\r\n'
    assert stage.heard() == b"LISTSCRIPTS\r\n"
    assert not stage.ears.logged_in


def test_our_own_answer_waits_for_those_that_the_server_owes() -> None:
    stage = Stage("offer")
    stage.told()
    stage.says(b"NOOP\r\nSTARTTLS\r\nNOOP\r\n")
    assert (stage.heard(), stage.told()) == (b"NOOP\r\n", b"")
    stage.answers(b'OK "done"\r\n')
    assert stage.told() == b'OK "done"\r\nOK "begin TLS now"\r\n'
    assert stage.ears.wants_tls
    assert stage.heard() == b""  # S1: what was said behind it is TLS, or the handshake fails on it
    assert stage.client.inbox == b"NOOP\r\n"


@pytest.mark.parametrize(("tls", "answer"), [("off", b"NO"), ("on", b"NO"), ("offer", b"OK"), ("require", b"OK")])
def test_starttls_is_between_us_and_the_client(tls: ClientTLS, answer: bytes) -> None:
    stage = Stage(tls)
    assert (b'"STARTTLS"' in stage.told()) == (tls in {"offer", "require"})
    stage.says(b"STARTTLS\r\n")
    assert stage.told().startswith(answer)
    assert stage.heard() == b""
    assert stage.ears.wants_tls == (answer == b"OK")
    assert not stage.ears.has_spoken


def test_no_login_before_tls_where_that_is_required() -> None:
    stage = Stage("require")
    assert b'"SASL" ""\r\n' in stage.told()
    stage.says(LOGIN)
    assert stage.told().startswith(b"NO (ENCRYPT-NEEDED)")
    assert stage.heard() == b""
    assert stage.ears.user == ""


@pytest.mark.parametrize(
    "said",
    [
        b'"AUTHENTICATE" "PLAIN" "' + PLAIN + b'"\r\n',
        b" \tauthenticate PLAIN\r\n",
        b'NOOP {49}\r\nAUTHENTICATE "PLAIN" "' + PLAIN + b'"\r\n\r\n',  # a server may know no literals without a plus
        b'NOOP "\r' + LOGIN.strip() + b'"\r\n',
        b'PUTSCRIPT "a" {49+}\r\n' + LOGIN + b"\r\n",
        b"UNAUTHENTICATE\r\n",
    ],
)
@pytest.mark.parametrize("step", [1, 10**6])
def test_where_tls_is_required_no_login_hides_behind_what_may_be_said(said: bytes, step: int) -> None:
    stage = Stage("require")
    stage.says(b"CAPABILITY\r\nnoop\r\n", step)
    stage.told()
    assert stage.heard() == b"CAPABILITY\r\nnoop\r\n"
    stage.answers(b'OK "one"\r\nOK "two"\r\n')
    stage.told()
    stage.says(said, step)
    assert b"NO " in stage.told()
    assert stage.heard() == b""


@pytest.mark.parametrize("said", [LOGIN, LOGIN[:-2], b"NOOP\r\n" + LOGIN, b"NOOP\r\nSTARTTLS\r\n", b"NOOP"])
@pytest.mark.parametrize("tls", ["offer", "require"])
def test_a_client_that_ends_has_nothing_passed_on_that_is_ours_to_answer(tls: ClientTLS, said: bytes) -> None:
    """S3 and S4: over a half-closed connection, too."""
    stage = Stage(tls)
    stage.says(said)
    stage.ears.client_ended(0)
    stage.answers(b'OK "done"\r\n' * 2)
    stage.look()
    heard = stage.heard()
    assert b"STARTTLS" not in heard
    assert (b"AUTHENTICATE" in heard) == (tls == "offer" and b"AUTHENTICATE" in said)
    assert (b"NOOP" in heard) == (b"NOOP" in said and (tls == "offer" or b"\n" in said))


def test_where_tls_is_required_a_server_that_says_too_much_does_not_end_the_listening() -> None:
    stage = Stage("require")
    stage.says(b"CAPABILITY\r\n")
    stage.answers(b'"X" "' + b"x" * LIMIT)
    assert isinstance(stage.ears.failure, ServerFailure)
    stage.heard()
    stage.says(LOGIN)
    assert stage.heard() == b""


def test_the_answer_to_what_was_said_before_the_login_is_not_that_to_the_login() -> None:
    """A client that does not wait for answers: CAPABILITY has lines, and a wrong password is no login."""
    stage = Stage("offer")
    stage.told()
    stage.says(b"CAPABILITY\r\nNOOP\r\n" + LOGIN + b"LISTSCRIPTS\r\n")
    assert stage.heard() == b"CAPABILITY\r\nNOOP\r\n" + LOGIN
    stage.answers(GREETING + b'OK "noop"\r\n')
    assert stage.told() == SEEN.replace(b'"SIEVE"', b'"STARTTLS"\r\n"SIEVE"') + b'OK "noop"\r\n'
    assert (stage.ears.logged_in, stage.ears.awaits_login, stage.heard()) == (False, True, b"")
    stage.answers(b'NO "wrong"\r\n')
    assert (stage.ears.logged_in, stage.heard()) == (False, b"LISTSCRIPTS\r\n")


@pytest.mark.parametrize("tls", ["offer", "require"])
def test_behind_the_servers_goodbye_nothing_is_answered(tls: ClientTLS) -> None:
    stage = Stage(tls)
    stage.says(b"CAPABILITY\r\n")
    stage.told()
    stage.answers(b'BYE "going down"\r\n')
    stage.says(b'"what"\r\nSTARTTLS\r\n' + LOGIN)
    assert stage.told() == b'BYE "going down"\r\n'
    assert not stage.ears.wants_tls
    assert (b"AUTHENTICATE" in stage.heard()) == (tls == "offer")


def test_what_waits_for_the_answer_to_a_login_is_bounded_and_not_lost() -> None:
    stage = Stage()
    stage.says(LOGIN)
    stage.heard()
    while stage.ears.wants_client:
        stage.says(b"NOOP\r\n" * 100)
        assert len(stage.client.inbox) < 2 * LIMIT
    waiting = bytes(stage.client.inbox)
    assert stage.ears.is_owed
    assert not stage.ears.is_settled
    stage.answers(b'OK "in"\r\n')
    assert stage.heard() == waiting
    assert stage.ears.wants_client
    assert stage.ears.is_settled


@pytest.mark.parametrize("tls", ["off", "offer", "on"])
def test_a_server_that_never_asks_for_a_response_hears_it(tls: ClientTLS) -> None:
    stage = Stage(tls)
    first, response = b'AUTHENTICATE "PLAIN"\r\n', b'"' + PLAIN + b'"\r\n'
    stage.says(first + response)
    assert stage.heard() == first
    assert stage.ears.due == HURRY
    stage.ears.on_time(HURRY / 2)
    stage.look()
    assert stage.heard() == b""
    stage.ears.on_time(HURRY)
    stage.look()
    assert stage.heard() == response
    assert stage.ears.due == math.inf
    stage.answers(b'OK "in"\r\n')
    stage.says(b"LISTSCRIPTS\r\n")
    assert stage.heard() == b"LISTSCRIPTS\r\n"


def test_nothing_is_due_where_nothing_waits() -> None:
    stage = Stage()
    stage.says(LOGIN)
    assert stage.ears.due == math.inf
    stage.says(b"NOOP\r\n")
    assert stage.ears.due == HURRY
    stage.answers(b'NO "no"\r\n')
    assert stage.ears.due == math.inf


def test_many_commands_in_one_piece_are_heard_in_turns() -> None:
    stage = Stage()
    stage.says(b"NOOP\r\n" * 10_000)
    turns = 1
    while stage.ears.has_more:
        assert not stage.ears.is_settled
        stage._out(to_server=bytes(stage.ears.client_said(b"", 0)))  # noqa: SLF001 - as a relay does in the next turn
        turns += 1
    assert stage.heard() == b"NOOP\r\n" * 10_000
    assert turns == math.ceil(10_000 / BURST)


@pytest.mark.parametrize("first", [b'""', b'"!"', b'"' + b"eA==" * 400 + b'"', b"{0+}\r\n"])
def test_a_password_is_never_taken_for_the_name(first: bytes) -> None:
    stage = Stage()
    stage.says(b'AUTHENTICATE "LOGIN"\r\n')
    for said in (first, b'"d29uZGVybGFuZA=="'):
        stage.answers(b'"Oi8="\r\n')
        stage.says(said + b"\r\n")
    assert stage.ears.user == ""


def test_what_is_hidden_is_not_seen() -> None:
    words = Stage(hide=("SIEVE", "AUTH=LOGIN")).told()
    assert b'"SIEVE"' not in words
    assert b'"SASL" "PLAIN"\r\n' in words


def test_a_stranger_is_shown_the_door() -> None:
    stage = Stage()
    for _ in range(5):
        stage.says(b"GET / HTTP/1.1\r\n")
    assert isinstance(stage.ears.failure, Misdialled)
    assert stage.heard() == b""


@pytest.mark.parametrize("response", [b'"' + PLAIN + b'"\r\n', b"{24+}\r\n" + PLAIN + b"\r\n"])
def test_a_response_behind_a_refusal_is_the_servers_to_answer(response: bytes) -> None:
    """Of a client that has not waited for its challenge."""
    stage = Stage()
    stage.told()
    stage.says(b'AUTHENTICATE "X"\r\n' + response)
    stage.answers(b'NO "no such"\r\n')
    assert stage.told() == b'NO "no such"\r\n'
    assert stage.heard().endswith(response)
    assert stage.ears.is_owed
    stage.answers(b'NO "what?"\r\n')
    assert not stage.ears.is_owed


def test_a_command_without_an_end_is_no_mail_program() -> None:
    stage = Stage()
    stage.says(b"x" * (LIMIT + 1))
    assert isinstance(stage.ears.failure, Misdialled)


def test_who_leaves_has_left() -> None:
    stage = Stage()
    stage.says(b"LOGOUT\r\n")
    assert stage.ears.is_owed
    stage.answers(b'OK "bye"\r\n')
    assert not stage.ears.is_owed
    assert stage.ears.has_quit
    assert stage.ears.has_spoken


def test_half_a_line_at_the_end_is_passed_on_as_it_is() -> None:
    stage = Stage()
    stage.told()
    stage.says(b"NOOP")
    stage.ears.client_ended(0)
    stage.answers(b"BYE")
    stage.ears.server_ended(0)
    stage.look()
    assert (stage.heard(), stage.told()) == (b"NOOP", b"BYE")


# -- the first words


@pytest.mark.parametrize("step", [1, 4, 10**6])
@pytest.mark.parametrize(
    "greeting",
    [
        GREETING,
        b"OK\n",
        b"OK {5}\r\nready\r\n",
        b'"IMPLEMENTATION" {7}\r\nOK\r\nNO\n\r\nok {12}\r\nNO\r\nBYE\r\nOK\n\r\n',
    ],
)
def test_a_greeting(greeting: bytes, step: int) -> None:
    server = End("mail.example.com")
    found = talk_through(SIEVE.open_up(server), server, greeting, step)
    assert (found.words, found.welcome) == (greeting, True)  # type: ignore[attr-defined]
    assert not server.inbox


def test_a_greeting_that_is_none() -> None:
    server = End("mail.example.com")
    refused = talk_through(SIEVE.open_up(server), server, b'BYE "too many \\"users\\""\r\n', 10**6)
    assert refused.words == b"BYE (TRYLATER) \"too many 'users'\"\r\n"  # type: ignore[attr-defined]
    gone = End("mail.example.com")
    with pytest.raises(ServerFailure):
        talk_through(SIEVE.open_up(gone), gone, b"", 1)
    other = End("mail.example.com")
    with pytest.raises(ServerFailure, match="POP3"):
        talk_through(SIEVE.open_up(other), other, b"+OK hello\r\n", 10**6)


def test_our_own_words_are_one_line_without_an_error() -> None:
    words = SIEVE.farewell('an "error"\r\nin \\ it')
    assert words == b"BYE (TRYLATER) \"an 'fault' in / it\"\r\n"


# -- STARTTLS towards the server (U1 to U10)


def begins(*answers: bytes) -> bytes:
    """What is asked of a server that says these words, one piece an ask."""
    server = End("mail.example.com")
    talk = STARTTLS["sieve"].start_tls(server)
    rest = iter(answers)
    asked = b""
    while True:
        try:
            talk.send(None)
        except StopIteration:
            return asked + bytes(server.outbox)
        asked += bytes(server.outbox)
        server.outbox.clear()
        try:
            server.inbox += next(rest)
        except StopIteration:
            server.ended = True


@pytest.mark.parametrize("greeting", [GREETING, b"OK\r\n", b'"X"\r\nok "hi"\r\n'])
def test_starttls_is_asked_whatever_the_server_lists(greeting: bytes) -> None:
    assert begins(greeting, b'OK "go on"\r\n') == b"STARTTLS\r\n"


@pytest.mark.parametrize(
    "answers",
    [
        (GREETING, b'NO "not now"\r\n'),
        (GREETING, b'BYE "not now"\r\n'),
        (GREETING, b"220 go on\r\n"),
        (GREETING, b'OK "go on"\r\nOK "injected"\r\n'),
        (GREETING + b'OK "too early"\r\n',),
        (GREETING, b'"SASL" "PLAIN"\r\n'),
        (GREETING,),
        (b'NO "go away"\r\n',),
        (b'"X"\r\n' * 200,),
        (b"+OK POP3\r\n",),
        (b"\x15\x03\x01",),
    ],
)
def test_all_else_ends_the_session(answers: tuple[bytes, ...]) -> None:
    with pytest.raises((TLSFailure, ServerFailure)):
        begins(*answers)


# -- the desk


def receive(said: bytes, step: int = 10**6, tls: ClientTLS = "off", *, greet: bool = True) -> tuple[object, bytes]:
    client = End("client")
    reception = Reception(client, Offer(tls))
    if greet:
        reception.greet()
    came = talk_through(reception.ask(), client, said, step)
    return came, bytes(client.outbox)


@pytest.mark.parametrize("step", [1, 3, 10**6])
@pytest.mark.parametrize(
    "said",
    [
        LOGIN,
        b'authenticate "plain" {24+}\r\n' + PLAIN + b"\r\n",
        b'AUTHENTICATE "PLAIN"\r\n"' + PLAIN + b'"\r\n',
        b'AUTHENTICATE "LOGIN"\r\n"YWxpY2U="\r\n{16+}\r\nd29uZGVybGFuZA==\r\n',
        b'CAPABILITY\r\nNOOP\r\nAUTHENTICATE "PLAIN" "!"\r\n' + LOGIN,
    ],
)
def test_who_logs_in_is_known(said: bytes, step: int) -> None:
    came, _ = receive(said, step)
    assert came == Login("alice", Password(b"wonderland"))


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (b"LISTSCRIPTS\r\n", b'NO "log in first"\r\n'),
        (b'AUTHENTICATE "CRAM-MD5"\r\n', b'NO "no such mechanism"\r\n'),
        (b"AUTHENTICATE\r\n", b'NO "no such mechanism"\r\n'),
        (b'AUTHENTICATE "PLAIN"\r\n"*"\r\n', b'""\r\nNO "as you wish"\r\n'),
        (b"HELLO\r\n", b'NO "unknown command"\r\n'),
        (b"STARTTLS\r\n", b'NO "there is no TLS here"\r\n'),
    ],
)
def test_what_is_no_login_is_answered(said: bytes, answer: bytes) -> None:
    came, words = receive(said)
    assert came is Wish.LEAVE  # it has ended
    assert words.endswith(b'OK "popover ready"\r\n' + answer)


def test_tls_begins_and_all_is_said_once_more_inside() -> None:
    came, words = receive(b"STARTTLS\r\n", tls="require")
    assert came is Wish.TLS
    assert b'"SASL" ""\r\n' in words
    came, words = receive(LOGIN, tls="on", greet=False)
    assert isinstance(came, Login)
    assert b'"SASL" "PLAIN LOGIN"\r\n' in words
    assert b"STARTTLS" not in words


def test_refused_and_delayed() -> None:
    client = End("client")
    reception = Reception(client, Offer())
    reception.refuse()
    reception.delay("the table is down")
    reception.delay("a person must look", needs_person=True)
    assert client.outbox == (
        b'NO "wrong user name or password"\r\nNO (TRYLATER) "the table is down"\r\nNO "a person must look"\r\n'
    )


# -- signing in


def signs_in(said: bytes, step: int = 10**6, secret: bytes = b"wonderland") -> tuple[SignedIn, bytes]:
    me = End("me")
    talk = Reception(End("client"), Offer()).sign_in(me, Credentials("alice", secret), SERVER)
    found = talk_through(talk, me, said, step)
    assert isinstance(found, SignedIn)
    return found, bytes(me.outbox)


@pytest.mark.parametrize("step", [1, 6, 10**6])
@pytest.mark.parametrize(
    ("answer", "accepted"),
    [(b'OK "in"\r\n', True), (b'NO "no"\r\n', False), (b"NO {4}\r\nno\r\n\r\n", False), (b"OK\r\n", True)],
)
def test_the_server_s_own_words_are_the_client_s(answer: bytes, accepted: bool, step: int) -> None:
    found, asked = signs_in(SEEN + answer, step)
    assert found == SignedIn(accepted, answer)
    assert asked == LOGIN


@pytest.mark.parametrize("step", [1, 6, 10**6])
def test_a_client_gets_crlf_from_a_server_that_ends_its_lines_in_lf(step: int) -> None:
    """What a literal holds stays as it is."""
    assert signs_in(SEEN + b"NO {4}\na\nb\r\n", step)[0].words == b"NO {4}\r\na\nb\r\r\n"


def test_a_long_secret_is_counted() -> None:
    _, asked = signs_in(SEEN + b"OK\r\n", secret=b"x" * 2000)
    assert asked.startswith(b'AUTHENTICATE "PLAIN" {2676+}\r\n')


@pytest.mark.parametrize("said", [b"", SEEN, b'BYE "no"\r\n', SEEN + b'BYE "now"\r\n', b"x" * 70_000])
def test_a_server_that_goes_away_is_no_refusal(said: bytes) -> None:
    with pytest.raises(SignInFailure):
        signs_in(said)


def test_a_secret_that_a_server_repeats_is_not_told() -> None:
    found, _ = signs_in(SEEN + b'NO "bad response ' + PLAIN + b'"\r\n')
    assert PLAIN not in found.words


# -- the trace


def test_a_trace_shows_verbs_and_sizes_and_no_secret() -> None:
    trace = overhear.overhearer("sieve")
    lines = trace.client_got(SEEN) + trace.client_said(LOGIN[:9]) + trace.client_said(LOGIN[9:])
    lines += trace.client_said(b'"' + PLAIN + b'"\r\nPUTSCRIPT "canary" {6+}\r\ncanary\r\n') + trace.client_got(
        b"OK\r\n"
    )
    assert lines[-4:] == ["C: AUTHENTICATE (49 octets)", "C: 28 octets", "C: PUTSCRIPT (33 octets)", "S: OK (4 octets)"]
    assert "canary" not in "".join(lines)
    assert PLAIN.decode() not in "".join(lines)
    assert trace.client_said(b"x" * (LIMIT + 1))[0].endswith("from here on only sizes are shown")
