"""POP3's part in TLS towards clients, without a socket: STLS, and what CAPA tells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing import UNTIMED, every_cut, pieces, taken
from model_pop3 import VISITOR, service, trusting
from popover.protocols import Terms
from popover.protocols.pop3 import Ears
from popover.protocols.pop3.answers import for_client
from popover.protocols.reception import ClientTLS
from popover.protocols.sasl import is_bound
from popover.talk import End

CAPA = b"+OK\r\nTOP\r\nSTLS\r\nUSER\r\nSASL PLAIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS NTLM\r\nPIPELINING\r\n.\r\n"


class Talk:
    """Ears with these terms, and what both sides have got. `greeted`: what the client was greeted with before TLS."""

    def __init__(
        self,
        tls: ClientTLS,
        ready: bytes = b"",
        hide: tuple[str, ...] = (),
        greeting: bytes = b"+OK hello\r\n",
        greeted: bytes = b"",
    ) -> None:
        self.client, self.server = End("client"), End("server")
        terms = Terms(service().ahead, VISITOR, tls, hide, greeted=greeted)
        self.ears = Ears(self.client, self.server, terms, trusting())
        self.ears.start(greeting, ready, 1000.0)
        self.got()

    def got(self) -> bytes:
        return taken(self.client)

    def heard(self) -> bytes:
        return taken(self.server)

    def say(self, *pieces: bytes) -> bytes:
        for piece in pieces:
            self.ears.client_said(piece, 1000.0)
            while self.ears.has_more:
                self.ears.client_said(b"", 1000.0)
        return self.got()

    def answer(self, words: bytes) -> bytes:
        straight = bytes(self.ears.server_said(words, 1000.0))
        return self.got() + straight


@pytest.mark.parametrize("tls", ["offer", "require"])
@pytest.mark.parametrize("line", [b"STLS\r\n", b"stls\r\n", b"STLS\n", b" Stls \r\n"])
def test_stls_is_taken_once_at_every_cut(tls: ClientTLS, line: bytes) -> None:
    for cuts in every_cut(line):
        talk = Talk(tls)
        assert not talk.ears.wants_tls
        assert talk.say(*cuts) == b"+OK begin TLS\r\n"
        assert talk.ears.wants_tls
        assert not talk.ears.has_spoken
        assert talk.heard() == b""


def test_command_injection_what_stands_behind_stls_is_not_heard() -> None:
    """S1: Postfix CVE-2011-0411, Dovecot CVE-2021-33515, and nine more."""
    behind = b"CAPA\r\nUSER mallory\r\nPASS secret\r\nSTAT\r\n"
    for tls in ("offer", "require"):
        for cuts in every_cut(b"STLS\r\n" + behind):
            talk = Talk(tls)
            assert talk.say(*cuts) == b"+OK begin TLS\r\n"
            talk.ears.on_time(2000.0)
            assert talk.say(b"", b"NOOP\r\n") == b""
            assert talk.heard() == b""
            assert talk.ears.user == ""


def test_stls_waits_for_the_answers_before_it() -> None:
    talk = Talk("offer")
    assert talk.say(b"CAPA\r\nSTLS\r\nNOOP\r\n") == b""
    assert not talk.ears.wants_tls
    assert talk.answer(CAPA).endswith(b".\r\n+OK begin TLS\r\n")
    assert talk.ears.wants_tls
    assert not talk.ears.has_spoken  # CAPA leaves nothing behind that another talk could see


def test_session_fixation_user_that_was_not_sent_yet_is_forgotten() -> None:
    """S2: it was answered here, and waits for its PASS."""
    for said in ((b"USER mallory\r\nSTLS\r\n",), (b"USER mallory\r\n", b"STLS\r\n")):
        talk = Talk("offer")
        assert talk.say(*said) == b"+OK\r\n+OK begin TLS\r\n"
        talk.ears.on_time(2000.0)
        assert talk.heard() == b""
        assert not talk.ears.has_spoken


def test_session_fixation_user_before_stls_needs_another_server_connection() -> None:
    """S2: what was said in plain text is forgotten."""
    talk = Talk("offer")
    talk.say(b"USER mallory\r\n")
    talk.ears.on_time(1001.0)
    assert talk.heard() == b"USER mallory\r\n"
    talk.say(b"STLS\r\n")
    assert talk.ears.wants_tls
    assert talk.ears.has_spoken


LOGGED_IN = b"+OK\r\n+OK\r\n" + CAPA + b"+OK 0 0\r\n"  # USER, PASS, and what is asked with them


def test_session_fixation_no_tls_begins_behind_a_login_that_is_not_answered() -> None:
    """S2: Citadel CVE-2021-37845."""
    talk = Talk("offer")
    talk.say(b"USER alice\r\nPASS secret\r\nSTLS\r\n")
    assert talk.heard().startswith(b"USER alice\r\nPASS secret\r\n")
    assert talk.answer(LOGGED_IN) == b"+OK\r\n-ERR TLS begins before the login\r\n"
    assert not talk.ears.wants_tls


@pytest.mark.parametrize("line", [b"APOP alice 0123\r\n", b"AUTH CRAM-MD5\r\n"])
def test_session_fixation_no_tls_begins_behind_another_login(line: bytes) -> None:
    talk = Talk("offer")
    talk.say(line)
    talk.answer(b"+OK\r\n" + CAPA + b"+OK 0 0\r\n")
    assert talk.ears.logged_in
    assert talk.say(b"STLS\r\n") == b"-ERR TLS begins before the login\r\n"
    assert not talk.ears.wants_tls


@pytest.mark.parametrize(("tls", "words"), [("off", b"-ERR no TLS"), ("on", b"-ERR TLS is spoken already")])
def test_stls_twice_or_where_there_is_none_is_refused(tls: ClientTLS, words: bytes) -> None:
    """S4."""
    talk = Talk(tls)
    assert talk.say(b"STLS\r\n").startswith(words)
    assert not talk.ears.wants_tls
    assert talk.heard() == b""


@pytest.mark.parametrize(
    ("tls", "wanted"),
    [
        ("off", b"+OK\r\nTOP\r\nUSER\r\nSASL PLAIN SCRAM-SHA-256\r\nPIPELINING\r\n.\r\n"),
        ("offer", b"+OK\r\nTOP\r\nUSER\r\nSASL PLAIN SCRAM-SHA-256\r\nPIPELINING\r\nSTLS\r\n.\r\n"),
        ("require", b"+OK\r\nTOP\r\nPIPELINING\r\nSTLS\r\n.\r\n"),
        ("on", b"+OK\r\nTOP\r\nUSER\r\nSASL PLAIN\r\nPIPELINING\r\n.\r\n"),
    ],
)
def test_servers_capabilities_do_not_leak(tls: ClientTLS, wanted: bytes) -> None:
    """S5: the server's own STLS is never shown, ours only where it can be had."""
    assert for_client(CAPA, tls) == wanted
    if tls != "require":
        talk = Talk(tls)
        talk.say(b"CAPA\r\n")
        assert talk.answer(CAPA) == wanted
        assert Talk(tls, ready=CAPA).say(b"CAPA\r\n") == wanted


