"""IMAP at the desk, without a socket: who a client claims to be, in whatever way it says so."""

import base64
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from at_desk import OFFER, OFFERS, STAMP, AtDesk, sayings, see_that_cuts_do_not_matter
from hearing import UNTIMED, every_cut, taken
from popover.errors import Misdialled
from popover.protocols import imap
from popover.protocols.guest import LINES_LIMIT, REFUSED_LIMIT
from popover.protocols.imap.grammar import parse
from popover.protocols.imap.said import LINE_LIMIT, LITERAL_LIMIT, Said, quoted, strings
from popover.protocols.login import Digest, Login, Password
from popover.protocols.reception import ClientTLS, Offer, SignedIn, Wish


def b64(clear: bytes) -> bytes:
    return base64.b64encode(clear)


ANNA = Login("anna", Password(b"secret"))
PLAIN = b64(b"\0anna\0secret")
CRAM = hmac.new(b"secret", STAMP, "md5").hexdigest().encode()
CRAM_LOGIN = Login("anna", Digest("cram-md5", STAMP, CRAM))
GO_ON = b"+ go on\r\n"


def talk(said: bytes, offer: Offer = OFFER) -> tuple[Login | Wish | None, bytes]:
    """What comes of it and what is answered: the same, however it is cut."""
    first = AtDesk(imap, offer).say(said)
    for way in every_cut(said):
        assert AtDesk(imap, offer).say(*way) == first
    return first


@pytest.mark.parametrize(("said", "login", "answered"), [
    (b"a LOGIN anna secret\r\n", ANNA, b""),
    (b'a1 login "anna" "secret"\n', ANNA, b""),
    (b'A001 LOGIN  anna  "se cret" \r\n', Login("anna", Password(b"se cret")), b""),
    (b'a LOGIN "an\\"na" "se\\\\cret"\r\n', Login('an"na', Password(b"se\\cret")), b""),
    (b"a LOGIN anna pa%(*)]ss\r\n", Login("anna", Password(b"pa%(*)]ss")), b""),
    (b'a LOGIN "j\xc3\xbcrgen" \xfc\r\n', Login("jürgen", Password(b"\xfc")), b""),
    (b"a LOGIN {4}\r\nanna {6}\r\nsecret\r\n", ANNA, GO_ON * 2),
    (b"a LOGIN {4+}\r\nanna {6+}\r\nsecret\r\n", ANNA, b""),
    (b"a LOGIN {4+}\nanna secret\n", ANNA, b""),
    (b'a LOGIN "anna" {8}\r\n" {3}\\x \r\n', Login("anna", Password(b'" {3}\\x ')), GO_ON),
    (b'a LOGIN "{4}" {4}\r\n{4+}\r\n', Login("{4}", Password(b"{4+}")), GO_ON),
    (b"a AUTHENTICATE PLAIN " + PLAIN + b"\r\n", ANNA, b""),
    (b"a authenticate plain\r\n" + PLAIN + b"\r\n", ANNA, b"+ \r\n"),
    (b"a AUTHENTICATE LOGIN\r\n" + b64(b"anna") + b"\r\n" + b64(b"secret") + b"\r\n", ANNA,
     b"+ VXNlcm5hbWU6\r\n+ UGFzc3dvcmQ6\r\n"),
    (b"a AUTHENTICATE CRAM-MD5\r\n" + b64(b"anna " + CRAM) + b"\r\n", CRAM_LOGIN, b"+ " + b64(STAMP) + b"\r\n"),
    (b"a AUTHENTICATE LOGIN\r\n*\r\nb LOGIN anna secret\r\n", ANNA, b"+ VXNlcm5hbWU6\r\na BAD as you wish\r\n"),
    (b'a ID ("name" "x")\r\nb NOOP\r\nc LOGIN anna secret\r\n', ANNA,
     b"* ID NIL\r\na OK ID completed\r\nb OK NOOP completed\r\n"),
])  # fmt: skip
def test_a_login_in_all_the_ways_in_which_old_clients_say_it(said: bytes, login: Login, answered: bytes) -> None:
    assert talk(said) == (login, answered)


