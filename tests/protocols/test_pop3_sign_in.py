"""POP3's login in a client's place, through the real ears, to a server that has a script."""

import base64
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from at_desk import OFFER, Script, Through, everywhere, sign_in
from hearing import UNTIMED, hear
from model_pop3 import Model, Nature, trusting
from popover.config import Ahead, Server
from popover.errors import SignInFailure
from popover.protocols import Terms, pop3, sasl_client
from popover.protocols.login import Credentials
from popover.talk import End

SERVER = Server("pop3", "mail.example.com", 995)
GREETING = b"+OK Dovecot ready.\r\n"
ANNA = Credentials("anna@example.com", b"correct horse")
USER, PASS = b"USER anna@example.com\r\n", b"PASS correct horse\r\n"
TOKEN = b"ya29." + b"t" * 3000
BEARER = Credentials("anna@example.com", TOKEN, "bearer")
XOAUTH2 = base64.b64encode(b"user=anna@example.com\x01auth=Bearer " + TOKEN + b"\x01\x01") + b"\r\n"
OAUTHBEARER = base64.b64encode(
    b"n,a=anna@example.com,\x01host=mail.example.com\x01port=995\x01auth=Bearer " + TOKEN + b"\x01\x01"
) + b"\r\n"  # fmt: skip
CAPA = b"+OK\r\nTOP\r\nUSER\r\nSASL PLAIN XOAUTH2 OAUTHBEARER\r\n.\r\n"
WHY = b"+ " + base64.b64encode(json.dumps({"status": "401", "schemes": "bearer", "scope": "mail"}).encode()) + b"\r\n"
PLAIN_TALK = Ahead(warm=0, ask_ahead=False, user_at_once=False)
"""Nothing is said ahead: what is seen is what was said."""


def through(  # noqa: PLR0913 - the keys of a test
    turns: list[tuple[bytes, bytes]],
    credentials: Credentials = ANNA,
    *,
    piece: int | Sequence[int] = 1 << 20,
    ahead: Ahead = PLAIN_TALK,
    greeting: bytes = GREETING,
    ends: bool = False,
    memory: pop3.Memory | None = None,
    ready: bytes = b"",
    hide: tuple[str, ...] = (),
) -> Through:
    reception = pop3.reception(End("client"), OFFER)
    script = Script(greeting, turns, ends=ends)
    came = sign_in(script, credentials, reception, SERVER, piece, ahead, memory, ready, hide=hide)
    assert script.is_over
    return came


def test_a_second_greeting_is_no_answer() -> None:
    """The one to USER would be taken for PASS's, and a wrong password be let in."""
    turns = [(USER, b"+OK who?\r\n"), (PASS, b"-ERR wrong\r\n")]
    came = through(turns, greeting=GREETING + b"+OK really\r\n")
    assert not came.answer.accepted
    assert came.answer.words == b"-ERR wrong\r\n"


def test_a_password_goes_by_user_and_pass_and_the_answer_is_the_clients() -> None:
    came = everywhere(through, [(USER, b"+OK\r\n"), (PASS, b"+OK 3 messages\n")], ANNA)
    assert came.answer.accepted
    assert came.answer.words == b"+OK 3 messages\r\n"
    assert came.ears.logged_in
    assert came.ears.user == "anna@example.com"


@pytest.mark.parametrize("turns", [
    [(USER, b"-ERR [AUTH] who?\r\n")],
    [(USER, b"+OK\r\n"), (PASS, b"-ERR [AUTH] who?\r\n")],
])  # fmt: skip
def test_a_refused_password_is_told_in_the_servers_words(turns: list[tuple[bytes, bytes]]) -> None:
    came = everywhere(through, turns, ANNA)
    assert not came.answer.accepted
    assert came.answer.words == b"-ERR [AUTH] who?\r\n"
    assert not came.ears.logged_in


