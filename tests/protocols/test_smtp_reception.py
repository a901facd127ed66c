"""SMTP at the desk, without a socket: who a client claims to be, in whatever way it says so."""

import base64
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from at_desk import OFFER, OFFERS, STAMP, AtDesk, sayings, see_that_cuts_do_not_matter
from hearing import UNTIMED, every_cut, taken
from popover.config import Server
from popover.errors import Misdialled
from popover.protocols import smtp
from popover.protocols.guest import LINES_LIMIT, REFUSED_LIMIT
from popover.protocols.login import Credentials, Digest, Login, Password
from popover.protocols.reception import ClientTLS, Offer, SignedIn, Wish
from popover.protocols.smtp.commands import LINE_LIMIT
from popover.talk import End


def b64(clear: bytes) -> bytes:
    return base64.b64encode(clear)


ANNA = Login("anna", Password(b"secret"))
OURS = Credentials("a@x", b"secret", is_passed_on=False)
PLAIN = b64(b"\0anna\0secret")
CRAM = hmac.new(b"secret", STAMP, "md5").hexdigest().encode()
CRAM_LOGIN = Login("anna", Digest("cram-md5", STAMP, CRAM))


def talk(said: bytes, offer: Offer = OFFER) -> tuple[Login | Wish | None, bytes]:
    """What comes of it and what is answered: the same, however it is cut."""
    first = AtDesk(smtp, offer).say(said)
    for way in every_cut(said):
        assert AtDesk(smtp, offer).say(*way) == first
    return first


def test_the_greeting() -> None:
    desk = AtDesk(smtp)
    desk.reception.greet()
    assert taken(desk.client) == b"220 popover ESMTP ready\r\n"


@pytest.mark.parametrize(("said", "login", "answered"), [
    (b"AUTH PLAIN " + PLAIN + b"\r\n", ANNA, b""),
    (b"auth plain " + PLAIN + b"\n", ANNA, b""),
    (b"AUTH PLAIN\r\n" + PLAIN + b"\r\n", ANNA, b"334 \r\n"),
    (b"AUTH LOGIN\r\n" + b64(b"anna") + b"\r\n" + b64(b"secret") + b"\r\n", ANNA,
     b"334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n"),
    (b"AUTH LOGIN " + b64(b"anna") + b"\r\n" + b64(b"secret") + b"\r\n", ANNA, b"334 UGFzc3dvcmQ6\r\n"),
    (b"AUTH CRAM-MD5\r\n" + b64(b"anna " + CRAM) + b"\r\n", CRAM_LOGIN, b"334 " + b64(STAMP) + b"\r\n"),
    (b"AUTH CRAM-MD5\r\n" + b64(b"anna " + CRAM.upper()) + b"\r\n", CRAM_LOGIN, b"334 " + b64(STAMP) + b"\r\n"),
    (b"AUTH LOGIN\r\n*\r\nAUTH PLAIN " + PLAIN + b"\r\n", ANNA, b"334 VXNlcm5hbWU6\r\n501 5.7.0 as you wish\r\n"),
    (b"helo\r\nRSET\r\nnoop\r\nAUTH PLAIN " + PLAIN + b"\r\n", ANNA, b"250 popover\r\n" + b"250 2.0.0 ok\r\n" * 2),
])  # fmt: skip
def test_a_login_in_all_the_ways_in_which_old_clients_say_it(said: bytes, login: Login, answered: bytes) -> None:
    assert talk(said) == (login, answered)


def test_a_cram_md5_digest_is_that_of_the_password_and_of_no_other() -> None:
    assert isinstance(CRAM_LOGIN.proof, Digest)
    assert CRAM_LOGIN.proof.is_of(b"secret")
    assert not CRAM_LOGIN.proof.is_of(b"Secret")


@pytest.mark.parametrize(("said", "code"), [
    (b"AUTH\r\n", b"501"), (b"AUTH NTLM\r\n", b"504"), (b"AUTH GSSAPI abc\r\n", b"504"), (b"AUTH PLAIN =\r\n", b"501"),
    (b"AUTH PLAIN ?\r\n", b"501"), (b"AUTH PLAIN " + b64(b"anna\0secret") + b"\r\n", b"501"),
    (b"AUTH PLAIN " + b64(b"boss\0anna\0secret") + b"\r\n", b"501"), (b"AUTH PLAIN\r\n*\r\n", b"501"),
    (b"AUTH LOGIN\r\n\r\n\r\n", b"501"), (b"AUTH CRAM-MD5 " + PLAIN + b"\r\n", b"501"),
    (b"AUTH CRAM-MD5\r\n" + PLAIN + b"\r\n", b"501"), (b"MAIL FROM:<a@b>\r\n", b"530"), (b"RCPT TO:<a@b>\r\n", b"530"),
    (b"DATA\r\n", b"530"), (b"VRFY anna\r\n", b"530"), (b"BDAT 0 LAST\r\n", b"530"), (b"XCLIENT ADDR=::1\r\n", b"530"),
    (b"HELP\r\n", b"214"), (b"GET / HTTP/1.0\r\n", b"500"), (b"\r\n", b"500"), (b"STARTTLS\r\n", b"502"),
])  # fmt: skip
def test_what_is_no_login_gets_its_code_and_the_talk_goes_on(said: bytes, code: bytes) -> None:
    came, words = talk(said)
    assert came is None
    last = words.splitlines()[-1]
    assert last[:4] == code + b" "
    assert b"error" not in words.lower()
    assert b"secret" not in words
    desk = AtDesk(smtp)
    desk.say(said)
    assert desk.say(b"AUTH PLAIN " + PLAIN + b"\r\n")[0] == ANNA