@pytest.mark.parametrize(("said", "answer"), [
    (b"a LOGIN anna\r\n", b"BAD"), (b"a LOGIN\r\n", b"BAD"), (b"a LOGIN a b c\r\n", b"BAD"),
    (b'a LOGIN "anna secret\r\n', b"BAD"), (b'a LOGIN "anna"secret\r\n', b"BAD"), (b'a LOGIN anna ""\r\n', b"BAD"),
    (b'a LOGIN "" secret\r\n', b"BAD"), (b"a LOGIN {5+}\r\nan\r\nx secret\r\n", b"BAD"),
    (b"a AUTHENTICATE\r\n", b"BAD"), (b"a AUTHENTICATE NTLM\r\n", b"NO"), (b"a AUTHENTICATE PLAIN ?\r\n", b"BAD"),
    (b"a AUTHENTICATE PLAIN =\r\n", b"BAD"), (b"a AUTHENTICATE CRAM-MD5 " + PLAIN + b"\r\n", b"BAD"),
    (b"a SELECT INBOX\r\n", b"BAD"), (b"a ENABLE CONDSTORE\r\n", b"BAD"), (b"a IDLE\r\n", b"BAD"),
    (b"a CAPABILITY x\r\n", b"BAD"), (b"a GIMME\r\n", b"BAD"), (b"a XLIST\r\n", b"BAD"), (b"a STARTTLS\r\n", b"NO"),
    (b"a SELECT {5}\r\n", b"BAD"), (b"a SELECT {5+}\r\nINBOX\r\n", b"BAD"),
    (b"a LOGIN {4097}\r\n", b"BAD"), (b"a LOGIN {4097+}\r\n" + b"x" * 4097 + b" secret\r\n", b"BAD"),
])  # fmt: skip
def test_what_is_no_login_gets_its_answer_and_the_talk_goes_on(said: bytes, answer: bytes) -> None:
    came, words = AtDesk(imap).say(said)
    assert came is None
    assert words.splitlines()[-1].startswith(b"a " + answer + b" ")
    assert words.count(b"\n") == 1
    assert b"error" not in words.lower()
    assert b"secret" not in words
    if len(said) < 1000:
        assert talk(said) == (came, words)
    desk = AtDesk(imap)
    desk.say(said)
    assert desk.say(b"b LOGIN anna secret\r\n")[0] == ANNA


@pytest.mark.parametrize(("offer", "listed"), [
    (OFFER, b"IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=LOGIN AUTH=CRAM-MD5"),
    (Offer(), b"IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=LOGIN"),
    (Offer(tls="offer"), b"IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=LOGIN STARTTLS"),
    (Offer(tls="on"), b"IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=LOGIN"),
    (Offer(tls="require", challenge=STAMP), b"IMAP4rev1 SASL-IR STARTTLS LOGINDISABLED"),
    (Offer(hide=("AUTH=PLAIN", "SASL-IR")), b"IMAP4rev1 AUTH=LOGIN"),
])  # fmt: skip
def test_the_greeting_and_capability_list_what_can_be_had_here(offer: Offer, listed: bytes) -> None:
    desk = AtDesk(imap, offer)
    desk.reception.greet()
    assert taken(desk.client) == b"* OK [CAPABILITY " + listed + b"] popover ready\r\n"
    answer = b"* CAPABILITY " + listed + b"\r\nx.1 OK CAPABILITY completed\r\n"
    assert talk(b"x.1 capability\r\n", offer) == (None, answer)


@pytest.mark.parametrize(("tls", "came"), [("offer", Wish.TLS), ("require", Wish.TLS), ("off", None), ("on", None)])
def test_starttls_where_tls_may_begin_and_nothing_behind_it_is_heard(tls: ClientTLS, came: Wish | None) -> None:
    desk = AtDesk(imap, Offer(tls=tls))
    result, words = desk.say(b"a STARTTLS\r\nb CAPABILITY\r\n")
    assert result is came
    if came is not None:
        assert words == b"a OK begin TLS now\r\n"
        assert desk.client.inbox == b"b CAPABILITY\r\n"


@pytest.mark.parametrize("said", [
    b"a LOGIN anna secret\r\n", b"a LOGIN {4}\r\n", b"a LOGIN {4+}\r\nanna {6+}\r\nsecret\r\n",
    b"a AUTHENTICATE PLAIN\r\n",
    b"a AUTHENTICATE PLAIN " + PLAIN + b"\r\n",
])  # fmt: skip
def test_where_tls_is_required_no_login_is_taken_before_it(said: bytes) -> None:
    came, words = talk(said, Offer("require", (), STAMP))
    assert came is None
    assert words == b"a NO [PRIVACYREQUIRED] not without TLS: say STARTTLS first, or switch on TLS\r\n"


def test_what_is_said_behind_the_login_waits() -> None:
    desk = AtDesk(imap)
    assert desk.say(b"a LOGIN anna secret\r\nb LIST {0+}\r\n\r\n")[0] == ANNA
    assert desk.client.inbox == b"b LIST {0+}\r\n\r\n"


def test_logout_and_the_end_are_a_farewell() -> None:
    assert talk(b"a LOGOUT\r\n") == (Wish.LEAVE, b"* BYE logging out\r\na OK LOGOUT completed\r\n")
    for said in (
        b"",
        b"a LOG",
        b"a AUTHENTICATE LOGIN\r\n",
        b"a LOGIN {4}\r\n",
        b"a LOGIN {4}\r\nan",
        b"a LOGIN {4+}\r\nanna",
    ):
        desk = AtDesk(imap)
        desk.say(said)
        assert desk.hang_up() is Wish.LEAVE


