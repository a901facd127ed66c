"""SMTP's login in a client's place, through the real ears, to a server that has a script."""

import base64
import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from at_desk import OFFER, AtDesk, Script, Through, everywhere, sign_in
from hearing import UNTIMED, hear
from popover.config import Server
from popover.errors import SignInFailure
from popover.protocols import smtp
from popover.protocols.login import Credentials
from popover.protocols.smtp.spare import taken_apart
from popover.talk import End

SERVER = Server("smtp", "mail.example.com", 465)
GREETING = b"220-mail.example.com ESMTP\r\n220 ready\r\n"
ANNA = Credentials("anna@example.com", b"correct horse")
EHLO = b"EHLO [127.0.0.1]\r\n"
CAPABLE = b"250-mail.example.com\r\n250-PIPELINING\r\n250-AUTH PLAIN LOGIN XOAUTH2 OAUTHBEARER\r\n250 8BITMIME\r\n"
PLAIN = b"AUTH PLAIN " + base64.b64encode(b"\0anna@example.com\0correct horse") + b"\r\n"
TOKEN = b"ya29." + b"t" * 3000
BEARER = Credentials("anna@example.com", TOKEN, "bearer")
SHORT = Credentials("anna@example.com", b"ya29.short", "bearer")
WHY = b"334 " + base64.b64encode(json.dumps({"status": "401", "schemes": "bearer", "scope": "mail"}).encode()) + b"\r\n"
Turns = list[tuple[bytes, bytes]]


def xoauth2(credentials: Credentials) -> bytes:
    clear = b"user=%s\x01auth=Bearer %s\x01\x01" % (credentials.user.encode(), credentials.secret)
    return base64.b64encode(clear)


def oauthbearer(credentials: Credentials) -> bytes:
    where = b"\x01host=mail.example.com\x01port=465"
    return base64.b64encode(b"n,a=%s,%s\x01auth=Bearer %s\x01\x01" % (b"anna@example.com", where, credentials.secret))


def through(  # noqa: PLR0913 - the keys of a test
    turns: Turns,
    credentials: Credentials = ANNA,
    *,
    piece: int | Sequence[int] = 1 << 20,
    client: bytes = b"",
    ends: bool = False,
    ready: bytes = b"",
    hide: tuple[str, ...] = (),
) -> Through:
    desk = AtDesk(smtp)
    desk.say(client)
    script = Script(GREETING, turns, ends=ends)
    came = sign_in(script, credentials, desk.reception, SERVER, piece, ready=ready, hide=hide)
    assert script.is_over
    return came


def refused(turns: Turns, credentials: Credentials = ANNA, *, ends: bool = False) -> SignInFailure:
    with pytest.raises(SignInFailure) as failure:
        through(turns, credentials, ends=ends)
    for secret in ("correct horse", "ya29", PLAIN[20:30].decode(), xoauth2(SHORT)[20:30].decode()):
        assert secret not in failure.value.cause + failure.value.remedy
    return failure.value


def test_a_password_goes_by_plain_in_one_line_and_the_answer_is_the_clients() -> None:
    came = everywhere(through, [(EHLO, CAPABLE), (PLAIN, b"235 2.7.0 in\n")], ANNA)
    assert (came.answer.accepted, came.answer.words) == (True, b"235 2.7.0 in\r\n")
    assert came.ears.logged_in
    assert came.ears.user == "anna@example.com"


def test_ehlo_says_the_clients_name_and_ours_where_the_server_finds_fault_with_it() -> None:
    turns = [(b"EHLO NPIF65E56\r\n", CAPABLE), (PLAIN, b"235 in\r\n")]
    assert through(turns, client=b"EHLO NPIF65E56\r\n").answer.accepted
    turns = [(b"EHLO NPIF65E56\r\n", b"550 who?\r\n"), (EHLO, CAPABLE), (PLAIN, b"235 in\r\n")]
    assert through(turns, client=b"EHLO NPIF65E56\r\n").answer.accepted


def test_a_connection_that_has_heard_the_name_does_not_hear_it_again() -> None:
    ready = EHLO.strip() + b"\n" + CAPABLE
    assert taken_apart(ready) == (EHLO.strip(), CAPABLE)
    assert through([(PLAIN, b"235 in\r\n")], ready=ready).answer.accepted


@pytest.mark.parametrize("words", [
    b"535 5.7.8 no\r\n", b"535-5.7.8 Username and Password not accepted.\r\n535 5.7.8 ask Google\r\n",
    b"534-5.7.9 Application-specific\r\n534 5.7.9 password required\r\n", b"454 4.7.0 later\r\n",
    b"535 5.7.139 Authentication unsuccessful, basic authentication is disabled\r\n",
])  # fmt: skip
def test_a_refused_password_is_told_in_the_servers_words(words: bytes) -> None:
    came = everywhere(through, [(EHLO, CAPABLE), (PLAIN, words)], ANNA)
    assert (came.answer.accepted, came.answer.words) == (False, words)
    assert not came.ears.logged_in


