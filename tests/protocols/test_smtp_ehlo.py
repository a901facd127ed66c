"""EHLO's answer as a client gets it, and STARTTLS, which is between the client and us."""

import pytest

from hearing import every_cut
from model_smtp import EHLO, Talk
from popover.protocols.reception import ClientTLS
from popover.protocols.strangers import STRANGE_LIMIT

TEMPTING = (
    b"250-mail.example.com at your service\r\n250-SIZE 35882577\r\n250-starttls\r\n"
    b"250-AUTH LOGIN PLAIN GSSAPI NTLM EXTERNAL SCRAM-SHA-256-PLUS SCRAM-SHA-256 CRAM-MD5 XOAUTH2\r\n"
    b"250-8BITMIME\r\n250 CHUNKING\r\n"
)
MUST = b"530 5.7.0 Must issue a STARTTLS command first\r\n"
OK = b"250 ok\r\n"


def greeted(reply: bytes, tls: ClientTLS = "off", hide: tuple[str, ...] = ()) -> bytes:
    """What a client gets for EHLO, the same wherever the server's words are cut."""
    found = set()
    for cuts in every_cut(reply):
        talk = Talk(tls=tls, hide=hide)
        assert talk.say(b"EHLO me\r\n") == (b"", b"EHLO me\r\n")
        found.add(talk.answer(*cuts)[0])
        assert not talk.ears.is_owed
    [got] = found
    return got


def test_what_can_not_work_is_left_out_and_all_else_stays() -> None:
    assert greeted(TEMPTING) == (
        b"250-mail.example.com at your service\r\n250-SIZE 35882577\r\n"
        b"250-AUTH LOGIN PLAIN SCRAM-SHA-256 CRAM-MD5 XOAUTH2\r\n250-AUTH=LOGIN PLAIN\r\n"
        b"250-8BITMIME\r\n250 CHUNKING\r\n"
    )


def test_inside_tls_no_scram_is_offered() -> None:
    """RFC 5802 section 6: the client would say that it could have bound to the channel, and be refused."""
    assert b"250-AUTH LOGIN PLAIN CRAM-MD5 XOAUTH2\r\n" in greeted(TEMPTING, tls="on")
    assert b"STARTTLS" not in greeted(TEMPTING, tls="on").upper()


@pytest.mark.parametrize(
    ("reply", "got"),
    [
        (EHLO, EHLO),
        (b"250 mail\r\n", b"250 mail\r\n"),
        (b"250-mail\n250 SIZE\n", b"250-mail\n250 SIZE\n"),
        (b"250-mail\r\n250 STARTTLS\r\n", b"250 mail\r\n"),
        (b"250-mail\r\n250-SIZE\r\n250 STARTTLS\r\n", b"250-mail\r\n250 SIZE\r\n"),
        (b"250-mail\r\n250-SIZE\r\n250 AUTH GSSAPI\r\n", b"250-mail\r\n250 SIZE\r\n"),
        (b"250-mail\r\n250 AUTH PLAIN\r\n", b"250-mail\r\n250-AUTH PLAIN\r\n250 AUTH=PLAIN\r\n"),
        (b"250-mail\r\n250 auth login plain\r\n", b"250-mail\r\n250-auth login plain\r\n250 AUTH=LOGIN PLAIN\r\n"),
        (b"250-mail\r\n250 AUTH CRAM-MD5\r\n", b"250-mail\r\n250 AUTH CRAM-MD5\r\n"),
        (b"250-a\r\n250-AUTH PLAIN\r\n250 AUTH=PLAIN\r\n", b"250-a\r\n250-AUTH PLAIN\r\n250 AUTH=PLAIN\r\n"),
        (b"250-a\r\n250 AUTH=LOGIN NTLM\r\n", b"250-a\r\n250 AUTH=LOGIN\r\n"),
        (b"250-a\r\n250-\r\n250 X-ODD  STARTTLS\r\n", b"250-a\r\n250-\r\n250 X-ODD  STARTTLS\r\n"),
        (b"250-STARTTLS\r\n250 SIZE\r\n", b"250-STARTTLS\r\n250 SIZE\r\n"),
        (b"500-AUTH\r\n500 STARTTLS\r\n", b"500-AUTH\r\n500 STARTTLS\r\n"),
        (b"250-a\r\n250-STARTTLS\r\n250\r\n", b"250-a\r\n250\r\n"),
    ],
)
def test_the_form_is_kept_whatever_stands_last(reply: bytes, got: bytes) -> None:
    assert greeted(reply) == got


