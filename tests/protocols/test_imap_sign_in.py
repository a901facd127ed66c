"""IMAP's login in a client's place, through the real ears, to a server that has a script."""

import base64
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from at_desk import OFFER, AtDesk, Script, Through, everywhere, sign_in
from hearing import UNTIMED, hear
from popover.config import Server
from popover.errors import SignInFailure
from popover.protocols import imap
from popover.protocols.login import Credentials
from popover.talk import End

SERVER = Server("imap", "mail.example.com", 993)
BARE = b"* OK The Microsoft Exchange IMAP4 service is ready.\r\n"
DOVECOT = b"* OK [CAPABILITY IMAP4rev1 SASL-IR LOGINDISABLED AUTH=PLAIN AUTH=XOAUTH2] Dovecot ready.\r\n"
ANNA = Credentials("anna@example.com", b"correct horse")
IN = b"x.7 OK [CAPABILITY IMAP4rev1 IDLE] in\r\n"
LOGIN = b'x.7 LOGIN "anna@example.com" "correct horse"\r\n'
PLAIN = base64.b64encode(b"\0anna@example.com\0correct horse") + b"\r\n"
TOKEN = b"ya29." + b"t" * 3000
BEARER = Credentials("anna@example.com", TOKEN, "bearer")
XOAUTH2 = base64.b64encode(b"user=anna@example.com\x01auth=Bearer " + TOKEN + b"\x01\x01") + b"\r\n"
OAUTHBEARER = base64.b64encode(
    b"n,a=anna@example.com,\x01host=mail.example.com\x01port=993\x01auth=Bearer " + TOKEN + b"\x01\x01"
) + b"\r\n"  # fmt: skip
WHY = b"+ " + base64.b64encode(json.dumps({"status": "401", "schemes": "bearer", "scope": "mail"}).encode()) + b"\r\n"
Turns = list[tuple[bytes, bytes]]


def through(  # noqa: PLR0913 - the keys of a test
    turns: Turns,
    credentials: Credentials = ANNA,
    *,
    greeting: bytes = DOVECOT,
    piece: int | Sequence[int] = 1 << 20,
    ends: bool = False,
    ready: bytes = b"",
    hide: tuple[str, ...] = (),
) -> Through:
    desk = AtDesk(imap)
    desk.say(b"x.7 LOGIN grandpa local\r\n")
    script = Script(greeting, turns, ends=ends)
    came = sign_in(script, credentials, desk.reception, SERVER, piece, ready=ready, hide=hide)
    assert script.is_over
    return came


def from_exchange(turns: Turns, credentials: Credentials, *, piece: int | Sequence[int] = 1 << 20) -> Through:
    return through(turns, credentials, greeting=BARE, piece=piece)


def refused(
    turns: Turns, credentials: Credentials = ANNA, *, greeting: bytes = DOVECOT, ends: bool = False
) -> SignInFailure:
    with pytest.raises(SignInFailure) as failure:
        through(turns, credentials, greeting=greeting, ends=ends)
    for secret in ("correct horse", "ya29", PLAIN[:20].decode()):
        assert secret not in failure.value.cause + failure.value.remedy
    return failure.value


@pytest.mark.parametrize("answer", [
    IN, b"* CAPABILITY IMAP4rev1 IDLE\r\nx.7 OK in\r\n", b"* OK hello\r\n* CAPABILITY IMAP4rev1\r\nx.7 OK in\r\n",
])  # fmt: skip
def test_a_password_goes_by_plain_and_the_answer_is_the_clients(answer: bytes) -> None:
    came = everywhere(through, [(b"x.7 AUTHENTICATE PLAIN " + PLAIN, answer)], ANNA)
    assert (came.answer.accepted, came.answer.words) == (True, answer)
    assert came.ears.logged_in
    assert came.ears.user == "anna@example.com"
    assert not came.ears.is_owed


