"""TLS towards clients, from their first octet to a whole session with a real server behind."""

import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from parts.certificates import Authority
from parts.dovecot import Dovecot
from parts.inside import EVERY_CIPHER, Inside, Plainly, s_client, spoken, trusting

Make = Callable[..., Inside]


@pytest.fixture
def make(tmp_path: Path, authority: Authority, dovecot: Dovecot) -> Make:
    return lambda **keys: Inside(tmp_path, authority, dovecot.pop3s_port, **keys)


def login(client: Plainly, dovecot: Dovecot) -> None:
    assert client.ask(b"USER " + dovecot.new_user().encode()).startswith(b"+OK")
    assert client.ask(b"PASS " + dovecot.password.encode()).startswith(b"+OK")
    assert client.ask(b"STAT") == b"+OK 0 0\r\n"
    assert client.ask(b"QUIT").startswith(b"+OK")
    assert client.rest() == b""


def test_implicit_tls_is_there_from_the_first_octet_on(make: Make, dovecot: Dovecot) -> None:
    with make(tls="implicit") as inside, Plainly(inside.address) as client:
        assert client.secure(trusting(inside.own)) == "TLSv1.3"
        assert client.line().startswith(b"+OK")
        login(client, dovecot)
        event = inside.wait_for_event("session")
    assert event["client_tls"] == "TLSv1.3"
    assert event["client_cipher"]
    assert event["end"] == "server closed"


@pytest.mark.parametrize("tls", ["offer", "require"])
def test_stls_leads_into_tls(make: Make, dovecot: Dovecot, tls: str) -> None:
    with make(tls=tls) as inside, Plainly(inside.address) as client:
        assert client.line().startswith(b"+OK")
        client.say(b"CAPA")
        assert b"STLS\r\n" in client.lines()
        assert client.ask(b"STLS") == b"+OK begin TLS\r\n"
        client.secure(trusting(inside.own))
        client.say(b"CAPA")  # no greeting comes first (RFC 2595 section 4)
        capabilities = client.lines()
        assert capabilities[0].startswith(b"+OK")
        assert not any(line.startswith(b"+OK") for line in capabilities[1:])
        assert b"STLS\r\n" not in capabilities
        assert b"USER\r\n" in capabilities
        assert client.ask(b"STLS").startswith(b"-ERR")
        login(client, dovecot)
        event = inside.wait_for_event("session")
    assert (event["client_tls"], event["end"]) == ("TLSv1.3", "server closed")


@pytest.mark.parametrize(
    "said",
    [
        b"a LOGIN %s\r\n",
        b"a* LOGIN %s\r\n",
        b"\xe4 LOGIN %s\r\n",
        b"a IDLE\r\nb LOGIN %s\r\n",
        b"a NOOP\rb LOGIN %s\r\n",
        b"a NOOP {9}\r\nb LOGIN %s\r\n",
        b" LOGIN %s\r\n",
        b"a LOGIN %s",
    ],
)
def test_where_tls_is_required_no_spelling_of_a_login_is_taken_before(
    tmp_path: Path, authority: Authority, dovecot: Dovecot, said: bytes
) -> None:
    name = dovecot.new_user().encode() + b" " + dovecot.password.encode()
    with Inside(tmp_path, authority, dovecot.imaps_port, scheme="imaps", tls="require") as inside:
        with Plainly(inside.address) as client:
            client.line()
            client.sock.sendall(said % name)
            client.sock.shutdown(socket.SHUT_WR)
            assert b" OK [CAPABILITY" not in client.rest()  # with which Dovecot lets in
        assert "user" not in inside.wait_for_event("session")
        with Plainly(inside.address) as client:
            client.line()
            client.ask(b"a STARTTLS")
            client.secure(trusting(inside.own))
            answer = client.ask(b"b LOGIN " + name)
            assert answer.startswith((b"b OK [CAPABILITY", b"* CAPABILITY"))


def test_offer_serves_plain_clients_as_ever(make: Make, dovecot: Dovecot) -> None:
    with make(tls="offer") as inside, Plainly(inside.address) as client:
        client.line()
        login(client, dovecot)
        assert inside.wait_for_event("session")["client_tls"] is None


OLD = [("-tls1", "TLSv1"), ("-tls1_1", "TLSv1.1")]


