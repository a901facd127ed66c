"""Lists of capabilities: left out is what cannot work through a gateway, wherever a list stands, and nowhere else."""

import pytest

from hearing import every_cut
from imap_talk import SLOW, Talk
from popover.protocols.dialect import Terms
from popover.protocols.imap.capability import View
from popover.protocols.reception import ClientTLS

# The places of RFC 9051, sections 7.1 and 7.2.2; the list stands for %s.
PLACES = [
    b"* CAPABILITY%s\r\n",
    b"* capability%s\n",
    b"* OK [CAPABILITY%s] hi\r\n",
    b"* PREAUTH [CAPABILITY%s]\r\n",
    b"* ok [capability%s] see [CAPABILITY STARTTLS] and {5}\n",
    b"a OK [CAPABILITY%s] in\r\n",
    b"a NO [CAPABILITY%s] out\r\n",
    b"a bad [Capability%s] bad\r\n",
    b"* BYE [CAPABILITY%s] bye\r\n",
    b"* NO [CAPABILITY%s] hm\r\n",
]
FULL = b" IMAP4rev1 STARTTLS LITERAL+ COMPRESS=DEFLATE IDLE Compress=zstd LOGIN-REFERRALS X-STARTTLS"
SHOWN = b" IMAP4rev1 LITERAL+ IDLE X-STARTTLS"
NO_LISTS = [
    b"unasked OK [CAPABILITY STARTTLS] hm\r\n",
    b"* OK capability [CAPABILITY STARTTLS]\r\n",
    b"* OK [X] [CAPABILITY STARTTLS] hi\r\n",
    b"* CAPABILITYX STARTTLS\r\n",
    b'* LIST () "/" "[CAPABILITY STARTTLS]"\r\n',
    b'* 1 FETCH (ENVELOPE (NIL "* CAPABILITY STARTTLS"))\r\n',
    b"* CAPABILITY {9}\r\nIMAP4rev1 STARTTLS\r\n",
    b"* OK [CAPABILITY STARTTLS\r\n",
    b"a FETCH [CAPABILITY STARTTLS]\r\n",
    b"CAPABILITY STARTTLS\r\n",
    b"+ [CAPABILITY STARTTLS]\r\n",
]


@pytest.mark.parametrize("place", PLACES)
def test_in_every_place_before_and_after_the_login(place: bytes) -> None:
    for come in every_cut(place % FULL):
        talk = Talk()
        talk.say(b"a NOOP\r\n")
        assert talk.answer(*come)[0] == place % SHOWN
        talk.log_in()
        talk.say(b"a NOOP\r\n")
        assert talk.answer(*come)[0] == place % SHOWN


@pytest.mark.parametrize("line", NO_LISTS)
def test_nowhere_else(line: bytes) -> None:
    for come in every_cut(line):
        talk = Talk()
        talk.say(b"a NOOP\r\n")
        assert talk.answer(*come)[0] == line


def test_in_a_greeting() -> None:
    talk = Talk(b"* OK [CAPABILITY" + FULL + b"] hi\r\n")
    assert talk.greeted == b"* OK [CAPABILITY" + SHOWN + b"] hi\r\n"


def shown(listed: str, tls: ClientTLS = "off", *hide: str, logged_in: bool = False) -> str:
    terms = Terms(SLOW, tls=tls, hide=hide)
    return View(terms).of(listed.encode(), logged_in=logged_in).decode()


@pytest.mark.parametrize(
    ("listed", "tls", "seen"),
    [
        (" IMAP4rev1 AUTH=PLAIN AUTH=LOGIN", "off", " IMAP4rev1 AUTH=PLAIN AUTH=LOGIN"),
        (" IMAP4rev1  a\tb IMAP4REV1 ", "off", " IMAP4rev1  a\tb IMAP4REV1 "),  # byte for byte
        ("", "off", ""),
        (" X STARTTLS LOGINDISABLED", "off", " X"),
        (" X STARTTLS LOGINDISABLED", "on", " X"),
        (" X starttls Y", "offer", " X Y STARTTLS"),
        (" X AUTH=PLAIN Y AUTH=SCRAM-SHA-1 SASL-IR", "require", " X Y SASL-IR STARTTLS LOGINDISABLED"),
        (" AUTH=EXTERNAL AUTH=GSSAPI AUTH=NTLM auth=ntlm AUTH=SCRAM-SHA-256-PLUS X", "off", " X"),
        (" AUTH=SCRAM-SHA-1 AUTH=SCRAM-SHA-256 AUTH=PLAIN", "off", " AUTH=SCRAM-SHA-1 AUTH=SCRAM-SHA-256 AUTH=PLAIN"),
        (" AUTH=SCRAM-SHA-1 auth=scram-sha-256 AUTH=PLAIN", "on", " AUTH=PLAIN"),
        (" LOGIN-REFERRALS MAILBOX-REFERRALS REFERRALS", "off", " REFERRALS"),
        (" COMPRESS=DEFLATE COMPRESS", "off", " COMPRESS"),
    ],
)
def test_what_can_not_work_is_left_out_and_what_we_offer_is_added(listed: str, tls: ClientTLS, seen: str) -> None:
    assert shown(listed, tls) == seen


@pytest.mark.parametrize("tls", ["off", "offer", "require", "on"])
def test_after_the_login_no_tls_is_offered(tls: ClientTLS) -> None:
    assert shown(" X AUTH=PLAIN STARTTLS", tls, logged_in=True) == " X AUTH=PLAIN"


def test_what_is_to_be_hidden_is() -> None:
    assert shown(" A idle IDLEX AUTH=PLAIN", "off", "IDLE", "AUTH=PLAIN") == " A IDLEX"
    assert shown(" A", "offer", "STARTTLS") == " A"


def test_the_answer_to_a_login_is_that_of_after_the_login() -> None:
    talk = Talk(b"* OK hi\r\n", tls="offer")
    talk.say(b"a LOGIN anna secret\r\n")
    assert talk.answer(b"a OK [CAPABILITY X STARTTLS] in\r\n")[0] == b"a OK [CAPABILITY X] in\r\n"


def test_a_refused_login_is_not() -> None:
    talk = Talk(b"* OK hi\r\n", tls="offer")
    talk.say(b"a LOGIN anna secret\r\n")
    assert talk.answer(b"a NO [CAPABILITY X] out\r\n")[0] == b"a NO [CAPABILITY X STARTTLS] out\r\n"


def test_whose_login_was_taken_back_is_offered_tls_again() -> None:
    talk = Talk(tls="offer")
    talk.log_in()
    talk.passes(b"a UNAUTHENTICATE\r\n", b"a OK\r\n")
    assert talk.answer(b"* CAPABILITY X\r\n")[0] == b"* CAPABILITY X STARTTLS\r\n"
    assert not talk.ears.logged_in
