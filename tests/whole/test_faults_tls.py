"""Cases 14 to 18, 30 and 61 of the list of faults: the server's TLS cannot be begun. test_faults.py names them all."""

import signal
import ssl
import time
from collections.abc import Callable

import pytest

from fakes.mail import pop3, silent
from fakes.refusals import (
    INTERNAL_ERROR,
    NO_APPLICATION_PROTOCOL,
    UNRECOGNIZED_NAME,
    alert,
    only,
    stalls_after_the_hello,
)
from fakes.scene import UNHURRIED, Stage
from fakes.tls import EVERY_CIPHER, TLSWire, server_context
from fakes.wire import PATIENCE, Wire
from parts.net import wait_until

pytest_plugins = ["fakes.fixture"]
SERVICE_KEYS = UNHURRIED


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_case_14_server_wants_a_client_certificate(stage: Stage, version: ssl.TLSVersion) -> None:
    """In TLS 1.3 the client's handshake has succeeded when it is told so."""
    server = stage.server(pop3)
    context = only(stage.context(), version)
    context.load_verify_locations(stage.authority.ca_file)
    context.verify_mode = ssl.CERT_REQUIRED
    server.context = context
    gateway = stage.gateway(server)
    gateway.refuses("client certificate" if version is ssl.TLSVersion.TLSv1_3 else "handshake")
    server.context = stage.context()
    gateway.serves()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_case_15_server_with_an_old_tls_only_is_refused(stage: Stage, version: ssl.TLSVersion) -> None:
    server = stage.server(pop3)
    server.context = only(stage.context(ciphers=EVERY_CIPHER), version)
    gateway = stage.gateway(server)
    gateway.refuses("TLS", "old", remedy="TLS 1.2")
    server.context = stage.context()
    gateway.serves()


def test_case_15_tls_1_2_is_refused_where_1_3_is_the_least(stage: Stage) -> None:
    server = stage.server(pop3)
    server.context = only(stage.context(), ssl.TLSVersion.TLSv1_2)
    strict = stage.gateway(server, min_tls="1.3")
    strict.refuses("TLS", "old", remedy="min_tls")
    assert stage.gateway(server).serves()["tls"] == "TLSv1.2"
    server.context = stage.context()
    assert strict.serves()["tls"] == "TLSv1.3"


@pytest.mark.parametrize("ciphers", ["AES256-GCM-SHA384:AES128-SHA", "NULL-SHA256:@SECLEVEL=0"])
def test_case_16_server_with_unsafe_ciphers_only_is_refused(stage: Stage, ciphers: str) -> None:
    server = stage.server(pop3)
    rsa = stage.authority.issue("localhost", rsa_bits=2048)
    server.context = only(server_context(rsa, ciphers), ssl.TLSVersion.TLSv1_2)
    gateway = stage.gateway(server)
    gateway.refuses("cipher")
    server.context = stage.context(rsa)
    gateway.serves()


@pytest.mark.parametrize(
    ("number", "cause"),
    [(NO_APPLICATION_PROTOCOL, "ALPN"), (UNRECOGNIZED_NAME, "name"), (INTERNAL_ERROR, "internal")],
)
def test_case_17_alert_in_the_handshake_is_named(stage: Stage, number: int, cause: str) -> None:
    def alerts(wire: Wire) -> None:
        wire.receive()
        wire.send(alert(number))
        wire.cut()

    server = stage.server(alerts, plain=True)
    gateway = stage.gateway(server)
    gateway.refuses(cause)
    server.script, server.context = pop3, stage.context()
    gateway.serves()


class Picky:
    """Refuses whoever asks for our dialect by ALPN; then does as `script` says. `asked`: who did, in their order."""

    def __init__(self, context: ssl.SSLContext, script: Callable[[TLSWire], None] = pop3) -> None:
        self.context, self.script = context, script
        self.asked: list[bool] = []

    def __call__(self, wire: Wire) -> None:
        hello = wire.receive()
        self.asked.append(b"\x04pop3" in hello)
        if self.asked[-1]:
            wire.send(alert(NO_APPLICATION_PROTOCOL))
            wire.cut()
            return
        secured = TLSWire(wire, self.context, hello)
        secured.handshake()
        self.script(secured)
        secured.close()


def test_case_17_server_that_refuses_alpn_is_asked_once_more_without(stage: Stage) -> None:
    """And from then on at once, until a reload; each time with its certificate looked at, and by ticket the next."""
    picky = Picky(stage.context())
    gateway = stage.gateway(stage.server(picky, plain=True))
    assert [gateway.serves()["resumed"] for _ in range(3)] == [False, True, True]
    assert picky.asked == [True, False, False, False]
    gateway.popover.signal(signal.SIGHUP)
    gateway.popover.wait_for_event("reloaded")
    assert gateway.serves()["resumed"] is False
    assert picky.asked[4:] == [True, False]