def test_hidden_capabilities_are_not_shown() -> None:
    assert for_client(CAPA, "off", ("TOP", "SASL", "USER")) == b"+OK\r\nPIPELINING\r\n.\r\n"
    assert Talk("off", ready=CAPA, hide=("PIPELINING",)).say(b"CAPA\r\n").count(b"PIPELINING") == 0


@pytest.mark.parametrize("tls", ["offer", "require"])
def test_our_own_stls_can_be_hidden_too(tls: ClientTLS) -> None:
    talk = Talk(tls, ready=CAPA, hide=("STLS", "RESP-CODES"))
    told = talk.say(b"CAPA\r\n")
    assert b"STLS" not in told
    assert b"RESP-CODES" not in told
    assert talk.say(b"STLS\r\n") == b"+OK begin TLS\r\n"


@pytest.mark.parametrize("name", ["SCRAM-SHA-256", "AUTH=SCRAM-SHA-256"])
def test_one_mechanism_can_be_hidden(name: str) -> None:
    assert b"SASL PLAIN\r\n" in for_client(CAPA, "off", (name,))


MECHANISMS = b"+OK these:\r\nPLAIN\r\nscram-sha-256\r\nSCRAM-SHA-256-PLUS\r\nEXTERNAL\r\nNTLM\r\nLOGIN\r\n.\r\n"