@pytest.mark.parametrize("has_shown", [True, False])
def test_user_and_pass_make_one_flight_where_the_server_has_shown_that_it_hears_them(*, has_shown: bool) -> None:
    memory = trusting(but="keeps") if has_shown else trusting(before=False)
    memory.manners.fail("keeps")
    flights: list[bytes] = []

    class Listening(Script):
        def hear(self, data: bytes) -> bytes:
            if data:
                flights.append(data)
            return super().hear(data)

    script = Listening(GREETING, [(USER, b"+OK\r\n"), (PASS, b"+OK in\r\n")])
    ahead = Ahead(ask_ahead=False)
    came = sign_in(script, ANNA, pop3.reception(End("client"), OFFER), SERVER, 1 << 20, ahead, memory)
    assert came.answer.accepted
    assert flights == ([USER + PASS] if has_shown else [USER, PASS])


def test_with_everything_on_the_answer_is_the_same() -> None:
    script: list[tuple[bytes, bytes]] = [(USER, b"+OK\r\n"), (PASS, b"-ERR [AUTH] no\r\n")]
    for piece in (1, 1 << 20):
        came = through(script, ahead=Ahead(ask_ahead=False), piece=piece, ready=CAPA)
        assert came.answer.words == b"-ERR [AUTH] no\r\n"


def test_a_user_that_the_server_refuses_is_told_so_although_the_ears_had_said_yes() -> None:
    came = through([(USER, b"-ERR no such user\r\n")], ahead=Ahead(ask_ahead=False))
    assert (came.answer.accepted, came.answer.words) == (False, b"-ERR no such user\r\n")


# -- tokens --------------------------------------------------------------------------------------


def test_a_token_goes_in_two_steps() -> None:
    came = everywhere(
        through, [(b"CAPA\r\n", CAPA), (b"AUTH XOAUTH2\r\n", b"+ \r\n"), (XOAUTH2, b"+OK in\r\n")], BEARER
    )
    assert (came.answer.accepted, came.answer.words) == (True, b"+OK in\r\n")
    assert came.ears.logged_in
    assert came.ears.user == "anna@example.com"


def test_oauthbearer_where_there_is_only_that() -> None:
    capa = b"+OK\r\nSASL OAUTHBEARER PLAIN\r\n.\r\n"
    turns = [
        (b"CAPA\r\n", capa),
        (b"AUTH OAUTHBEARER\r\n", b"+\r\n"),
        (OAUTHBEARER, WHY),
        (b"AQ==\r\n", b"-ERR no\r\n"),
    ]
    came = everywhere(through, turns, BEARER)
    assert not came.answer.accepted
    assert came.answer.words == b"-ERR [SYS/PERM] no (status 401, schemes bearer, scope mail)\r\n"


@pytest.mark.parametrize("capa", [b"-ERR what?\r\n", b"+OK\r\nTOP\r\n.\r\n", b"+OK\nSASL XOAUTH2\n.\n"])
def test_a_server_that_lists_nothing_is_asked_to_take_xoauth2(capa: bytes) -> None:
    came = through([(b"CAPA\r\n", capa), (b"AUTH XOAUTH2\r\n", b"+ \r\n"), (XOAUTH2, b"+OK in\r\n")], BEARER)
    assert came.answer.accepted


def test_what_is_hidden_from_clients_is_no_hindrance() -> None:
    turns = [(b"CAPA\r\n", CAPA), (b"AUTH XOAUTH2\r\n", b"+ \r\n"), (XOAUTH2, b"+OK in\r\n")]
    assert through(turns, BEARER, hide=("SASL",)).answer.accepted


def test_a_connection_that_has_waited_is_not_asked_again() -> None:
    turns = [(b"AUTH XOAUTH2\r\n", b"+ \r\n"), (XOAUTH2, b"+OK in\r\n")]
    assert through(turns, BEARER, ready=CAPA, ahead=Ahead(ask_ahead=True)).answer.accepted