def test_a_server_that_lists_nothing_hears_login() -> None:
    came = everywhere(from_exchange, [(LOGIN, IN)], ANNA)
    assert came.answer.words == IN
    assert came.ears.user == "anna@example.com"
    assert through([(LOGIN, IN)], hide=("AUTH=PLAIN",)).answer.accepted
    assert through([(LOGIN, IN)], greeting=b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n").answer.accepted


def test_what_a_client_must_know_behind_the_login_is_asked_where_the_server_does_not_tell() -> None:
    listed = b"* CAPABILITY IMAP4rev1 IDLE UIDPLUS\r\n"
    turns = [(LOGIN, b"* 1 EXISTS\r\nx.7 OK LOGIN completed.\r\n"), (b"a1 CAPABILITY\r\n", listed + b"a1 OK done\r\n")]
    came = everywhere(from_exchange, turns, ANNA)
    assert came.answer.words == b"* 1 EXISTS\r\n" + listed + b"x.7 OK LOGIN completed.\r\n"
    turns[1] = (b"a1 CAPABILITY\r\n", b"a1 BAD what?\r\n")
    assert from_exchange(turns, ANNA).answer.words == b"* 1 EXISTS\r\nx.7 OK LOGIN completed.\r\n"


def test_our_own_tag_is_never_the_clients() -> None:
    desk = AtDesk(imap)
    desk.say(b"a1 LOGIN grandpa local\r\n")
    turns = [
        (LOGIN.replace(b"x.7", b"a1"), b"a1 OK in\r\n"),
        (b"a2 CAPABILITY\r\n", b"* CAPABILITY IMAP4\r\na2 OK\r\n"),
    ]
    came = sign_in(Script(BARE, turns), ANNA, desk.reception, SERVER)
    assert came.answer.words == b"* CAPABILITY IMAP4\r\na1 OK in\r\n"


@pytest.mark.parametrize(("user", "secret", "turns"), [
    ("anna", b'a"b\\c', [(b'LOGIN "anna" "a\\"b\\\\c"\r\n', IN)]),
    ("anna", b"\xfc\t!", [(b'LOGIN "anna" {3}\r\n', b"+ go on\r\n"), (b"\xfc\t!\r\n", IN)]),
    ("j\xfcrgen", b"x y", [(b"LOGIN {7}\r\n", b"+ ok\r\n"), (b'j\xc3\xbcrgen "x y"\r\n', IN)]),
    ("\xfc", b"\xe9", [(b"LOGIN {2}\r\n", b"+ ok\r\n"), (b"\xc3\xbc {1}\r\n", b"+\r\n"), (b"\xe9\r\n", IN)]),
    ("\udcfc", b"{3}", [(b"LOGIN {1}\r\n", b"+ ok\r\n"), (b'\xfc "{3}"\r\n', IN)]),
])  # fmt: skip
def test_login_carries_any_octets(user: str, secret: bytes, turns: Turns) -> None:
    turns = [(b"x.7 " + turns[0][0], turns[0][1]), *turns[1:]]
    assert everywhere(from_exchange, turns, Credentials(user, secret)).answer.words == IN


def test_a_literal_that_the_server_does_not_want_is_not_said() -> None:
    came = from_exchange(
        [(b'x.7 LOGIN "anna" {1}\r\n', b"x.7 NO literals are not taken\r\n")], Credentials("anna", b"\xfc")
    )
    assert (came.answer.accepted, came.answer.words) == (False, b"x.7 NO literals are not taken\r\n")


def test_a_server_that_does_not_hear_the_response_in_the_line_gets_it_again() -> None:
    turns = [(b"x.7 AUTHENTICATE PLAIN " + PLAIN, b"+ \r\n"), (PLAIN, IN)]
    assert everywhere(through, turns, ANNA).answer.words == IN


@pytest.mark.parametrize("words", [
    b"x.7 NO [AUTHENTICATIONFAILED] no\r\n", b"* NO hm\r\nx.7 NO [ALERT] Web login required\r\n", b"x.7 NO\r\n",
])  # fmt: skip
def test_a_refused_password_is_told_in_the_servers_words(words: bytes) -> None:
    came = everywhere(through, [(b"x.7 AUTHENTICATE PLAIN " + PLAIN, words)], ANNA)
    assert (came.answer.accepted, came.answer.words) == (False, words)
    assert not came.ears.logged_in


# -- tokens --------------------------------------------------------------------------------------


def test_a_token_goes_in_one_line_where_there_is_sasl_ir() -> None:
    came = everywhere(through, [(b"x.7 AUTHENTICATE XOAUTH2 " + XOAUTH2, IN)], BEARER)
    assert (came.answer.accepted, came.answer.words) == (True, IN)
    assert came.ears.user == "anna@example.com"
    assert came.ears.logged_in


@pytest.mark.parametrize("listed", [b"IMAP4rev1 AUTH=XOAUTH2", b"IMAP4rev1 SASL-IR", b"IMAP4rev1"])
def test_a_token_goes_in_two_steps_where_the_server_does_not_say_more(listed: bytes) -> None:
    turns = [(b"x.7 AUTHENTICATE XOAUTH2\r\n", b"+ \r\n"), (XOAUTH2, IN)]
    assert through(turns, BEARER, greeting=b"* OK [CAPABILITY " + listed + b"] hi\r\n").answer.accepted


@pytest.mark.parametrize("listed", [b"IMAP4rev1 SASL-IR AUTH=XOAUTH2", b"IMAP4rev1 AUTH=XOAUTH2"])
def test_a_token_of_eight_kilobytes_is_said(listed: bytes) -> None:
    credentials = Credentials("anna@example.com", b"t" * 8 * 1024, "bearer")
    said = base64.b64encode(b"user=anna@example.com\x01auth=Bearer " + credentials.secret + b"\x01\x01") + b"\r\n"
    two = [(b"x.7 AUTHENTICATE XOAUTH2\r\n", b"+ \r\n"), (said, IN)]
    turns = [(b"x.7 AUTHENTICATE XOAUTH2 " + said, IN)] if b"SASL-IR" in listed else two
    assert through(turns, credentials, greeting=b"* OK [CAPABILITY " + listed + b"] hi\r\n").answer.accepted


def test_a_server_whose_greeting_does_not_tell_is_asked_and_not_twice() -> None:
    listed = b"* CAPABILITY IMAP4rev1 SASL-IR AUTH=OAUTHBEARER\r\n"
    said = b"x.7 AUTHENTICATE OAUTHBEARER " + OAUTHBEARER
    turns = [(b"a1 CAPABILITY\r\n", listed + b"a1 OK done\r\n"), (said, IN)]
    assert everywhere(from_exchange, turns, BEARER).answer.words == IN
    assert through(turns[1:], BEARER, greeting=BARE, ready=listed).answer.words == IN


@pytest.mark.parametrize(("last", "words"), [
    ([WHY, b"x.7 NO [AUTHENTICATIONFAILED] Authentication failed.\r\n"],
     b"x.7 NO [CONTACTADMIN] Authentication failed. (status 401, schemes bearer, scope mail)\r\n"),
    ([b"+ bm8gSlNPTg==\r\n", b"x.7 NO [ALERT] Invalid credentials (Failure)\r\n"],
     b"x.7 NO [ALERT] Invalid credentials (Failure)\r\n"),
    ([b"x.7 NO AUTHENTICATE failed.\r\n"], b"x.7 NO [CONTACTADMIN] AUTHENTICATE failed.\r\n"),
    ([b"x.7 NO [UNAVAILABLE] later\r\n"], b"x.7 NO [UNAVAILABLE] later\r\n"),
    ([b"x.7 NO\r\n"], b"x.7 NO [CONTACTADMIN] \r\n"),
])  # fmt: skip
def test_a_refused_token_is_never_told_as_a_wrong_password(last: list[bytes], words: bytes) -> None:
    said = [b"x.7 AUTHENTICATE XOAUTH2 " + XOAUTH2, b"\r\n"]
    came = everywhere(through, list(zip(said, last, strict=False)), BEARER)
    assert (came.answer.accepted, came.answer.words) == (False, words)
    assert not came.ears.logged_in


def test_oauthbearer_is_answered_in_its_way() -> None:
    greeting = b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=OAUTHBEARER] hi\r\n"
    turns = [(b"x.7 AUTHENTICATE OAUTHBEARER " + OAUTHBEARER, WHY), (b"AQ==\r\n", b"x.7 NO no\r\n")]
    assert not through(turns, BEARER, greeting=greeting).answer.accepted