@pytest.mark.parametrize(
    ("tls", "hide", "wanted"),
    [
        ("off", (), b"+OK these:\r\nPLAIN\r\nscram-sha-256\r\nLOGIN\r\n.\r\n"),
        ("offer", (), b"+OK these:\r\nPLAIN\r\nscram-sha-256\r\nLOGIN\r\n.\r\n"),
        ("on", (), b"+OK these:\r\nPLAIN\r\nLOGIN\r\n.\r\n"),
        ("on", ("AUTH=PLAIN",), b"+OK these:\r\nLOGIN\r\n.\r\n"),
        ("off", ("SASL",), b"+OK these:\r\n.\r\n"),
    ],
)
def test_auth_alone_lists_no_mechanism_that_capa_would_not(
    tls: ClientTLS, hide: tuple[str, ...], wanted: bytes
) -> None:
    """RFC 5034 section 4; RFC 5802 section 6: it would send a client into a login that can only fail."""
    for cuts in every_cut(MECHANISMS):
        talk = Talk(tls, ready=CAPA, hide=hide)
        assert talk.say(b"AUTH\r\n") == b""
        assert talk.heard() == b"AUTH\r\n"
        assert b"".join(map(talk.answer, cuts)) == wanted
        assert talk.say(b"USER alice\r\n") == b"+OK\r\n"


def test_list_of_mechanisms_that_we_give_has_no_hidden_one() -> None:
    """To a server that hangs up at AUTH it is not said; CAPA's SASL line answers it."""
    trinity = CAPA.replace(b"TOP", b"IMPLEMENTATION trinity")
    talk = Talk("off", hide=("AUTH=PLAIN",))
    talk.say(b"CAPA\r\n")
    talk.answer(trinity)
    assert talk.say(b"AUTH\r\n") == b"+OK\r\nSCRAM-SHA-256\r\n.\r\n"
    assert b"AUTH" not in talk.heard()


@pytest.mark.parametrize("half", [b"+OK\r\n", b"+OK these:\r\nPLAIN\r\nNTLM\r\n"])
def test_list_of_mechanisms_that_does_not_end_reaches_the_client(half: bytes) -> None:
    """And the session goes on as it would without us."""
    talk = Talk("on", ready=CAPA)
    talk.say(b"AUTH\r\n")
    assert talk.answer(half) == b""
    talk.ears.on_time(talk.ears.due)
    assert talk.got() == half.replace(b"NTLM\r\n", b"")
    talk.say(b"NOOP\r\n")
    assert talk.answer(b"+OK still here\r\n") == b"+OK still here\r\n"


def test_refusal_of_auth_alone_stays_as_it_is() -> None:
    talk = Talk("on", ready=CAPA)
    talk.say(b"AUTH\r\n")
    assert talk.answer(b"-ERR NTLM or nothing\r\n") == b"-ERR NTLM or nothing\r\n"


def test_hidden_capabilities_are_not_shown_where_the_list_does_not_end() -> None:
    talk = Talk("on", hide=("TOP",))
    talk.say(b"CAPA\r\n")
    talk.answer(CAPA[:-3])
    talk.ears.on_time(talk.ears.due)
    told = talk.got()
    assert told.startswith(b"+OK\r\nUSER\r\nSASL PLAIN\r\n")


def test_capabilities_that_come_in_drips_keep_nobody_waiting_for_more_than_a_second() -> None:
    talk = Talk("on")
    talk.say(b"CAPA\r\n")
    now, lines = 1000.0, CAPA.splitlines(keepends=True)[:-1] * 5
    for line in lines:
        assert talk.got() == b""
        talk.ears.server_said(line, now)
        now += 0.05
    assert talk.ears.due == 1001.0
    talk.ears.on_time(talk.ears.due)
    told = talk.got()
    assert told.startswith(b"+OK\r\nTOP\r\nUSER\r\nSASL PLAIN\r\n")
    assert talk.answer(b"X-MORE\r\n.\r\n") == b"X-MORE\r\n.\r\n"


def test_refused_capa_stays_as_it_is() -> None:
    assert for_client(b"-ERR what\r\n", "offer") == b"-ERR what\r\n"


def test_scram_is_for_clients_without_tls_only() -> None:
    """RFC 5802 section 6."""
    assert is_bound(b"SCRAM-SHA-1", "on")
    assert not is_bound(b"SCRAM-SHA-1", "off")
    assert is_bound(b"SCRAM-SHA-1-PLUS", "off")


