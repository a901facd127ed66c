"""`popover check` names what a server does wrong behind a good certificate: cases 14 to 36 of the list of faults."""

import ssl

import pytest

from fakes.mail import pop3, says, silent
from fakes.refusals import NO_APPLICATION_PROTOCOL, alert, only, stalls_after_the_hello
from fakes.scene import Stage
from fakes.server import FakeServer
from fakes.tls import EVERY_CIPHER, server_context
from fakes.wire import Wire
from parts.check import Checked

pytest_plugins = ["fakes.fixture"]


def checked(stage: Stage, server: FakeServer, dialect: str = "pop3", **keys: object) -> Checked:
    """What a check says of it, by a configuration with these keys."""
    service = {"listen": "127.0.0.1:0", "server": f"{dialect}s://localhost:{server.port}"}
    return Checked("-c", stage.config(service | {"ca_file": str(stage.authority.ca_file)} | keys))


def test_case_14_client_certificate_wanted(stage: Stage) -> None:
    server = stage.server(pop3)
    server.context = only(stage.context(), ssl.TLSVersion.TLSv1_3)
    server.context.load_verify_locations(stage.authority.ca_file)
    server.context.verify_mode = ssl.CERT_REQUIRED
    checked(stage, server).failed("tls", "wants a client certificate", remedy="without client certificates")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_case_15_old_tls_only(stage: Stage, version: ssl.TLSVersion) -> None:
    server = stage.server(pop3)
    server.context = only(stage.context(ciphers=EVERY_CIPHER), version)
    checked(stage, server).failed("tls", "versions of TLS", "too old", remedy="TLS 1.2")


def test_case_16_unsafe_ciphers_only(stage: Stage) -> None:
    rsa = stage.authority.issue("localhost", rsa_bits=2048)
    server = stage.server(pop3)
    server.context = only(server_context(rsa, "AES128-SHA"), ssl.TLSVersion.TLSv1_2)
    checked(stage, server).failed("tls", "cipher", remedy="RSA key exchange")


def test_case_17_alpn_mismatch(stage: Stage) -> None:
    def alerts(wire: Wire) -> None:
        wire.receive()
        wire.send(alert(NO_APPLICATION_PROTOCOL))
        wire.cut()

    checked(stage, stage.server(alerts, plain=True)).failed("tls", "ALPN", remedy="port")


@pytest.mark.parametrize(
    ("dialect", "greeting"), [("pop3", b"+OK hi\r\n"), ("imap", b"* OK\r\n"), ("smtp", b"220\r\n")]
)
def test_case_18_plaintext_server_on_the_tls_port(stage: Stage, dialect: str, greeting: bytes) -> None:
    def speaks(wire: Wire) -> None:
        wire.send(greeting * 20)
        wire.cut()

    remedy = f"write {dialect}+starttls://localhost:"
    checked(stage, stage.server(speaks, plain=True), dialect).failed("tls", "plain text", remedy=remedy)


def test_case_30_handshake_that_stalls(stage: Stage) -> None:
    server = stage.server(stalls_after_the_hello, plain=True)
    checked(stage, server, connect_timeout=0.5).failed("tls", "TLS was not ready", "0.5 seconds", remedy="TLS")


def test_case_31_server_that_hangs_before_its_greeting(stage: Stage) -> None:
    check = checked(stage, stage.server(silent), greeting_timeout=0.3)
    check.failed("dialect", "did not greet", "0.3 seconds", remedy="overloaded")


def test_case_33_greeting_that_refuses_is_shown(stage: Stage) -> None:
    check = checked(stage, stage.server(says(b"-ERR [SYS/TEMP] too busy\r\n")))
    check.failed("dialect", "refused", "too busy")


def test_case_35_another_kind_of_server(stage: Stage) -> None:
    check = checked(stage, stage.server(says(b"SSH-2.0-OpenSSH_9.2\r\n")))
    check.failed("dialect", "does not greet as a mail server", "SSH-2.0", remedy="port")


def test_case_59_server_that_closes_at_once(stage: Stage) -> None:
    checked(stage, stage.server(lambda _wire: None)).failed("dialect", "closed the connection before its greeting")


def test_a_server_that_dies_after_its_greeting_is_named(stage: Stage) -> None:
    def dies(wire: Wire) -> None:
        wire.send(b"+OK\r\n")
        wire.line()

    checked(stage, stage.server(dies)).failed("dialect", "closed the connection", "instead of answering")
