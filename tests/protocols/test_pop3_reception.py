"""POP3 at the desk, without a socket: who a client claims to be, in whatever way it says so."""

import base64
import hmac
from hashlib import md5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from at_desk import OFFER, OFFERS, STAMP, AtDesk, sayings, see_that_cuts_do_not_matter
from hearing import UNTIMED, every_cut, taken
from popover.errors import Misdialled
from popover.protocols import pop3
from popover.protocols.guest import LINES_LIMIT, REFUSED_LIMIT
from popover.protocols.login import Digest, Login, Password
from popover.protocols.pop3.commands import RESPONSE_LIMIT
from popover.protocols.reception import ClientTLS, Offer, SignedIn, Wish


def b64(clear: bytes) -> bytes:
    return base64.b64encode(clear)


ANNA = Login("anna", Password(b"secret"))
PLAIN = b64(b"\0anna\0secret")
APOP = md5(STAMP + b"secret", usedforsecurity=False).hexdigest().encode()
CRAM = hmac.new(b"secret", STAMP, "md5").hexdigest().encode()


def talk(said: bytes, offer: Offer = OFFER) -> tuple[Login | Wish | None, bytes]:
    """What comes of it and what is answered: the same, however it is cut."""
    first = AtDesk(pop3, offer).say(said)
    for way in every_cut(said):
        assert AtDesk(pop3, offer).say(*way) == first
    return first


@pytest.mark.parametrize(("offer", "greeting"), [
    (OFFER, b"+OK popover ready <1896.697170952@popover.example>\r\n"),
    (Offer(), b"+OK popover ready\r\n"),
])  # fmt: skip
def test_the_greeting_carries_the_stamp_where_a_digest_can_be_compared(offer: Offer, greeting: bytes) -> None:
    desk = AtDesk(pop3, offer)
    desk.reception.greet()
    assert taken(desk.client) == greeting


@pytest.mark.parametrize(("said", "login", "answered"), [
    (b"USER anna\r\nPASS secret\r\n", ANNA, b"+OK\r\n"),
    (b" user  anna \npass secret\n", ANNA, b"+OK\r\n"),
    (b"USER anna b\r\nPASS  two words \r\n", Login("anna b", Password(b" two words ")), b"+OK\r\n"),
    (b"USER anna\r\nCAPA \r\nPASS secret\r\n", ANNA, None),
    (b"USER j\xc3\xbcrgen\r\nPASS \xfc\r\n", Login("jürgen", Password(b"\xfc")), b"+OK\r\n"),
    (b"USER j\xfcrgen\r\nPASS x\r\n", Login("j\udcfcrgen", Password(b"x")), b"+OK\r\n"),
    (b"APOP anna " + APOP + b"\r\n", Login("anna", Digest("apop", STAMP, APOP)), b""),
    (b"APOP anna b " + APOP.upper() + b"\r\n", Login("anna b", Digest("apop", STAMP, APOP)), b""),
    (b"AUTH PLAIN " + PLAIN + b"\r\n", ANNA, b""),
    (b"auth plain\r\n" + PLAIN + b"\r\n", ANNA, b"+ \r\n"),
    (b"AUTH PLAIN " + b64(b"anna\0anna\0secret") + b"\r\n", ANNA, b""),
    (b"AUTH LOGIN\r\n" + b64(b"anna") + b"\r\n" + b64(b"secret") + b"\r\n", ANNA,
     b"+ VXNlcm5hbWU6\r\n+ UGFzc3dvcmQ6\r\n"),
    (b"AUTH LOGIN " + b64(b"anna") + b"\r\n" + b64(b"secret") + b"\n", ANNA, b"+ UGFzc3dvcmQ6\r\n"),
    (b"AUTH CRAM-MD5\r\n" + b64(b"anna " + CRAM) + b"\r\n", Login("anna", Digest("cram-md5", STAMP, CRAM)),
     b"+ " + b64(STAMP) + b"\r\n"),
    (b"AUTH CRAM-MD5\r\n" + b64(b"anna b " + CRAM) + b"\r\n", Login("anna b", Digest("cram-md5", STAMP, CRAM)),
     b"+ " + b64(STAMP) + b"\r\n"),
    (b"AUTH CRAM-MD5\r\n*\r\nUSER anna\r\nPASS secret\r\n", ANNA,
     b"+ " + b64(STAMP) + b"\r\n-ERR as you wish\r\n+OK\r\n"),
])  # fmt: skip
def test_a_login_in_all_the_ways_in_which_old_clients_say_it(said: bytes, login: Login, answered: bytes | None) -> None:
    came, words = talk(said)
    assert came == login
    assert answered in {None, words}


@pytest.mark.parametrize("login", [talk(b"APOP anna " + APOP + b"\r\n")[0],
                                   talk(b"AUTH CRAM-MD5\r\n" + b64(b"anna " + CRAM) + b"\r\n")[0]])  # fmt: skip
def test_a_digest_is_that_of_the_password_and_of_no_other(login: Login) -> None:
    assert isinstance(login.proof, Digest)
    assert login.proof.is_of(b"secret")
    assert not login.proof.is_of(b"Secret")


