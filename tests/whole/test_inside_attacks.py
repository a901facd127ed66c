"""What attackers and odd clients do to the TLS that popover speaks with clients: S2 to S5, ALPACA, plain mistakes. S1
has a file of its own: test_command_injection.py.
"""

import ssl
import threading
import time
from typing import NamedTuple

import pytest

from fakes.capable import CAPABILITIES, capable
from fakes.hellos import hello
from fakes.mail import GREETINGS, Heard, mail
from fakes.scene import UNHURRIED, Gateway, Stage, farewell
from fakes.tls import TLSWire
from parts.inside import Plainly, trusting
from parts.net import wait_until
from popover.wire.engine import Ending
from popover.wire.openssl import OpenSSL

pytest_plugins = ["fakes.fixture"]
SERVICE_KEYS = UNHURRIED


def context(stage: Stage, *alpn: str) -> ssl.SSLContext:
    return trusting(stage.authority.ca_file, alpn)


class Listening:
    """A POP3 server, and what it heard."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def __call__(self, wire: TLSWire) -> None:
        wire.send(GREETINGS["pop3"])
        while line := wire.line():
            self.heard.append(line)
            wire.send(CAPABILITIES if line == b"CAPA\r\n" else b"+OK\r\n")
            if line == b"QUIT\r\n":
                return


def client_of(gateway: Gateway) -> Plainly:
    return Plainly(gateway.popover.addresses[0])


def test_s2_session_fixation_nothing_said_before_tls_is_kept(stage: Stage) -> None:
    """A user named in plain text is unknown inside TLS, to us and to the server."""
    talks: list[list[bytes]] = []

    def listening(wire: TLSWire) -> None:
        one = Listening()
        talks.append(one.heard)
        one(wire)

    gateway = stage.gateway(stage.server(listening), **stage.inside("offer"))
    with client_of(gateway) as client:
        client.line()
        assert client.ask(b"USER mallory") == b"+OK\r\n"
        assert client.ask(b"STLS").startswith(b"+OK")
        client.secure(context(stage))
        assert client.ask(b"PASS secret") == b"+OK\r\n"
        assert client.ask(b"QUIT") == b"+OK\r\n"
    event = gateway.session()
    assert talks == [[b"USER mallory\r\n"], [b"PASS secret\r\n", b"QUIT\r\n"]]
    assert "user" not in event


def test_s2_servers_connection_stays_if_it_has_heard_nothing_that_it_may_remember(stage: Stage) -> None:
    """CAPA leaves nothing behind, and STLS costs no second connection."""
    server = stage.server(Listening())
    gateway = stage.gateway(server, **stage.inside("offer"))
    with client_of(gateway) as client:
        client.line()
        client.say(b"CAPA")
        client.lines()
        client.ask(b"STLS")
        client.secure(context(stage))
        client.say(b"CAPA")
        client.lines()
        client.ask(b"USER alice")
        assert client.ask(b"QUIT") == b"+OK\r\n"
    gateway.session()
    assert server.accepted == 1


@pytest.mark.parametrize("named", [False, True])
def test_apop_behind_stls_is_answered_by_the_server_that_gave_its_stamp_or_by_us(stage: Stage, *, named: bool) -> None:
    """S2: once a user was named in plain text, another connection takes over, and the stamp is not its own."""
    heard: list[bytes] = []

    def stamps(wire: TLSWire) -> None:
        wire.send(b"+OK hello <%d@example.com>\r\n" % server.accepted)
        while line := wire.line():
            heard.append(line)
            wire.send(b"+OK\r\n")

    server = stage.server(stamps)
    gateway = stage.gateway(server, **stage.inside("offer", user_at_once=False))
    with client_of(gateway) as client:
        assert b"<1@example.com>" in client.line()
        if named:
            client.ask(b"USER alice")
        client.ask(b"STLS")
        client.secure(context(stage))
        answer = client.ask(b"APOP alice 0123456789abcdef")
    assert answer.startswith(b"-ERR [SYS/TEMP]" if named else b"+OK")
    assert heard[:1] == [b"USER alice\r\n" if named else b"APOP alice 0123456789abcdef\r\n"]
    assert (b"APOP alice 0123456789abcdef\r\n" in heard) is not named


@pytest.mark.parametrize("word", [b"", b"-ERR you were idle\r\n"])
def test_server_that_leaves_while_tls_begins_is_replaced(stage: Stage, word: bytes) -> None:
    """A person was asked whether to trust the certificate, and the server did not wait for that."""
    begun, left = threading.Event(), threading.Event()

    def leaves(wire: TLSWire) -> None:
        wire.send(GREETINGS["pop3"])
        if server.accepted > 1:
            wire.line()
            wire.send(b"+OK the second\r\n")
        else:
            begun.wait(10)
            wire.send(word)
            wire.say_goodbye()
            left.set()

    server = stage.server(leaves)
    gateway = stage.gateway(server, **stage.inside("offer"))
    with client_of(gateway) as client:
        client.line()
        assert client.ask(b"STLS").startswith(b"+OK")
        begun.set()
        assert left.wait(10)
        client.secure(context(stage))
        assert client.ask(b"NOOP") == b"+OK the second\r\n"
    assert server.accepted == 2


def test_s3_no_password_is_taken_before_tls(stage: Stage) -> None:
    server = Listening()
    gateway = stage.gateway(stage.server(server), **stage.inside("require"))
    with client_of(gateway) as client:
        client.line()
        assert client.ask(b"USER alice") == b"-ERR [SYS/PERM] this service wants STLS first\r\n"
        assert client.ask(b"PASS canary-4711").startswith(b"-ERR [SYS/PERM]")
        client.say(b"CAPA")
        assert not {b"USER\r\n", b"SASL PLAIN\r\n"} & set(client.lines())
        client.ask(b"STLS")
        client.secure(context(stage))
        assert client.ask(b"USER alice") == b"+OK\r\n"
    gateway.session()
    assert server.heard == [b"USER alice\r\n"]
    assert not any("canary" in line for line in gateway.popover.log_lines())


PLAIN = b"AGFsaWNlAGNhbmFyeS00NzEx"  # alice, canary-4711


class Spoken(NamedTuple):
    """How a dialect says it: a login, and how that is refused before TLS; TLS, and how that is refused inside it."""

    login: bytes
    not_yet: bytes
    start: bytes
    not_again: bytes
    lists: bytes  # what is asked for a list of capabilities
    last: bytes  # how its last line begins


SPOKEN = {
    "pop3": Spoken(b"AUTH PLAIN " + PLAIN, b"-ERR [SYS/PERM]", b"STLS", b"-ERR", b"CAPA", b".\r\n"),
    "imap": Spoken(
        b"a LOGIN alice canary-4711", b"a NO [PRIVACYREQUIRED]", b"a STARTTLS", b"a BAD", b"a CAPABILITY", b"a OK"
    ),
    "smtp": Spoken(b"AUTH PLAIN " + PLAIN, b"530 5.7.0", b"STARTTLS", b"503", b"EHLO me", b"250 "),
    "sieve": Spoken(
        b'AUTHENTICATE "PLAIN" "' + PLAIN + b'"', b"NO (ENCRYPT-NEEDED)", b"STARTTLS", b"NO", b"CAPABILITY", b"OK"
    ),
}


def greeted(client: Plainly, dialect: str) -> bytes:
    words = client.line()
    while dialect == "sieve" and not words.splitlines()[-1].startswith(b"OK"):
        words += client.line()
    return words


@pytest.mark.parametrize("dialect", SPOKEN)
def test_s3_no_login_reaches_the_server_before_tls_and_one_inside_does(stage: Stage, dialect: str) -> None:
    heard, its = Heard(dialect), SPOKEN[dialect]
    gateway = stage.gateway(stage.server(heard), dialect, **stage.inside("require"))
    with client_of(gateway) as client:
        greeted(client, dialect)
        assert client.ask(its.login).startswith(its.not_yet)
        client.ask(its.start)
        assert heard.words == b""
        client.secure(context(stage))
        if dialect == "sieve":
            greeted(client, dialect)
        client.say(its.login)
        wait_until(lambda: heard.words == its.login + b"\r\n", "the server hears the login")
    gateway.session()
    assert not any("canary" in line or PLAIN.decode() in line for line in gateway.popover.log_lines())


@pytest.mark.parametrize("tls", ["implicit", "offer"])
@pytest.mark.parametrize("dialect", SPOKEN)
def test_s4_starttls_inside_tls_is_refused_and_never_the_servers(stage: Stage, dialect: str, tls: str) -> None:
    heard, its = Heard(dialect), SPOKEN[dialect]
    gateway = stage.gateway(stage.server(heard), dialect, **stage.inside(tls))
    with client_of(gateway) as client:
        if tls == "offer":
            greeted(client, dialect)
            client.ask(its.start)
        client.secure(context(stage))
        if tls == "implicit" or dialect == "sieve":
            assert b"STARTTLS" not in greeted(client, dialect)
        for _ in range(2):
            assert client.ask(its.start).startswith(its.not_again)
    gateway.session()
    assert heard.words == b""


LISTED = {
    "pop3": (GREETINGS["pop3"], b"+OK\r\nSTLS\r\nUSER\r\n.\r\n"),
    "imap": (
        b"* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n",
        b"* CAPABILITY IMAP4rev1 STARTTLS\r\na OK [CAPABILITY IMAP4rev1 STARTTLS] done\r\n",
    ),
    "smtp": (GREETINGS["smtp"], b"250-mail\r\n250-STARTTLS\r\n250 SIZE 9\r\n"),
    "sieve": (b'"IMPLEMENTATION" "a"\r\n"STARTTLS"\r\nOK "hi"\r\n',) * 2,
}


@pytest.mark.parametrize(("tls", "shown"), [("off", False), ("offer", True), ("implicit", False)])
@pytest.mark.parametrize("dialect", SPOKEN)
def test_s5_servers_own_starttls_is_not_shown_and_ours_is(stage: Stage, dialect: str, tls: str, *, shown: bool) -> None:
    greeting, answer = LISTED[dialect]

    def server(wire: TLSWire) -> None:
        wire.send(greeting)
        while wire.line():
            wire.send(answer)

    gateway = stage.gateway(stage.server(server), dialect, **({} if tls == "off" else stage.inside(tls)))
    with client_of(gateway) as client:
        if tls == "implicit":
            client.secure(context(stage))
        words = greeted(client, dialect)
        client.say(SPOKEN[dialect].lists)
        while not (line := client.line()).startswith(SPOKEN[dialect].last):
            assert line
            words += line
    mine = {"pop3": b"STLS", "smtp": b"250 STARTTLS"}.get(dialect, b"STARTTLS")
    assert (mine in words + line) is shown
    assert shown or b"STARTTLS" not in words + line


ALPN = {"sieve": "managesieve"}


@pytest.mark.parametrize("dialect", SPOKEN)
def test_alpaca_wrong_alpn_is_refused(stage: Stage, dialect: str) -> None:
    """A browser whose HTTPS was sent here asks for http/1.1. It gets an alert, and no server hears of it."""
    server = stage.server(mail(dialect))
    gateway = stage.gateway(server, dialect, **stage.inside("implicit"))
    with client_of(gateway) as client, pytest.raises(ssl.SSLError) as caught:
        client.secure(context(stage, "h2", "http/1.1"))
    assert "NO_APPLICATION_PROTOCOL" in str(caught.value).upper().replace(" ", "_")
    event = gateway.session()
    assert event["end"] == "no handshake"
    assert "h2, http/1.1" in event["cause"]
    assert server.accepted == 0
    with client_of(gateway) as client:
        client.secure(context(stage, "http/1.1", ALPN.get(dialect, dialect)))
        assert isinstance(client.sock, ssl.SSLSocket)
        assert client.sock.selected_alpn_protocol() == ALPN.get(dialect, dialect)


@pytest.mark.parametrize("dialect", SPOKEN)
@pytest.mark.parametrize("said", [b"USER alice\r\n", b"a LOGIN alice x\r\n", b"EHLO there\r\n", b"\r\n"])
def test_plain_text_on_a_tls_port_gets_a_plain_answer(stage: Stage, dialect: str, said: bytes) -> None:
    server = stage.server(mail(dialect))
    gateway = stage.gateway(server, dialect, **stage.inside("implicit"))
    with client_of(gateway) as client:
        client.sock.sendall(said)
        assert "switch SSL on" in farewell(client.rest(), dialect)
    event = gateway.session()
    assert event["end"] == "misdialled"
    assert "plain text" in event["remedy"]
    assert server.accepted == 0


def test_browser_on_a_tls_port_is_told_apart(stage: Stage) -> None:
    gateway = stage.gateway(stage.server(capable), **stage.inside("implicit"))
    with client_of(gateway) as client:
        client.sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert "not a web server" in farewell(client.rest(), "pop3")


def test_silent_client_on_a_tls_port_gets_a_plain_answer_and_costs_no_server_connection(stage: Stage) -> None:
    """It waits for a greeting, as one does that speaks plain text."""
    server = stage.server(capable)
    gateway = stage.gateway(server, **stage.inside("implicit", login_timeout=1))
    with client_of(gateway) as client:
        assert "switch SSL on" in farewell(client.rest(), "pop3")
    assert gateway.session()["end"] == "misdialled"
    assert server.accepted == 0


@pytest.mark.parametrize("tls", ["implicit", "offer"])
def test_handshake_that_does_not_end_is_login_time_and_costs_no_server_connection(stage: Stage, tls: str) -> None:
    server = stage.server(capable)
    gateway = stage.gateway(server, **stage.inside(tls, login_timeout=2))
    with client_of(gateway) as client:
        if tls == "offer":
            client.line()
            client.ask(b"USER alice")
            client.ask(b"STLS")
            wait_until(lambda: not server.wires, "the server's connection is given up for the handshake")
        client.sock.sendall(hello()[:50])
        assert client.rest() == b""
    event = gateway.session()
    assert event["end"] == "login timeout"
    assert event["seconds"] < 10
    assert server.accepted == (tls == "offer")


def test_handshake_counts_as_login_time(stage: Stage) -> None:
    gateway = stage.gateway(stage.server(capable), **stage.inside("implicit", login_timeout=3))
    with client_of(gateway) as client:
        time.sleep(1.5)
        client.secure(context(stage))
        client.line()
        client.rest()
    assert gateway.session()["seconds"] < 4.4


@pytest.mark.parametrize("dialect", SPOKEN)
def test_tls_on_a_plain_port_is_told_which_setting_is_right(stage: Stage, dialect: str) -> None:
    for more, word in (
        ({}, "switch it off"),
        (stage.inside("offer"), "STARTTLS"),
        (stage.inside("require"), "STARTTLS"),
    ):
        gateway = stage.gateway(stage.server(mail(dialect)), dialect, **more)
        with client_of(gateway) as client:
            greeted(client, dialect)
            client.sock.sendall(hello())
            assert word in farewell(client.rest(), dialect)
        assert gateway.session()["end"] == "misdialled"


def test_client_that_leaves_before_its_hello_is_nobodys_fault(stage: Stage) -> None:
    """A health check, or a port scanner."""
    gateway = stage.gateway(stage.server(capable), **stage.inside("implicit"))
    with client_of(gateway):
        pass
    event = gateway.session()
    assert event["end"] == "client closed"
    assert "cause" not in event


@pytest.mark.parametrize("size", [1, 4, 100])
def test_client_that_leaves_in_its_hello_is_named(stage: Stage, size: int) -> None:
    gateway = stage.gateway(stage.server(capable), **stage.inside("implicit"))
    with client_of(gateway) as client:
        client.sock.sendall(hello()[:size])
    assert gateway.session()["end"] == "no handshake"


@pytest.mark.parametrize("tls", ["implicit", "offer"])
def test_handshake_in_single_octets_goes_through(stage: Stage, tls: str) -> None:
    gateway = stage.gateway(stage.server(capable), **stage.inside(tls))
    with client_of(gateway) as client:
        if tls == "offer":
            client.line()
            client.ask(b"STLS")
        inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
        its = context(stage).wrap_bio(inward, outward, server_hostname="localhost")
        for words in (b"CAPA\r\n", b"QUIT\r\n"):
            while outward.pending or not heard(its, words):
                for octet in outward.read():
                    client.sock.sendall(bytes([octet]))
                if words:
                    inward.write(client.sock.recv(4096))
    assert gateway.session()["client_tls"] == "TLSv1.3"


@pytest.mark.parametrize("tls", ["implicit", "offer"])
def test_what_a_client_says_in_one_piece_with_its_handshake_is_heard(stage: Stage, tls: str) -> None:
    gateway = stage.gateway(stage.server(capable), **stage.inside(tls))
    with client_of(gateway) as client:
        if tls == "offer":
            client.line()
            client.ask(b"STLS")
        engine, room = OpenSSL(context(stage), "localhost"), memoryview(bytearray(1 << 16))
        is_done = engine.shake(b"")
        while not is_done:
            client.sock.sendall(engine.answer())
            is_done = engine.shake(client.sock.recv(1 << 16))
        # And so is that it says no more; the answers come all the same.
        client.sock.sendall(engine.answer() + engine.push(b"USER alice\r\nPASS x\r\n") + engine.bye())
        size, ending = engine.pull(room, client.rest())
    assert bytes(room[:size]).endswith(b"+OK\r\n+OK\r\n")
    assert ending == Ending("closed")
    event = gateway.session()
    assert event["user"] == "alice"
    assert event["end"] == "client closed"


def heard(its: ssl.SSLObject, words: bytes) -> bytes:
    """Shake hands or, when that is over, say these words: what is heard so far."""
    try:
        its.do_handshake()
        its.write(words)
        return its.read(4096)
    except ssl.SSLWantReadError:
        return b""


def test_handshakes_that_fail_leave_nothing_behind(stage: Stage) -> None:
    gateway = stage.gateway(stage.server(capable), **stage.inside("implicit"))
    first = hello()
    for count in (300, 1200):
        for number in range(count):
            with client_of(gateway) as client:
                client.sock.sendall((first + b"x" * 40, first[:100], b"x" * 40)[number % 3])
                if number % 3 != 1:
                    client.rest()
        gateway.settle()
        if count == 300:
            before, fds = gateway.popover.rss(), gateway.popover.fds()
    assert gateway.popover.rss() - before < 4096  # KiB
    wait_until(lambda: gateway.popover.fds() == fds, "all of it to be closed")


@pytest.mark.parametrize("dialect", ["pop3", "imap", "smtp"])
@pytest.mark.parametrize("clean", [True, False])
def test_clients_end_without_close_notify_is_an_end(stage: Stage, dialect: str, *, clean: bool) -> None:
    """Outlook never says close_notify."""
    gateway = stage.gateway(stage.server(mail(dialect)), dialect, **stage.inside("implicit"))
    with client_of(gateway) as client:
        client.secure(context(stage))
        assert client.line() == GREETINGS[dialect]
        if clean:
            assert isinstance(client.sock, ssl.SSLSocket)
            client.sock.setblocking(False)
            with pytest.raises(ssl.SSLWantReadError):
                client.sock.unwrap()
    event = gateway.session()
    assert event["end"] == "client closed"
    assert "cause" not in event


def test_refused_client_of_a_tls_port_sees_the_close_alone(stage: Stage) -> None:
    gateway = stage.gateway(stage.server(capable), **stage.inside("implicit", deny=["127.0.0.1"]))
    with client_of(gateway) as client:
        assert client.rest() == b""
    assert gateway.popover.wait_for_event("refused")


def test_server_that_can_not_be_had_is_told_inside_tls(stage: Stage) -> None:
    server = stage.server(capable)
    server.shut()
    gateway = stage.gateway(server, **stage.inside("implicit"))
    with client_of(gateway) as client:
        client.secure(context(stage))
        assert farewell(client.rest(), "pop3")


def test_trace_shows_no_handshake_as_words(stage: Stage) -> None:
    gateway = stage.gateway(stage.server(capable), **stage.inside("offer", trace=True))
    with client_of(gateway) as client:
        client.line()
        client.ask(b"STLS")
        client.secure(context(stage))
        client.ask(b"USER alice")
        client.ask(b"PASS canary-4711")
        client.ask(b"QUIT")
    gateway.session()
    told = [event["text"] for event in gateway.popover.events("trace")]
    assert any("STLS" in line for line in told)
    assert any("speaks TLSv1.3" in line for line in told)
    assert any("USER alice" in line for line in told)
    assert not any("canary" in line or "\\x16" in line for line in told)