# -- what cannot be ---------------------------------------------------------------------------------


@pytest.mark.parametrize("turns", [
    [(b"x.7 AUTHENTICATE PLAIN " + PLAIN, b"x.7 BAD no such command: AUTHENTICATE PLAIN " + PLAIN)],
    [(b"x.7 AUTHENTICATE PLAIN " + PLAIN, b"x.7 MAYBE\r\n")],
    [(b"x.7 AUTHENTICATE PLAIN " + PLAIN, b"+ OK\r\n"), (PLAIN, b"+ OK go on\r\n")],
    [(b"x.7 AUTHENTICATE PLAIN " + PLAIN, b"+ OK\r\n"), (PLAIN, b"+ NO go on\r\n")],
])  # fmt: skip
def test_an_answer_that_is_not_about_the_login_is_no_refusal(turns: Turns) -> None:
    assert refused(turns).needs_person


def test_a_server_that_does_not_know_the_mechanism_has_refused_no_login() -> None:
    failure = refused(
        [(b"x.7 AUTHENTICATE XOAUTH2\r\n", b"x.7 NO what?\r\n")], BEARER, greeting=b"* OK [CAPABILITY X] hi\r\n"
    )
    assert failure.cause == "mail.example.com does not take AUTHENTICATE XOAUTH2: it says 'x.7 NO what?'"