@pytest.mark.parametrize(("word", "version"), OLD)
@pytest.mark.parametrize("tls", ["implicit", "offer"])
def test_legacy_serves_tls_1_0_and_1_1(make: Make, tls: str, word: str, version: str) -> None:
    starttls = ["-starttls", "pop3"] if tls == "offer" else []
    with make(tls=tls, legacy=True) as inside:
        ended = s_client(inside.address, word, "-cipher", EVERY_CIPHER, *starttls, said=b"QUIT\r\n")
        assert spoken(ended)[0] == version
        assert b"+OK" in ended.stdout
        assert inside.wait_for_event("session")["client_tls"] == version


def test_legacy_serves_rsa_key_exchange(make: Make) -> None:
    with make(tls="implicit", legacy=True) as inside:
        ended = s_client(inside.address, "-tls1_2", "-cipher", "AES128-SHA", said=b"QUIT\r\n")
        assert spoken(ended) == ("TLSv1.2", "AES128-SHA")
        assert b"+OK" in ended.stdout


def test_modern_client_on_a_legacy_port_gets_tls_1_3(make: Make) -> None:
    with make(tls="implicit", legacy=True) as inside, Plainly(inside.address) as client:
        assert client.secure(trusting(inside.own)) == "TLSv1.3"


@pytest.mark.parametrize(
    ("words", "cause"),
    [(["-tls1"], "too old"), (["-tls1_1"], "too old"), (["-tls1_2", "-cipher", "AES128-SHA"], "RSA key exchange")],
)
def test_old_tls_is_refused_without_legacy_and_the_log_names_it(make: Make, words: list[str], cause: str) -> None:
    with make(tls="implicit") as inside:
        cipher = [] if "-cipher" in words else ["-cipher", EVERY_CIPHER]
        ended = s_client(inside.address, *words, *cipher)
        assert spoken(ended)[1] == "(NONE)"
        event = inside.wait_for_event("session", end="no handshake")
    assert cause in event["cause"]
    assert "legacy = true" in event["remedy"]


@pytest.mark.parametrize("legacy", [False, True])
def test_client_that_asks_for_no_name_is_shown_the_certificate(make: Make, *, legacy: bool) -> None:
    """Old clients do not know SNI (RFC 6066 section 3)."""
    with make(tls="implicit", legacy=legacy) as inside:
        trust = ["-CAfile", str(inside.own), "-verify_return_error", "-verify_hostname", "localhost"]
        ended = s_client(inside.address, "-noservername", *trust, said=b"QUIT\r\n")
        assert spoken(ended)[0] == "TLSv1.3"
        assert b"+OK" in ended.stdout


def test_session_id_is_issued_to_a_client_without_tickets(make: Make) -> None:
    """Outlook on Windows XP fails without."""
    with make(tls="implicit", legacy=True) as inside:
        for word in ("-tls1", "-tls1_2"):
            ended = s_client(inside.address, word, "-cipher", EVERY_CIPHER, "-no_ticket", said=b"QUIT\r\n")
            line = next(line for line in ended.stdout.splitlines() if b"Session-ID:" in line)
            assert len(line.split(b":")[1].strip()) == 64


def test_client_that_distrusts_us_is_named_with_the_file_to_import(make: Make) -> None:
    with make(tls="implicit") as inside:
        with Plainly(inside.address) as client, pytest.raises(ssl.SSLCertVerificationError):
            client.secure(ssl.create_default_context())
        event = inside.wait_for_event("session", end="no handshake")
    assert "does not trust" in event["cause"]
    assert str(inside.own) in event["remedy"]


V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@pytest.mark.parametrize(("version", "tickets"), [(V12, True), (V12, False), (V13, True)])
def test_client_may_resume_its_session(make: Make, version: ssl.TLSVersion, *, tickets: bool) -> None:
    """By a ticket, or in TLS 1.2 by the session's id, as before there were tickets."""
    with make(tls="implicit") as inside:
        context = trusting(inside.own)
        context.maximum_version = version
        if not tickets:
            context.options |= ssl.OP_NO_TICKET
        session = None
        for _ in range(2):
            with Plainly(inside.address) as client:
                client.sock = context.wrap_socket(client.sock, server_hostname="localhost", session=session)
                client.line()
                client.ask(b"QUIT")
                session, reused = client.sock.session, client.sock.session_reused
        assert reused