@pytest.mark.parametrize(("offer", "listed"), [
    (OFFER, b"250-popover|250-PIPELINING|250-SIZE|250-AUTH PLAIN LOGIN CRAM-MD5|250 AUTH=LOGIN PLAIN"),
    (Offer(), b"250-popover|250-PIPELINING|250-SIZE|250-AUTH PLAIN LOGIN|250 AUTH=LOGIN PLAIN"),
    (Offer(tls="offer"), b"250-popover|250-PIPELINING|250-SIZE|250-AUTH PLAIN LOGIN|250-AUTH=LOGIN PLAIN|250 STARTTLS"),
    (Offer(tls="on"), b"250-popover|250-PIPELINING|250-SIZE|250-AUTH PLAIN LOGIN|250 AUTH=LOGIN PLAIN"),
    (Offer(tls="require"), b"250-popover|250-PIPELINING|250-SIZE|250 STARTTLS"),
    (Offer(hide=("AUTH",)), b"250-popover|250-PIPELINING|250 SIZE"),
    (Offer(hide=("AUTH", "SIZE", "PIPELINING")), b"250 popover"),
    (Offer(hide=("LOGIN",)), b"250-popover|250-PIPELINING|250-SIZE|250-AUTH PLAIN|250 AUTH=PLAIN"),
])  # fmt: skip
def test_ehlo_lists_what_can_be_had_here_and_behind(offer: Offer, listed: bytes) -> None:
    assert talk(b"EHLO x\r\n", offer) == (None, listed.replace(b"|", b"\r\n") + b"\r\n")


@pytest.mark.parametrize(("said", "name"), [
    (b"", b"[127.0.0.1]"), (b"HELO\r\n", b"[127.0.0.1]"), (b"HELO NPIF65E56\r\n", b"NPIF65E56"),
    (b"EHLO grandpas-mac.local\r\n", b"grandpas-mac.local"), (b"ehlo [192.0.2.7]\r\n", b"[192.0.2.7]"),
    (b"EHLO [IPv6:2001:db8::1]\r\n", b"[IPv6:2001:db8::1]"), (b"EHLO my mac\r\n", b"[127.0.0.1]"),
    (b"EHLO a\rMAIL\r\n", b"[127.0.0.1]"), (b"EHLO " + b"a" * 256 + b"\r\n", b"[127.0.0.1]"),
    (b"EHLO \xe9\r\n", b"[127.0.0.1]"), (b"EHLO good\r\nEHLO <bad>\r\n", b"[127.0.0.1]"),
])  # fmt: skip
def test_the_server_hears_the_clients_own_name_if_it_can_be_said(said: bytes, name: bytes) -> None:
    desk = AtDesk(smtp)
    desk.say(said)
    assert desk.name_for_server() == name


@pytest.mark.parametrize(("tls", "came"), [("offer", Wish.TLS), ("require", Wish.TLS), ("off", None), ("on", None)])
def test_starttls_where_tls_may_begin_and_nothing_behind_it_is_heard(tls: ClientTLS, came: Wish | None) -> None:
    desk = AtDesk(smtp, Offer(tls=tls))
    result, words = desk.say(b"STARTTLS now\r\nSTARTTLS\r\nEHLO mallory\r\n")
    assert result is came
    if came is not None:
        assert words == b"501 5.5.4 STARTTLS stands alone\r\n220 2.0.0 Ready to start TLS\r\n"
        assert desk.client.inbox == b"EHLO mallory\r\n"


@pytest.mark.parametrize("said", [b"AUTH PLAIN " + PLAIN, b"AUTH LOGIN", b"MAIL FROM:<>", b"AUTH"])
def test_where_tls_is_required_no_login_is_taken_before_it(said: bytes) -> None:
    assert talk(said + b"\r\n", Offer("require")) == (None, b"530 5.7.0 Must issue a STARTTLS command first\r\n")


def test_what_is_said_behind_the_login_waits() -> None:
    desk = AtDesk(smtp)
    assert desk.say(b"AUTH PLAIN " + PLAIN + b"\r\nMAIL FROM:<a@b>\r\n")[0] == ANNA
    assert desk.client.inbox == b"MAIL FROM:<a@b>\r\n"