def test_a_server_that_wants_no_login_is_nobodys() -> None:
    assert refused([], greeting=b"* PREAUTH hello root\r\n").needs_person


@pytest.mark.parametrize("answer", [b"* BYE too many\r\n", b"x.7 O", b""])
def test_a_server_that_goes_away_has_refused_nothing(answer: bytes) -> None:
    assert not refused([(b"x.7 AUTHENTICATE PLAIN " + PLAIN, answer)], ends=True).needs_person


def test_the_words_with_which_a_server_closes_are_told() -> None:
    failure = refused([(b"x.7 AUTHENTICATE PLAIN " + PLAIN, b"* BYE [UNAVAILABLE] too many\r\n")])
    assert failure.cause == "mail.example.com closes at the login: it says '* BYE [UNAVAILABLE] too many'"


def test_a_server_that_repeats_the_secret_does_not_make_us_repeat_it() -> None:
    came = through([(b"x.7 AUTHENTICATE PLAIN " + PLAIN, b"* NO " + PLAIN + b"x.7 NO unknown: " + PLAIN)])
    assert came.answer.words == b"* NO ***\r\nx.7 NO unknown: ***\r\n"
    came = through([(b"x.7 AUTHENTICATE PLAIN " + PLAIN, b"x.7 NO not correct horse\r\n")])
    assert came.answer.words == b"x.7 NO not ***\r\n"
    came = from_exchange([(LOGIN, b"x.7 NO unknown: " + LOGIN)], ANNA)
    assert b"horse" not in came.answer.words


def test_the_refusal_of_a_password_of_ours_is_not_told_as_one_of_the_clients() -> None:
    turns = [(b"x.7 AUTHENTICATE PLAIN " + PLAIN, b"x.7 NO [AUTHENTICATIONFAILED] no\r\n")]
    assert through(turns, replace(ANNA, is_passed_on=False)).answer.words == b"x.7 NO [CONTACTADMIN] no\r\n"
    assert through(turns, ANNA).answer.words == b"x.7 NO [AUTHENTICATIONFAILED] no\r\n"


@pytest.mark.parametrize("answer", [b"x.7 ok [CAPABILITY IMAP4rev1] in\r\n", b"x.7 no\r\n"])
def test_an_answer_counts_in_any_case(answer: bytes) -> None:
    assert through([(b"x.7 AUTHENTICATE PLAIN " + PLAIN, answer)]).answer.words == answer


def test_a_literal_in_what_the_server_tells_is_no_answer() -> None:
    answer = b"* METADATA {13}\r\nx.7 NO hello\r\n more\r\n" + IN
    assert through([(b"x.7 AUTHENTICATE PLAIN " + PLAIN, answer)]).answer.words == answer


@UNTIMED
@given(
    st.lists(
        st.sampled_from(
            [
                DOVECOT,
                BARE,
                b"+ \r\n",
                WHY,
                IN,
                b"x.7 NO no\r\n",
                b"* BYE\r\n",
                b"* X {3}\r\n",
                b"a1 OK\r\n",
                b"a2 OK\r\n",
            ]
        )
        | st.binary(max_size=200),
        max_size=30,
    ),
    st.sampled_from([ANNA, BEARER, Credentials("\xfc", b"\xfc")]),
)
def test_whatever_a_server_says_only_sign_in_failures_are_raised(said: list[bytes], credentials: Credentials) -> None:
    me = End("mail.example.com")
    desk = AtDesk(imap)
    desk.say(b"x.7 LOGIN grandpa local\r\n")
    try:
        words = hear(desk.reception.sign_in(me, credentials, SERVER), me, said).words
    except SignInFailure:
        return
    assert words.rstrip(b"\r\n").rpartition(b"\n")[2].startswith((b"x.7 OK", b"x.7 NO"))
    assert words.endswith(b"\r\n")


def test_a_server_that_talks_without_end_is_left() -> None:
    for endless in (b"x" * 1000, b"* OK x\r\n" * 100, b"* X {99999999}\r\n"):
        me = End("mail.example.com")
        talk = imap.reception(End("client"), OFFER).sign_in(me, ANNA, SERVER)
        with pytest.raises(SignInFailure, match="does not come to an answer"):
            hear(talk, me, [BARE, *[endless] * 200])
        assert len(me.inbox) < 100_000