@pytest.mark.parametrize("auth", [b"AUTH LOGIN", b"AUTH=LOGIN", b"AUTH NTLM LOGIN", b"auth login"])
def test_login_where_the_server_has_only_that(auth: bytes) -> None:
    user, password = base64.b64encode(b"anna@example.com") + b"\r\n", base64.b64encode(b"correct horse") + b"\r\n"
    turns = [
        (EHLO, b"250-hello\r\n250 " + auth + b"\r\n"), (b"AUTH LOGIN\r\n", b"334 VXNlciBOYW1lAA==\r\n"),
        (user, b"334 UGFzc3dvcmQA\r\n"), (password, b"235 in\r\n"),
    ]  # fmt: skip
    came = everywhere(through, turns, ANNA)
    assert came.answer.accepted
    assert came.ears.user == "anna@example.com"
    assert not through([*turns[:2], (user, b"535 who?\r\n")]).answer.accepted


def test_a_server_that_takes_no_password_has_refused_none() -> None:
    failure = refused([(EHLO, b"250-hello\r\n250 AUTH XOAUTH2 OAUTHBEARER\r\n")])
    assert failure.needs_person
    assert failure.cause == "mail.example.com takes no password: it offers OAUTHBEARER XOAUTH2"


def test_a_long_password_goes_in_two_steps() -> None:
    secret = b"p" * 357  # in one line it would be 513 octets
    assert len(b"AUTH PLAIN " + base64.b64encode(b"\0anna@example.com\0" + secret) + b"\r\n") == 513
    said = base64.b64encode(b"\0anna@example.com\0" + secret) + b"\r\n"
    turns = [(EHLO, CAPABLE), (b"AUTH PLAIN\r\n", b"334 \r\n"), (said, b"235 in\r\n")]
    assert through(turns, Credentials("anna@example.com", secret)).answer.accepted


def test_where_auth_is_hidden_or_missing_no_secret_is_said_before_it_is_asked_for() -> None:
    said = PLAIN.removeprefix(b"AUTH PLAIN ")
    asked = [(EHLO, CAPABLE), (b"AUTH PLAIN\r\n", b"334 \r\n"), (said, b"235 in\r\n")]
    assert through(asked, hide=("AUTH",)).answer.accepted
    failure = refused([(EHLO, b"250 hello\r\n"), (b"AUTH PLAIN\r\n", b"503 5.5.1 no AUTH here\r\n")])
    assert failure.needs_person
    assert failure.cause == "mail.example.com does not take AUTH PLAIN: it says '503 5.5.1 no AUTH here'"


# -- tokens --------------------------------------------------------------------------------------


def test_a_short_token_goes_in_one_line_and_a_long_one_in_two() -> None:
    one = [(EHLO, CAPABLE), (b"AUTH XOAUTH2 " + xoauth2(SHORT) + b"\r\n", b"235 in\r\n")]
    two = [(EHLO, CAPABLE), (b"AUTH XOAUTH2\r\n", b"334 \r\n"), (xoauth2(BEARER) + b"\r\n", b"235 in\r\n")]
    for turns, credentials in ((one, SHORT), (two, BEARER)):
        came = everywhere(through, turns, credentials)
        assert (came.answer.accepted, came.answer.words) == (True, b"235 in\r\n")
        assert came.ears.user == "anna@example.com"


@pytest.mark.parametrize("octets", [511, 512, 513, 514])
def test_no_line_with_a_token_has_more_than_512_octets(octets: int) -> None:
    for size in range(200, 400):
        credentials = Credentials("anna@example.com", b"t" * size, "bearer")
        line = b"AUTH XOAUTH2 " + xoauth2(credentials) + b"\r\n"
        if abs(len(line) - octets) > 3:
            continue
        is_short = len(line) <= 512
        two = [(b"AUTH XOAUTH2\r\n", b"334 \r\n"), (xoauth2(credentials) + b"\r\n", b"235 in\r\n")]
        turns = [(EHLO, CAPABLE), *([(line, b"235 in\r\n")] if is_short else two)]
        assert through(turns, credentials).answer.accepted


def test_a_token_of_eight_kilobytes_is_said() -> None:
    credentials = Credentials("anna@example.com", b"t" * 8 * 1024, "bearer")
    turns = [(EHLO, CAPABLE), (b"AUTH XOAUTH2\r\n", b"334 \r\n"), (xoauth2(credentials) + b"\r\n", b"235 in\r\n")]
    assert through(turns, credentials).answer.accepted


def test_oauthbearer_where_there_is_only_that() -> None:
    only = b"250-hello\r\n250 AUTH OAUTHBEARER\r\n"
    turns = [
        (EHLO, only), (b"AUTH OAUTHBEARER\r\n", b"334 \r\n"), (oauthbearer(BEARER) + b"\r\n", WHY),
        (b"AQ==\r\n", b"535 5.7.8 no\r\n"),
    ]  # fmt: skip
    came = everywhere(through, turns, BEARER)
    assert (came.answer.accepted, came.answer.words) == (
        False, b"535 5.7.8 no (status 401, schemes bearer, scope mail)\r\n",
    )  # fmt: skip