@pytest.mark.parametrize(
    ("hide", "left"),
    [
        (("CHUNKING",), b"250-SIZE 9\r\n250-AUTH PLAIN CRAM-MD5\r\n250 AUTH=PLAIN\r\n"),
        (("AUTH", "SIZE"), b"250 CHUNKING\r\n"),
        (("AUTH=PLAIN",), b"250-SIZE 9\r\n250-AUTH CRAM-MD5\r\n250 CHUNKING\r\n"),
        (("CRAM-MD5", "PLAIN"), b"250-SIZE 9\r\n250 CHUNKING\r\n"),
        (("SIZE", "AUTH", "CHUNKING"), b""),
    ],
)
def test_what_is_to_be_hidden_is_hidden(hide: tuple[str, ...], left: bytes) -> None:
    """Netscape 4 demands a login wherever AUTH is offered."""
    reply = b"250-mail\r\n250-SIZE 9\r\n250-AUTH PLAIN CRAM-MD5\r\n250 CHUNKING\r\n"
    assert greeted(reply, hide=hide) == (b"250-mail\r\n" + left if left else b"250 mail\r\n")


def test_helo_has_no_capabilities() -> None:
    talk = Talk(tls="offer")
    assert talk.ask(b"HELO me\r\n", b"250 STARTTLS\r\n") == b"250 STARTTLS\r\n"


# STARTTLS


@pytest.mark.parametrize("tls", ["offer", "require"])
def test_where_there_is_tls_it_is_offered_by_us(tls: ClientTLS) -> None:
    assert greeted(b"250 mail\r\n", tls=tls) == b"250-mail\r\n250 STARTTLS\r\n"
    assert greeted(b"250\r\n", tls=tls) == b"250-\r\n250 STARTTLS\r\n"
    assert greeted(b"250-mail\r\n250-STARTTLS\r\n250 SIZE\r\n", tls=tls) == (
        b"250-mail\r\n250-SIZE\r\n250 STARTTLS\r\n"
    )


def test_before_tls_that_is_required_no_login_is_offered() -> None:
    assert b"AUTH" not in greeted(TEMPTING, tls="require")
    assert b"AUTH LOGIN PLAIN" in greeted(TEMPTING, tls="offer")


@pytest.mark.parametrize("line_end", [b"\r", b"\0", b"\x0b", b"\x0c"])
@pytest.mark.parametrize("verb", [b"NOOP", b"EHLO x", b"HELP", b"RSET", b"QUIT"])
def test_before_tls_that_is_required_no_login_hides_behind_what_may_be_said(verb: bytes, line_end: bytes) -> None:
    """A server that takes something else for a line's end hears two commands."""
    talk = Talk(tls="require")
    assert talk.say(verb + line_end + b"AUTH PLAIN AGFubmEAY2FuYXJ5\r\n") == (MUST, b"")
    assert talk.say(verb + b"\r\n")[1] == verb + b"\r\n"


def test_before_tls_that_is_required_nothing_else_may_be_done() -> None:
    talk = Talk(tls="require")
    for line in (b"AUTH PLAIN CANARY\r\n", b"MAIL FROM:<a@x>\r\n", b"DATA\r\n", b"XCLIENT A=B\r\n", b"HUH\r\n"):
        assert talk.say(line) == (MUST, b"")
    assert talk.say(b"BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n") == (MUST, b"NOOP\r\n")
    talk.answer(OK)
    assert talk.ask(b"EHLO me\r\n", EHLO) == EHLO.replace(b"250 8", b"250-8") + b"250 STARTTLS\r\n"
    assert talk.ears.awaits_login
    assert talk.ears.user == ""
    for _ in range(STRANGE_LIMIT):
        talk.say(b"HUH\r\n")
    assert talk.ears.failure is not None