@pytest.mark.parametrize(("last", "words"), [
    ([(XOAUTH2, WHY), (b"\r\n", b"-ERR [AUTH] Authentication failed.\r\n")],
     b"-ERR [SYS/PERM] Authentication failed. (status 401, schemes bearer, scope mail)\r\n"),
    ([(XOAUTH2, b"-ERR [in-use] locked\r\n")], b"-ERR [IN-USE] locked\r\n"),
    ([(XOAUTH2, b"-ERR [SYS/TEMP] later\r\n")], b"-ERR [SYS/TEMP] later\r\n"),
    ([(XOAUTH2, b"+ bm8gSlNPTg==\r\n"), (b"\r\n", b"-ERR no\r\n")], b"-ERR [SYS/PERM] no\r\n"),
    ([(XOAUTH2, b"-ERR Authentication failure: unknown user name or bad password.\r\n")],
     b"-ERR [SYS/PERM] Authentication failure: unknown user name or bad password.\r\n"),
])  # fmt: skip
def test_a_refused_token_is_never_told_as_a_wrong_password(last: list[tuple[bytes, bytes]], words: bytes) -> None:
    came = everywhere(through, [(b"CAPA\r\n", CAPA), (b"AUTH XOAUTH2\r\n", b"+ \r\n"), *last], BEARER)
    assert (came.answer.accepted, came.answer.words) == (False, words)
    assert not came.ears.logged_in


def test_a_token_that_was_refused_can_be_followed_by_another_on_the_same_connection() -> None:
    client, outside = End("client"), End("mail.example.com")
    memory = pop3.Memory()
    ears = pop3.ears(client, outside, Terms(PLAIN_TALK, "192.0.2.1"), memory)
    ears.start(GREETING, b"", 0.0)
    reception = pop3.reception(End("client"), OFFER)
    for token, last in ((b"old", b"-ERR no\r\n"), (b"new", b"+OK in\r\n")):
        me = End("mail.example.com")
        me.inbox += GREETING
        client.outbox.clear()
        talk = reception.sign_in(me, Credentials("anna", token, "bearer"), SERVER)
        answers = iter((CAPA, b"+ \r\n", last))
        answer = None
        while answer is None:
            try:
                next(talk)
            except StopIteration as done:
                answer = done.value
                break
            outside.outbox += ears.client_said(me.outbox, 0.0)
            me.outbox.clear()
            outside.outbox.clear()
            straight = ears.server_said(next(answers), 0.0)
            me.inbox += client.outbox + bytes(straight)
            client.outbox.clear()
        assert answer.accepted == (token == b"new")
    assert ears.logged_in


class Serving:
    """A model of a server, with manners of its own, in the place of a script."""

    def __init__(self, nature: Nature) -> None:
        self.model = Model(nature)
        self.greeting = self.model.take(1000)

    @property
    def has_ended(self) -> bool:
        return self.model.ended

    def hear(self, data: bytes) -> bytes:
        self.model.hear(data)
        return self.model.take(10_000)


@UNTIMED
@given(
    st.builds(
        Nature,
        messages=st.just((b"a\r\n", b"b\r\n")),
        pipelining=st.sampled_from(["no", "after", "yes"]),
        knows_capa=st.booleans(),
        hears=st.sampled_from(["all", "first", "first after login", "not behind login"]),
        line_end=st.sampled_from([b"\r\n", b"\n"]),
    ),
    st.sampled_from([b"secret", b"wrong"]),
    st.booleans(),
    st.integers(1, 40),
)
def test_whatever_the_ears_do_ahead_the_answer_is_that_to_the_login(
    nature: Nature, secret: bytes, is_trusted: bool, piece: int
) -> None:
    is_trusted = is_trusted and nature.hears == "all" and nature.line_end == b"\r\n"
    before, after = nature.pipelining == "yes", nature.pipelining != "no"
    memory = trusting(before=before, after=after) if is_trusted else pop3.Memory()
    credentials = Credentials("anna", secret)
    pieces = piece if nature.bears_cuts else 1 << 20
    for _ in range(2):  # the second one finds what the first has taught
        serving = Serving(nature)
        desk = pop3.reception(End("client"), OFFER)
        came = sign_in(serving, credentials, desk, SERVER, pieces, Ahead(), memory)
        came.ears.over(came.now, server_left=False)
        is_in = secret == b"secret"
        assert came.answer.accepted == is_in == came.ears.logged_in
        assert came.answer.words == (b"+OK welcome\r\n" if is_in else b"-ERR [AUTH] no\r\n")
        assert not serving.model.violations