def test_the_reasons_for_a_refusal_are_asked_for_and_told() -> None:
    turns = [
        (EHLO, CAPABLE),
        (b"AUTH XOAUTH2 " + xoauth2(SHORT) + b"\r\n", WHY),
        (b"\r\n", b"535-5.7.8 a\r\n535 5.7.8 b\r\n"),
    ]
    came = everywhere(through, turns, SHORT)
    assert came.answer.words == b"535-5.7.8 a\r\n535 5.7.8 b (status 401, schemes bearer, scope mail)\r\n"
    assert not came.answer.accepted


@pytest.mark.parametrize("octets", [4, 200, 490, 507, 510, 600])
def test_reasons_make_no_line_longer_than_512_octets(octets: int) -> None:
    why = b"334 " + base64.b64encode(json.dumps({"status": "4" * 600}).encode()) + b"\r\n"
    refusal = b"535 " + b"x" * (octets - 4) + b"\r\n"
    said = b"AUTH XOAUTH2 " + xoauth2(SHORT) + b"\r\n"
    words = through([(EHLO, CAPABLE), (said, why), (b"\r\n", refusal)], SHORT).answer.words
    assert words.startswith(refusal.rstrip())
    assert len(words) <= max(512, len(refusal))
    assert (len(words) > len(refusal)) == (octets < 507)


# -- what cannot be ---------------------------------------------------------------------------------


@pytest.mark.parametrize("turns", [
    [(EHLO, b"421 4.3.2 too busy\r\n")], [(EHLO, CAPABLE), (PLAIN, b"421 4.7.0 slow down\r\n")],
])  # fmt: skip
def test_a_server_that_says_that_it_goes_has_refused_nothing(turns: Turns) -> None:
    failure = refused(turns)
    assert not failure.needs_person
    assert "takes no login now: it says '421" in failure.cause


@pytest.mark.parametrize(
    "last", [b"500 5.5.2 Line too long", b"504 no such mechanism", b"334 more", b"what?", b"235\x00"]
)
def test_an_answer_that_is_not_about_the_login_is_no_refusal(last: bytes) -> None:
    refused([(EHLO, CAPABLE), (PLAIN, last + b"\r\n"), *([(b"*\r\n", last + b"\r\n")] if last[:3] == b"334" else [])])


def test_a_second_ehlo_that_the_server_does_not_bear_hinders_no_login() -> None:
    turns = [
        (EHLO, b"503 5.5.1 Duplicate EHLO\r\n"),
        (b"AUTH XOAUTH2\r\n", b"334 \r\n"),
        (xoauth2(SHORT) + b"\r\n", b"235 in\r\n"),
    ]
    assert through(turns, SHORT).answer.accepted


def test_a_server_without_ehlo_can_not_be_logged_in_to() -> None:
    assert refused([(EHLO, b"502 what?\r\n")]).needs_person


@pytest.mark.parametrize(
    "turns", [[(EHLO, b"250-hal")], [(EHLO, CAPABLE), (PLAIN, b"235")], [(EHLO, CAPABLE), (PLAIN, b"")]]
)
def test_a_server_that_goes_away_has_refused_nothing(turns: Turns) -> None:
    failure = refused(turns, ends=True)
    assert "closed the connection during the login" in failure.cause
    assert not failure.needs_person


def test_a_server_that_repeats_the_secret_does_not_make_us_repeat_it() -> None:
    said = PLAIN.strip()
    came = through([(EHLO, CAPABLE), (PLAIN, b"535 not known: " + said + b" \r\n")])
    assert came.answer.words == b"535 not known: AUTH PLAIN *** \r\n"
    came = through([(EHLO, CAPABLE), (PLAIN, b"535 not known: " + said[:30] + b"...\r\n")])
    assert came.answer.words == b"535 not known: AUTH PLAIN ***...\r\n"
    refused([(EHLO, CAPABLE), (PLAIN, b"500 not known: " + said + b"\r\n")])


@UNTIMED
@given(
    st.lists(
        st.sampled_from(
            [b"220 x\r\n", CAPABLE, b"334 \r\n", b"235 x\r\n", b"535-a\r\n", b"535 b\r\n", WHY, b"250 x\r\n"]
        )
        | st.binary(max_size=200),
        max_size=30,
    ),
    st.sampled_from([ANNA, SHORT, BEARER]),
)
def test_whatever_a_server_says_only_sign_in_failures_are_raised(said: list[bytes], credentials: Credentials) -> None:
    me = End("mail.example.com")
    talk = smtp.reception(End("client"), OFFER).sign_in(me, credentials, SERVER)
    try:
        words = hear(talk, me, said).words
    except SignInFailure:
        return
    for line in words.split(b"\r\n")[:-1]:
        assert line[:1] in {b"2", b"4", b"5"}
    assert words.endswith(b"\r\n")


def test_a_server_that_talks_without_end_is_left() -> None:
    for endless in (b"x" * 1000, b"220-x\r\n" * 100):
        me = End("mail.example.com")
        talk = smtp.reception(End("client"), OFFER).sign_in(me, ANNA, SERVER)
        with pytest.raises(SignInFailure, match="does not come to an answer"):
            hear(talk, me, [endless] * 200)
        assert len(me.inbox) < 100_000