def test_case_17_without_alpn_the_name_still_decides(stage: Stage) -> None:
    picky = Picky(stage.context(stage.authority.issue("mail.example.com")))
    gateway = stage.gateway(stage.server(picky, plain=True))
    gateway.refuses("another name", "mail.example.com")
    picky.context = stage.context()
    gateway.serves()
    assert picky.asked.count(True) == 2  # what failed has taught nothing


def test_case_17_both_attempts_have_one_connect_timeout(stage: Stage) -> None:
    def stalls(wire: Wire) -> None:
        if b"\x04pop3" in wire.receive():
            time.sleep(0.6)
            wire.send(alert(NO_APPLICATION_PROTOCOL))
        silent(wire)

    gateway = stage.gateway(stage.server(stalls, plain=True), host="127.0.0.1", connect_timeout=1)
    event = gateway.refuses("TLS", "1 seconds")
    assert event["seconds"] < 1.5


@pytest.mark.parametrize(("dialect", "offered"), [("pop3", "pop3"), ("imap", "imap"), ("smtp", None)])
def test_case_17_the_dialect_is_offered_by_alpn(stage: Stage, dialect: str, offered: str | None) -> None:
    """IANA knows no name for SMTP."""
    chosen: list[str | None] = []
    context = stage.context()
    context.set_alpn_protocols(["http/1.1", "smtp", "pop3", "imap"])
    server = stage.server(lambda wire: chosen.append(wire.tls.selected_alpn_protocol()))
    server.context = context
    stage.gateway(server, dialect).refuses("closed the connection")
    assert chosen == [offered]


@pytest.mark.parametrize(
    ("dialect", "greeting"),
    [("pop3", b"+OK hello\r\n"), ("imap", b"* OK hello\r\n"), ("smtp", b"220 hello\r\n"), ("pop3", b"\0")],
)
def test_case_18_server_that_speaks_no_tls_is_named_so(stage: Stage, dialect: str, greeting: bytes) -> None:
    def speaks(wire: Wire) -> None:
        wire.send(greeting * 20)
        wire.cut()

    server = stage.server(speaks, plain=True)
    stage.gateway(server, dialect).refuses("localhost", "TLS", remedy="port")


def test_case_18_such_a_server_hears_no_word_of_the_client(stage: Stage) -> None:
    heard: list[bytes] = []

    def speaks(wire: Wire) -> None:
        wire.send(b"+OK hello\r\n")
        heard.append(wire.ending().words)

    server = stage.server(speaks, plain=True)
    gateway = stage.gateway(server)
    with gateway.client() as client:
        client.send(b"USER alice\r\nPASS canary\r\n")
        gateway.refuses("TLS", wire=client)
    assert server.accepted == 1  # it was not tried again without TLS
    wait_until(lambda: heard, "the server has heard the end", PATIENCE)
    assert heard[0].startswith(b"\x16\x03")  # the ClientHello
    assert b"canary" not in heard[0]


def stalls_at_once(wire: Wire) -> None:
    silent(wire)


@pytest.mark.parametrize("script", [stalls_at_once, stalls_after_the_hello])
def test_case_30_handshake_that_stalls_ends_by_connect_timeout(stage: Stage, script: object) -> None:
    """An address, not a name: on a busy machine a look-up may take half a second, and then that is what is told."""
    assert callable(script)
    server = stage.server(script, plain=True)
    gateway = stage.gateway(server, host="127.0.0.1", connect_timeout=0.5)
    gateway.refuses("accepted the connection", "TLS", "0.5 seconds")
    server.script, server.context = pop3, stage.context()
    gateway.serves()


def test_case_30_handshake_that_is_cut_is_said_so(stage: Stage) -> None:
    def cuts(wire: Wire) -> None:
        wire.receive()
        wire.cut()

    server = stage.server(cuts, plain=True)
    gateway = stage.gateway(server)
    gateway.refuses("closed the connection", "handshake")
    server.script = Wire.reset
    gateway.refuses("connection", "handshake")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_case_61_refused_ticket_leads_to_a_full_handshake(stage: Stage, version: ssl.TLSVersion) -> None:
    """Another context has other ticket keys: as another machine behind the same name, or after a restart."""
    server = stage.server(pop3)
    server.context = only(stage.context(), version)
    gateway = stage.gateway(server)
    assert [gateway.serves()["resumed"] for _ in range(3)] == [False, True, True]
    server.context = only(stage.context(), version)
    assert [gateway.serves()["resumed"] for _ in range(3)] == [False, True, True]