@pytest.mark.parametrize("said", [
    b"PASS secret\r\n", b"USER\r\n", b"USER an\tna\r\nPASS secret\r\nPASS secret\r\n", b"USER anna\r\nPASS\r\n",
    b"USER anna\r\nPASS \r\n", b"APOP anna\r\n", b"APOP anna 123\r\n", b"AUTH PLAIN " + b64(b"\0anna") + b"\r\n",
    b"AUTH PLAIN ===\r\n", b"AUTH PLAIN =\r\n",
    b"AUTH PLAIN\r\n*\r\n", b"AUTH PLAIN " + b64(b"boss\0anna\0secret") + b"\r\n", b"AUTH NTLM\r\n",
    b"AUTH PLAIN " + b64(b"\0an\r\nna\0secret") + b"\r\n", b"AUTH PLAIN " + b64(b"\0anna\0se\ncret") + b"\r\n",
    b"AUTH LOGIN\r\n" + b64(b"an\0na") + b"\r\n" + b64(b"secret") + b"\r\n",
    b"AUTH CRAM-MD5 " + b64(b"anna " + CRAM) + b"\r\n", b"AUTH CRAM-MD5\r\n" + b64(b"anna") + b"\r\n",
    b"USER " + b"a" * 321 + b"\r\nPASS secret\r\n", b"STAT\r\n", b"RETR 1\r\n", b"UTF8\r\n", b"XTND XMIT\r\n",
    b"STLS\r\n",
])  # fmt: skip
def test_what_is_no_login_gets_one_clean_refusal_and_the_talk_goes_on(said: bytes) -> None:
    came, words = talk(said)
    assert came is None
    assert words.splitlines()[-1].startswith(b"-ERR")
    assert b"[" not in words, "it is neither a wrong password nor our trouble"
    assert b"error" not in words.lower()
    assert b"secret" not in words
    desk = AtDesk(pop3)
    desk.say(said)
    assert desk.say(b"USER anna\r\nPASS secret\r\n")[0] == ANNA


@pytest.mark.parametrize(("offer", "listed"), [
    (OFFER, [b"TOP", b"UIDL", b"RESP-CODES", b"USER", b"SASL PLAIN LOGIN CRAM-MD5"]),
    (Offer(), [b"TOP", b"UIDL", b"RESP-CODES", b"USER", b"SASL PLAIN LOGIN"]),
    (Offer(tls="offer"), [b"TOP", b"UIDL", b"RESP-CODES", b"USER", b"SASL PLAIN LOGIN", b"STLS"]),
    (Offer(tls="on"), [b"TOP", b"UIDL", b"RESP-CODES", b"USER", b"SASL PLAIN LOGIN"]),
    (Offer(tls="require", challenge=STAMP), [b"TOP", b"UIDL", b"RESP-CODES", b"STLS"]),
    (Offer(hide=("SASL", "UIDL")), [b"TOP", b"RESP-CODES", b"USER"]),
    (Offer(hide=("AUTH=LOGIN",)), [b"TOP", b"UIDL", b"RESP-CODES", b"USER", b"SASL PLAIN"]),
])  # fmt: skip
def test_capa_lists_what_can_be_had_here_and_behind(offer: Offer, listed: list[bytes]) -> None:
    came, words = talk(b"CAPA\r\n", offer)
    assert came is None
    assert words.splitlines() == [b"+OK", *listed, b"."]


@pytest.mark.parametrize("said", [b"AUTH\r\n", b"AUTH \r\n"])
def test_auth_without_a_mechanism_lists_them(said: bytes) -> None:
    assert talk(said)[1] == b"+OK\r\nPLAIN\r\nLOGIN\r\nCRAM-MD5\r\n.\r\n"
    assert talk(said, Offer(hide=("LOGIN",)))[1] == b"+OK\r\nPLAIN\r\n.\r\n"


@pytest.mark.parametrize("said", [b"APOP anna " + APOP, b"AUTH CRAM-MD5"])
def test_without_a_challenge_no_digest_is_taken(said: bytes) -> None:
    came, words = talk(said + b"\r\n", Offer())
    assert (came, words[:4]) == (None, b"-ERR")


@pytest.mark.parametrize(("tls", "came"), [("offer", Wish.TLS), ("require", Wish.TLS), ("off", None), ("on", None)])
def test_stls_where_tls_may_begin_and_nothing_behind_it_is_heard(tls: ClientTLS, came: Wish | None) -> None:
    desk = AtDesk(pop3, Offer(tls=tls))
    result, words = desk.say(b"STLS\r\nUSER mallory\r\n")
    assert result is came
    if came is not None:
        assert words == b"+OK begin TLS\r\n"
        assert desk.client.inbox == b"USER mallory\r\n"


@pytest.mark.parametrize("said", [b"USER anna\r\n", b"PASS secret\r\n", b"APOP anna " + APOP + b"\r\n",
                                  b"AUTH PLAIN " + PLAIN + b"\r\n", b"AUTH LOGIN\r\n"])  # fmt: skip