@pytest.mark.parametrize("tls", ["offer", "require"])
@pytest.mark.parametrize("line", [b"STARTTLS\r\n", b"starttls \n"])
def test_starttls_begins_tls_and_nothing_behind_it_is_heard(tls: ClientTLS, line: bytes) -> None:
    """Command injection: CVE-2011-0411 and its many sisters."""
    for cuts in every_cut(line + b"RSET\r\nMAIL FROM:<evil@x>\r\n"):
        talk = Talk(tls=tls)
        got, heard = talk.say(*cuts)
        assert got == b"220 2.0.0 Ready to start TLS\r\n"
        assert heard == b""
        assert talk.ears.wants_tls
        assert not talk.ears.has_spoken
        assert talk.answer(b"421 hm\r\n")[1] == b""


def test_starttls_is_answered_in_its_turn() -> None:
    talk = Talk(tls="offer")
    assert talk.say(b"EHLO me\r\nSTARTTLS\r\nNOOP\r\n") == (b"", b"EHLO me\r\n")
    assert not talk.ears.wants_tls
    got, heard = talk.answer(EHLO)
    assert got.endswith(b"250 STARTTLS\r\n220 2.0.0 Ready to start TLS\r\n")
    assert heard == b""
    assert talk.ears.wants_tls
    assert talk.ears.has_spoken


@pytest.mark.parametrize(("tls", "code"), [("off", b"502 "), ("on", b"503 ")])
def test_starttls_never_reaches_the_server(tls: ClientTLS, code: bytes) -> None:
    talk = Talk(tls=tls)
    got, heard = talk.say(b"STARTTLS\r\n")
    assert got.startswith(code)
    assert heard == b""
    assert not talk.ears.wants_tls
    assert talk.say(b"NOOP\r\n") == (b"", b"NOOP\r\n")


@pytest.mark.parametrize("begun", [(b"AUTH PLAIN AGEAYg==\r\n", b"235 in\r\n"), (b"MAIL FROM:<a@x>\r\n", OK)])
def test_no_login_and_no_mail_is_carried_into_tls(begun: tuple[bytes, bytes]) -> None:
    talk = Talk(tls="offer")
    talk.ask(*begun)
    got, heard = talk.say(b"STARTTLS\r\n")
    assert (got[:4], heard) == (b"503 ", b"")
    assert not talk.ears.wants_tls
    assert talk.ask(b"EHLO me\r\n", EHLO) == EHLO  # nor is it offered any more


def test_starttls_stands_alone() -> None:
    talk = Talk(tls="offer")
    assert talk.say(b"STARTTLS now\r\n")[0].startswith(b"501 ")
    assert not talk.ears.wants_tls


def test_no_word_of_ours_is_taken_for_a_failed_login() -> None:
    for tls in ("off", "on", "offer", "require"):
        talk = Talk(tls=tls)
        got = talk.say(b"STARTTLS x\r\nBDAT 0\r\nAUTH PLAIN\r\nSTARTTLS\r\n")[0]
        assert b"error" not in got.lower()
        assert b"535" not in got


def test_starttls_that_is_owed_when_nobody_knows_what_the_server_says_begins_tls_all_the_same() -> None:
    talk = Talk(tls="offer")
    talk.say(b"HELP\r\nSTARTTLS\r\n\x16\x03\x01")
    assert talk.answer(b"help yourself\r\n")[0] == b"help yourself\r\n220 2.0.0 Ready to start TLS\r\n"
    assert talk.ears.wants_tls
    assert talk.ears.has_spoken
    assert not talk.server.outbox
    assert bytes(talk.client.inbox) == b"\x16\x03\x01"