@pytest.mark.parametrize(("told", "words"), [
    (b'{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}',
     "status 400, schemes Bearer, scope https://mail.google.com/"),
    (b'{"status":"invalid_token","openid-configuration":""}', "status invalid_token"),
    (b'{"status":401,"scope":"","error":["x"]}', "status 401"),
    (b"{}", ""), (b"[]", ""), (b"401", ""), (b"null", ""), (b"\xff", ""), (b"[" * 40_000, ""), (b"", ""),
])  # fmt: skip
def test_reasons_are_read_where_there_are_any(told: bytes, words: str) -> None:
    assert sasl_client.reasons(b" " + base64.b64encode(told) + b"\r\n") == words


# -- what cannot be ---------------------------------------------------------------------------------


def test_a_server_that_does_not_know_the_mechanism_has_refused_no_login() -> None:
    with pytest.raises(SignInFailure) as failure:
        through([(b"CAPA\r\n", CAPA), (b"AUTH XOAUTH2\r\n", b"-ERR unknown\r\n")], BEARER)
    assert failure.value.needs_person
    assert failure.value.cause == "mail.example.com does not take AUTH XOAUTH2: it says '-ERR unknown'"


@pytest.mark.parametrize("turns", [[(USER, b"+O")], [(USER, b"+OK\r\n"), (PASS, b"")]])
def test_a_server_that_goes_away_has_refused_nothing(turns: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(SignInFailure, match="closed the connection during the login") as failure:
        through(turns, ends=True)
    assert not failure.value.needs_person


@pytest.mark.parametrize("credentials", [
    Credentials("an\r\nna", b"secret"), Credentials("", b"secret"), Credentials("anna", b"sec\r\nDELE 1"),
    Credentials("anna", b""), Credentials("anna", b"a\0b"),
])  # fmt: skip
def test_a_name_or_a_password_that_would_end_a_line_is_never_said(credentials: Credentials) -> None:
    with pytest.raises(SignInFailure) as failure:
        through([], credentials)
    assert failure.value.needs_person


@pytest.mark.parametrize("token", [b"", b"a b", b"a\x01b", b"\xff", b"t" * (8 * 1024 + 1)])
def test_a_token_that_is_none_or_too_long_is_never_said(token: bytes) -> None:
    with pytest.raises(SignInFailure) as failure:
        through([(b"CAPA\r\n", CAPA)], Credentials("anna", token, "bearer"))
    assert failure.value.needs_person
    assert "tttt" not in failure.value.cause


def test_a_token_of_eight_kilobytes_is_said() -> None:
    token = b"t" * 8 * 1024
    said = base64.b64encode(b"user=anna\x01auth=Bearer " + token + b"\x01\x01") + b"\r\n"
    turns = [(b"CAPA\r\n", CAPA), (b"AUTH XOAUTH2\r\n", b"+ \r\n"), (said, b"+OK in\r\n")]
    assert through(turns, Credentials("anna", token, "bearer")).answer.accepted


@UNTIMED
@given(st.lists(st.sampled_from([b"+OK\r\n", b"-ERR\r\n", b"+ \r\n", b"\r\n", b"+ e30=\r\n", b".\r\n"]) |
                st.binary(max_size=200), max_size=30), st.sampled_from([ANNA, BEARER]))  # fmt: skip
def test_whatever_a_server_says_only_sign_in_failures_are_raised(said: list[bytes], credentials: Credentials) -> None:
    me = End("mail.example.com")
    talk = pop3.reception(End("client"), OFFER).sign_in(me, credentials, SERVER)
    try:
        words = hear(talk, me, said).words
    except SignInFailure:
        return
    assert words.endswith(b"\r\n")
    assert words.count(b"\n") == 1


def test_a_server_that_talks_without_end_is_left() -> None:
    me = End("mail.example.com")
    talk = pop3.reception(End("client"), OFFER).sign_in(me, ANNA, SERVER)
    with pytest.raises(SignInFailure, match="does not come to an answer"):
        hear(talk, me, [GREETING, *[b"x" * 1000] * 200])
    assert len(me.inbox) < 100_000
    me = End("mail.example.com")
    talk = pop3.reception(End("client"), OFFER).sign_in(me, BEARER, SERVER)
    with pytest.raises(SignInFailure, match="does not come to an answer"):
        hear(talk, me, [GREETING, b"+OK\r\n", *[b"XYZ\r\n" * 100] * 200])


def test_a_server_that_repeats_the_password_does_not_make_us_repeat_it() -> None:
    turns = [(USER, b"+OK\r\n"), (PASS, b"-ERR correct horse? correct horse! correct ho\r\n")]
    assert through(turns).answer.words == b"-ERR ***? ***! ***\r\n"
    why = b"+ " + base64.b64encode(json.dumps({"status": f"no such token: {TOKEN.decode()}"}).encode()) + b"\r\n"
    turns = [
        (b"CAPA\r\n", CAPA), (b"AUTH XOAUTH2\r\n", b"+ \r\n"), (XOAUTH2, why),
        (b"\r\n", b"-ERR " + TOKEN[:100] + b" is bad\r\n"),
    ]  # fmt: skip
    words = through(turns, BEARER).answer.words
    assert words == b"-ERR [SYS/PERM] *** is bad (status no such token: ***)\r\n"


@pytest.mark.parametrize(
    ("code", "shown"), [(b"", b"[SYS/PERM] "), (b"[AUTH] ", b"[SYS/PERM] "), (b"[IN-USE] ", b"[IN-USE] ")]
)
def test_the_refusal_of_a_password_of_ours_is_not_told_as_one_of_the_clients(code: bytes, shown: bytes) -> None:
    ours = replace(ANNA, is_passed_on=False)
    turns = [(USER, b"+OK\r\n"), (PASS, b"-ERR " + code + b"no\r\n")]
    assert through(turns, ours).answer.words == b"-ERR " + shown + b"no\r\n"
    assert through(turns, ANNA).answer.words == b"-ERR " + code + b"no\r\n"


@pytest.mark.parametrize("answer", [b"+ \r\n", b"421 overloaded\r\n", b"\r\n", b"* NO\r\n"])
def test_what_is_no_answer_has_refused_nothing(answer: bytes) -> None:
    for turns in ([(USER, answer)], [(USER, b"+OK\r\n"), (PASS, answer)]):
        with pytest.raises(SignInFailure, match="does not take the login"):
            through(turns)


def test_a_servers_own_words_do_not_show_how_the_password_begins() -> None:
    for secret in (b"passw0rd", b"Authority", b"your", b"no"):
        turns = [(USER, b"+OK\r\n"), (b"PASS " + secret + b"\r\n", b"-ERR Authentication failed, no password so\r\n")]
        words = through(turns, Credentials("anna@example.com", secret)).answer.words
        assert words == b"-ERR Authentication failed, no password so\r\n"
    turns = [(USER, b"+OK\r\n"), (b"PASS hunter\r\n", b"-ERR not hunter\r\n")]
    assert through(turns, Credentials("anna@example.com", b"hunter")).answer.words == b"-ERR not ***\r\n"


def test_a_name_with_commas_is_spelt_for_oauthbearer() -> None:
    said = b"n,a=a=2Cb=3Dc,\x01host=mail.example.com\x01port=995\x01auth=Bearer t0ken\x01\x01"
    turns = [
        (b"CAPA\r\n", b"+OK\r\nSASL OAUTHBEARER\r\n.\r\n"), (b"AUTH OAUTHBEARER\r\n", b"+ \r\n"),
        (base64.b64encode(said) + b"\r\n", b"+OK in\r\n"),
    ]  # fmt: skip
    assert through(turns, Credentials("a,b=c", b"t0ken", "bearer")).ears.user == "a,b=c"


def test_no_object_shows_a_secret() -> None:
    for thing in (ANNA, BEARER, through([(USER, b"+OK\r\n"), (PASS, b"+OK 1\r\n")]).answer):
        assert "horse" not in repr(thing)
        assert "ya29" not in repr(thing)