def test_where_tls_is_required_no_login_is_taken_before_it(said: bytes) -> None:
    assert talk(said, Offer("require", (), STAMP)) == (None, b"-ERR [SYS/PERM] this service wants STLS first\r\n")


def test_what_is_said_behind_the_login_waits() -> None:
    desk = AtDesk(pop3)
    assert desk.say(b"USER anna\r\nPASS secret\r\nSTAT\r\nQUIT\r\n")[0] == ANNA
    assert desk.client.inbox == b"STAT\r\nQUIT\r\n"


def test_quit_and_the_end_are_a_farewell() -> None:
    assert talk(b"NOOP\r\nQUIT\r\n") == (Wish.LEAVE, b"+OK\r\n+OK bye\r\n")
    for said in (b"", b"USER an", b"AUTH LOGIN\r\n", b"AUTH LOGIN\r\nYW5"):
        desk = AtDesk(pop3)
        desk.say(said)
        assert desk.hang_up() is Wish.LEAVE


def test_a_refusal_a_delay_and_a_login_that_is_through() -> None:
    desk = AtDesk(pop3)
    desk.reception.refuse()
    assert taken(desk.client) == b"-ERR [AUTH] wrong user name or password\r\n"
    desk.reception.delay("no network:\r\nan error")
    assert taken(desk.client) == b"-ERR [SYS/TEMP] no network: an fault\r\n"
    desk.reception.delay("sign in again", needs_person=True)
    assert taken(desk.client) == b"-ERR [SYS/PERM] sign in again\r\n"
    desk.reception.admit(SignedIn(accepted=True, words=b"+OK 3 messages\r\n"))
    assert taken(desk.client) == b"+OK 3 messages\r\n"


def test_five_refused_logins_are_all() -> None:
    desk = AtDesk(pop3)
    for at in range(REFUSED_LIMIT):
        assert desk.say(b"USER anna\r\nPASS guess\r\n")[0] == Login("anna", Password(b"guess"))
        if at % 2:
            desk.reception.refuse()
        else:
            desk.reception.admit(SignedIn(accepted=False, words=b"-ERR no\r\n"))
        desk.ask_again()
    assert desk.say(b"USER anna\r\n")[0] is Wish.LEAVE


def test_delays_are_no_tries() -> None:
    desk = AtDesk(pop3)
    for _ in range(REFUSED_LIMIT + 1):
        assert desk.say(b"USER anna\r\nPASS secret\r\n")[0] == ANNA
        desk.reception.delay("no network")
        desk.ask_again()


@pytest.mark.parametrize("said", [
    b"EHLO x\r\n" * 5, b"\r\n" * 5, b"NOOP\r\n" * (LINES_LIMIT + 1), b"USER " + b"a" * RESPONSE_LIMIT,
    b"\0" * RESPONSE_LIMIT, b"AUTH LOGIN\r\n" + b"A" * RESPONSE_LIMIT, b"AUTH " * RESPONSE_LIMIT,
    b"AUTH " + b"a" * RESPONSE_LIMIT, b"AUTH LOGIN\r\n*\r\n" * LINES_LIMIT, b"USER " + b"a" * 2048 + b"\r\n",
])  # fmt: skip
def test_who_speaks_something_else_or_without_end_is_shown_the_door(said: bytes) -> None:
    desk = AtDesk(pop3)
    with pytest.raises(Misdialled) as failure:
        desk.say(said)
    assert not failure.value.cause.isspace()
    assert "aaa" not in failure.value.cause


@UNTIMED
@given(
    said=sayings(
        b"USER anna\r\n", b"PASS secret\r\n", b"AUTH LOGIN\r\n", b"AUTH PLAIN ", PLAIN, b"\r\n", b"*\r\n",
        b"CAPA\r\n", b"STLS\r\n", b"APOP a ", APOP, b"QUIT\r\n", b"\xff", b"\0",
    ),
    offer=OFFERS,
    data=st.data(),
)  # fmt: skip
def test_whatever_is_said_nothing_is_raised_but_misdialled_and_cuts_do_not_matter(
    said: bytes, offer: Offer, data: st.DataObject
) -> None:
    see_that_cuts_do_not_matter(pop3, offer, said, data)


def test_no_object_shows_a_secret() -> None:
    desk = AtDesk(pop3)
    came, _ = desk.say(b"USER anna\r\nPASS hunter2\r\n")
    command = pop3.commands.parse(b"PASS hunter2\r\n")
    for thing in (
        came,
        desk.reception,
        command,
        pop3.commands.parse(b"hunter2\r\n"),
        Digest("apop", STAMP, b"hunter2"),
    ):
        assert "hunter2" not in repr(thing)
        assert "hunter2" not in str(thing)


def test_a_password_is_taken_once_for_a_name() -> None:
    desk = AtDesk(pop3)
    desk.say(b"USER anna\r\nPASS secret\r\n")
    desk.reception.refuse()
    desk.ask_again()
    came, words = desk.say(b"PASS secret\r\n")
    assert came is None
    assert words.endswith(b"-ERR USER comes first\r\n")