def test_no_stls_is_offered_after_the_login() -> None:
    talk = Talk("offer", ready=CAPA)
    talk.say(b"USER alice\r\nPASS secret\r\n")
    assert talk.answer(LOGGED_IN) == b"+OK\r\n"
    got = talk.say(b"CAPA\r\n")
    assert got == for_client(CAPA)
    assert b"STLS" not in got


def test_login_before_tls_is_refused_and_the_server_hears_nothing() -> None:
    """S3: and the words do not say that name or password are wrong."""
    talk = Talk("require", ready=CAPA)
    for line in (b"USER alice\r\n", b"PASS secret\r\n", b"APOP alice 0\r\n", b"AUTH PLAIN AGEAYg==\r\n", b"AUTH\r\n",
                 b"STAT\r\n", b"NOOP\r\n", b"XTND\r\n", b"\r\n"):  # fmt: skip
        words = talk.say(line)
        assert words == b"-ERR [SYS/PERM] this service wants STLS first\r\n"
        assert b"AUTH" not in words
    assert talk.say(b"CAPA\r\n") == b"+OK\r\nRESP-CODES\r\nSTLS\r\n.\r\n"
    assert talk.heard() == b""
    assert talk.ears.user == ""
    assert talk.say(b"STLS\r\n") == b"+OK begin TLS\r\n"
    assert not talk.ears.has_spoken


STAMPED, OTHER = b"+OK hello <1.2@example.com>\r\n", b"+OK hello <3.4@example.com>\r\n"


@pytest.mark.parametrize("greeting", [OTHER, b"+OK hello\r\n"])
def test_apop_with_a_stamp_that_is_no_more_is_no_wrong_password(greeting: bytes) -> None:
    """The server's connection had to be replaced while TLS began (S2), and the client has the old one's stamp."""
    talk = Talk("on", greeting=greeting, greeted=STAMPED)
    words = talk.say(b"APOP alice 0123456789abcdef\r\n")
    assert words.startswith(b"-ERR [SYS/TEMP] ")
    assert b"AUTH" not in words
    assert talk.heard() == b""
    assert talk.say(b"USER alice\r\n") == b"+OK\r\n"  # a client with another way goes on
    assert talk.say(b"PASS secret\r\n") == b""
    assert b"PASS secret\r\n" in talk.heard()


@pytest.mark.parametrize(("greeting", "greeted"), [(STAMPED, STAMPED), (OTHER, b"+OK hello\r\n"), (STAMPED, b"")])
def test_apop_with_the_stamp_of_this_connection_is_passed_on(greeting: bytes, greeted: bytes) -> None:
    """And where there was none: the server has its own words for that."""
    talk = Talk("on", greeting=greeting, greeted=greeted)
    assert talk.say(b"APOP alice 0123456789abcdef\r\n") == b""
    assert talk.heard().startswith(b"APOP alice 0123456789abcdef\r\n")


LINES = [
    b"CAPA",
    b"STLS",
    b"USER alice",
    b"PASS secret",
    b"AUTH PLAIN",
    b"AGEAYg==",
    b"NOOP",
    b"STAT",
    b"XTND",
    b"",
    b"*",
]


@UNTIMED
@given(st.sampled_from(["offer", "require"]), st.lists(st.sampled_from(LINES), max_size=12), st.data())
def test_whatever_is_said_nothing_behind_stls_is_heard(tls: ClientTLS, lines: list[bytes], data: st.DataObject) -> None:
    """S1 and S3, with any words before and behind, cut anywhere, and a server that says +OK to all of them."""
    talk = Talk(tls, ready=CAPA)
    said = b"".join(line + b"\r\n" for line in lines)
    for piece in data.draw(pieces(said)):
        talk.say(piece)
        heard = talk.heard()
        if tls == "require":
            assert heard == b""
        if talk.ears.wants_tls:
            break
        for _ in range(heard.count(b"\n") if data.draw(st.booleans()) else 0):
            talk.answer(b"+OK\r\n")
        talk.heard()
    if talk.ears.wants_tls:
        assert not talk.ears.logged_in
        assert talk.say(b"PASS secret\r\nSTAT\r\n") == b""
        talk.ears.on_time(5000.0)
        assert (talk.got(), talk.heard()) == (b"", b"")


def test_strangers_are_sent_away_before_tls_too() -> None:
    """ALPACA."""
    talk = Talk("require")
    talk.say(*([b"XYZ\r\n"] * 5))
    assert talk.ears.failure is not None
    assert talk.heard() == b""