def test_quit_and_the_end_are_a_farewell() -> None:
    assert talk(b"NOOP\r\nQUIT\r\n") == (Wish.LEAVE, b"250 2.0.0 ok\r\n221 2.0.0 bye\r\n")
    for said in (b"", b"EHL", b"AUTH LOGIN\r\n", b"AUTH LOGIN\r\nYW5"):
        desk = AtDesk(smtp)
        desk.say(said)
        assert desk.hang_up() is Wish.LEAVE


def test_a_refusal_a_delay_and_a_login_that_is_through() -> None:
    desk = AtDesk(smtp)
    desk.reception.refuse()
    assert taken(desk.client) == b"535 5.7.8 wrong user name or password\r\n"
    for needs_person in (True, False):
        desk.reception.delay("no network:\r\nan error", needs_person=needs_person)
        assert taken(desk.client) == b"454 4.7.0 no network: an fault\r\n"
    desk.reception.admit(SignedIn(accepted=True, words=b"235 2.7.0 in\r\n"))
    assert taken(desk.client) == b"235 2.7.0 in\r\n"


@pytest.mark.parametrize(
    ("credentials", "reply", "words"),
    [
        (Credentials("a@x", b"secret"), b"535 5.7.8 no\r\n", b"535 5.7.8 no\r\n"),
        (OURS, b"535-5.7.8 no,\r\n535 5.7.8 not so\r\n", b"454 4.7.0 535-5.7.8 no, 535 5.7.8 not so\r\n"),
        (Credentials("a@x", b"token", "bearer"), b"535 5.7.139 no\r\n", b"454 4.7.0 535 5.7.139 no\r\n"),
        (OURS, b"454 4.7.0 later\r\n", b"454 4.7.0 later\r\n"),
        (OURS, b"235 in\r\n", b"235 in\r\n"),
    ],
)
def test_the_refusal_of_a_secret_of_ours_is_told_and_not_as_a_wrong_password(
    credentials: Credentials, reply: bytes, words: bytes
) -> None:
    """The client's own was right; and the mail stays in its queue."""
    desk = AtDesk(smtp)
    desk.reception.sign_in(End("mail.example.com"), credentials, Server("smtp", "mail.example.com", 465))
    desk.reception.admit(SignedIn(reply.startswith(b"2"), reply))
    assert taken(desk.client) == words


def test_five_refused_logins_are_all() -> None:
    desk = AtDesk(smtp)
    for at in range(REFUSED_LIMIT):
        assert desk.say(b"AUTH PLAIN " + PLAIN + b"\r\n")[0] == ANNA
        if at % 2:
            desk.reception.refuse()
        else:
            desk.reception.admit(SignedIn(accepted=False, words=b"535 no\r\n"))
        desk.ask_again()
    came, words = desk.say(b"AUTH PLAIN " + PLAIN + b"\r\n")
    assert came is Wish.LEAVE
    assert words.endswith(b"421 4.7.0 too many logins were refused, goodbye\r\n")


@pytest.mark.parametrize("said", [
    b"hello\r\n" * 5, b"\r\n" * 5, b"NOOP\r\n" * (LINES_LIMIT + 1), b"EHLO " + b"a" * LINE_LIMIT, b"\0" * LINE_LIMIT,
    b"AUTH LOGIN\r\n" + b"A" * LINE_LIMIT, b"AUTH LOGIN\r\n*\r\n" * LINES_LIMIT, b"BDAT 50 LAST\r\n" + b"x\r\n" * 50,
])  # fmt: skip
def test_who_speaks_something_else_or_without_end_is_shown_the_door(said: bytes) -> None:
    with pytest.raises(Misdialled) as failure:
        AtDesk(smtp).say(said)
    assert "aaa" not in failure.value.cause


@UNTIMED
@given(
    said=sayings(
        b"EHLO x\r\n", b"AUTH LOGIN\r\n", b"AUTH PLAIN ", PLAIN, b"\r\n", b"*\r\n", b"STARTTLS\r\n",
        b"AUTH CRAM-MD5\r\n", b"MAIL FROM:<>\r\n", b"QUIT\r\n", b"\xff", b"\0", b"BDAT 9 LAST\r\n",
    ),
    offer=OFFERS,
    data=st.data(),
)  # fmt: skip
def test_whatever_is_said_nothing_is_raised_but_misdialled_and_cuts_do_not_matter(
    said: bytes, offer: Offer, data: st.DataObject
) -> None:
    see_that_cuts_do_not_matter(smtp, offer, said, data)


def test_no_object_shows_a_secret() -> None:
    desk = AtDesk(smtp)
    came, _ = desk.say(b"AUTH PLAIN " + b64(b"\0anna\0hunter2") + b"\r\n")
    for thing in (came, desk.reception):
        assert "hunter2" not in repr(thing)
        assert "hunter2" not in str(thing)