def test_a_refusal_and_a_delay_bear_the_clients_tag() -> None:
    desk = AtDesk(imap)
    desk.say(b"x.7 LOGIN anna secret\r\n")
    desk.reception.refuse()
    assert taken(desk.client) == b"x.7 NO [AUTHENTICATIONFAILED] wrong user name or password\r\n"
    desk.reception.delay("no network:\r\nan error")
    assert taken(desk.client) == b"x.7 NO [UNAVAILABLE] no network: an fault\r\n"
    desk.reception.delay("sign in again", needs_person=True)
    assert taken(desk.client) == b"x.7 NO [CONTACTADMIN] sign in again\r\n"
    desk.reception.admit(SignedIn(accepted=True, words=b"x.7 OK in\r\n"))
    assert taken(desk.client) == b"x.7 OK in\r\n"


def test_five_refused_logins_are_all() -> None:
    desk = AtDesk(imap)
    for at in range(REFUSED_LIMIT):
        assert desk.say(b"a LOGIN anna secret\r\n")[0] == ANNA
        if at % 2:
            desk.reception.refuse()
        else:
            desk.reception.admit(SignedIn(accepted=False, words=b"a NO no\r\n"))
        desk.ask_again()
    came, words = desk.say(b"a LOGIN anna secret\r\n")
    assert came is Wish.LEAVE
    assert words.endswith(b"* BYE too many logins were refused\r\n")


@pytest.mark.parametrize("said", [
    b"hello\r\n" * 5, b"\r\n" * 5, b"a GIMME\r\n" * 5, b"a NOOP\r\n" * (LINES_LIMIT + 1),

    b"a LOGIN " + b"a" * LINE_LIMIT, b"\0" * LINE_LIMIT,
    b"a AUTHENTICATE LOGIN\r\n" + b"A" * LINE_LIMIT, b"a AUTHENTICATE LOGIN\r\n*\r\n" * LINES_LIMIT,
    b"a LOGIN {99999999999999999999+}\r\n" * 100, b"a LOGIN {16385+}\r\n",
    b"a LOGIN {0+}\r\n" + b" {0+}\r\n" * LINES_LIMIT,
    b"a LOGIN {4096+}\r\n" + (b"x" * LITERAL_LIMIT + b" {4096+}\r\n") * LINES_LIMIT,
    b"a SELECT {4096+}\r\n" + (b"x" * LITERAL_LIMIT + b" {4096+}\r\n") * LINES_LIMIT,
])  # fmt: skip
def test_who_speaks_something_else_or_without_end_is_shown_the_door(said: bytes) -> None:
    with pytest.raises(Misdialled) as failure:
        AtDesk(imap).say(said)
    assert "aaa" not in failure.value.cause


@UNTIMED
@given(
    said=sayings(
        b"a LOGIN anna secret\r\n", b"a LOGIN {4}\r\n", b"b LOGIN {4+}\r\n", b"anna", b" {6+}\r\n", b"secret\r\n",
        b'"', b"a AUTHENTICATE LOGIN\r\n", b"a AUTHENTICATE PLAIN ", PLAIN, b"\r\n", b"*\r\n", b"a NOOP\r\n",
        b"a STARTTLS\r\n", b"a LOGOUT\r\n", b"\xff", b"\0", b"{3}\r\n", b"a SELECT ",
    ),
    offer=OFFERS,
    data=st.data(),
)  # fmt: skip
def test_whatever_is_said_nothing_is_raised_but_misdialled_and_cuts_do_not_matter(
    said: bytes, offer: Offer, data: st.DataObject
) -> None:
    see_that_cuts_do_not_matter(imap, offer, said, data, repeats=len(said))


@UNTIMED
@given(st.lists(st.binary(), max_size=5))
def test_what_is_quoted_is_read_again(words: list[bytes]) -> None:
    assert strings(b" ".join(quoted(word) for word in words)) == words


def test_no_object_shows_a_secret() -> None:
    desk = AtDesk(imap)
    came, _ = desk.say(b"a LOGIN anna hunter2\r\n")
    said = Said(parse(b"a LOGIN anna hunter2\r\n"), b"anna hunter2")
    for thing in (came, desk.reception, said, parse(b"a LOGIN anna hunter2\r\n"), parse(b"a hunter2 b\r\n")):
        assert "hunter2" not in repr(thing)
        assert "hunter2" not in str(thing)


def test_what_has_no_tag_is_answered_without_one() -> None:
    assert talk(b"hello\r\n")[1] == b"* BAD this is no command\r\n"
    assert talk(b"{5}\r\n")[1] == b"* BAD this is no command\r\n"


def test_many_literals_are_too_long_in_all() -> None:
    desk = AtDesk(imap)
    came, words = desk.say(
        b"a LOGIN {4096+}\r\n" + (b"x" * LITERAL_LIMIT + b" {4096+}\r\n") * 5 + b"x" * 4096 + b"\r\n"
    )
    assert (came, words) == (None, b"a BAD that is too long\r\n")
