"""Cases 1 to 13 and 20 of the list of faults: a server's certificate is not as it must be."""

import datetime as dt
import os
import signal
import sys
from pathlib import Path
from ssl import TLSVersion
from typing import Any

import pytest

from fakes.mail import mail, pop3
from fakes.refusals import only
from fakes.scene import UNHURRIED, Gateway, Stage
from fakes.tls import EVERY_CIPHER
from fakes.wire import Talker
from parts.certificates import Authority

pytest_plugins = ["fakes.fixture"]
SERVICE_KEYS = UNHURRIED


def refused_and_healed(stage: Stage, names: tuple[str, ...], *causes: str, **faults: Any) -> dict[str, Any]:
    """A session to `localhost` with such a certificate fails, and works once the server has a good one."""
    server = stage.server(pop3)
    server.context = stage.context(stage.authority.issue(*names, **faults), EVERY_CIPHER)
    gateway = stage.gateway(server)
    event = gateway.refuses("certificate of", "localhost", *causes)
    server.context = stage.context()
    gateway.serves()
    return event


def test_case_01_expired_certificate_is_refused_with_its_date(stage: Stage) -> None:
    last = stage.authority.issue("localhost", expired=True).leaf.not_valid_after_utc
    event = refused_and_healed(stage, ("localhost",), "expired", f"{last:%Y-%m-%d}", expired=True)
    assert "renew" in event["remedy"]


@pytest.mark.parametrize("dialect", ["pop3", "imap", "smtp"])
def test_case_01_each_dialect_says_so_in_its_own_words(stage: Stage, dialect: str) -> None:
    server = stage.server(mail(dialect), stage.authority.issue("localhost", expired=True))
    gateway = stage.gateway(server, dialect)
    gateway.refuses("expired")
    server.context = stage.context()
    gateway.serves()


def test_case_01_nothing_a_client_says_reaches_such_a_server(stage: Stage) -> None:
    heard: list[bytes] = []

    def listens(wire: Talker) -> None:
        wire.send(b"+OK tell me your password\r\n")
        heard.append(wire.line())
        wire.send(b"+OK thank you\r\n")

    server = stage.server(listens, stage.authority.issue("localhost", expired=True))
    gateway = stage.gateway(server)
    with gateway.client() as client:
        client.send(b"PASS canary\r\n")
        gateway.refuses("expired", wire=client)
    # The gateway may have come again to look at the certificate, but never with a word of the client's.
    assert set(heard) <= {b""}
    server.context = stage.context()
    with gateway.client() as client:
        client.line()
        client.ask(b"PASS canary")
    assert heard[-1] == b"PASS canary\r\n"  # now that it is good, the very same script hears it


def test_case_02_not_yet_valid_certificate_is_refused_with_its_date_and_our_clock(stage: Stage) -> None:
    first = stage.authority.issue("localhost", not_yet_valid=True).leaf.not_valid_before_utc
    event = refused_and_healed(stage, ("localhost",), "not yet valid", f"{first:%Y-%m-%d}", not_yet_valid=True)
    assert "clock" in event["remedy"]
    assert f"{dt.datetime.now(dt.UTC):%Y-%m}" in event["remedy"]


def test_case_03_self_signed_certificate_is_refused(stage: Stage) -> None:
    event = refused_and_healed(stage, ("localhost",), '("Popover test server") is self-signed', self_signed=True)
    assert "ca_file" in event["remedy"]
    assert "`popover check --save-certificate localhost.pem pop3s://localhost:" in event["remedy"]
    assert "that one, and no other" in event["remedy"]


def test_case_01_expired_intermediate_is_the_one_that_is_named(stage: Stage) -> None:
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    words = '"Popover old intermediate"', f"ran out on {yesterday:%Y-%m-%d}"
    event = refused_and_healed(stage, ("localhost",), *words, expired_intermediate=True)
    assert "send a current one" in event["remedy"]


def test_case_01_expired_intermediate_of_a_server_that_seals_its_chain(stage: Stage) -> None:
    """TLS 1.3 alone, and a Python that cannot tell: then its name is known from what it signed, and no date."""
    server = stage.server(pop3)
    server.context = only(
        stage.context(stage.authority.issue("localhost", expired_intermediate=True)), TLSVersion.TLSv1_3
    )
    gateway = stage.gateway(server)
    gateway.refuses('certificate of "Popover old intermediate"', "vouches for localhost", "ran out", "expired")
    server.context = stage.context()
    gateway.serves()


def test_case_01_expired_root_of_ours_is_the_one_that_is_named(stage: Stage, tmp_path: Path) -> None:
    old = Authority(tmp_path, expired=True)
    server = stage.server(pop3, old.issue("localhost"))
    event = stage.gateway(server, ca_file=str(old.ca_file)).refuses('"Popover test authority"', "ran out on")
    assert "ca_file" in event["remedy"]


@pytest.mark.parametrize("with_root", [False, True])
def test_case_04_root_that_is_not_in_the_store_is_the_one_that_is_named(stage: Stage, with_root: bool) -> None:
    event = refused_and_healed(
        stage, ("localhost",), '"Popover other intermediate", and that by "Authority nobody knows"',
        unknown_root=True, with_root=with_root,
    )  # fmt: skip
    assert ("intermediate" in event["remedy"]) is not with_root


def test_case_04_certificate_of_an_unknown_authority_is_refused(stage: Stage) -> None:
    event = refused_and_healed(stage, ("localhost",), "Authority nobody knows", unknown_ca=True)
    assert "ca_file" in event["remedy"]
    assert "ca-certificates" not in event["remedy"]  # public authorities sign with intermediates


def test_case_04_certificate_without_its_intermediate_is_refused(stage: Stage) -> None:
    event = refused_and_healed(stage, ("localhost",), "Popover test intermediate", missing_intermediate=True)
    assert "the server sends no certificate" in event["remedy"]
    assert "its operator must send it" in event["remedy"]


def test_case_04_intermediate_that_is_missing_is_told_with_its_place(stage: Stage) -> None:
    """A public authority writes into each certificate where its own can be had (RFC 5280, 4.2.2.1)."""
    event = refused_and_healed(
        stage, ("localhost",), 'by "Popover test intermediate", whose certificate the server leaves out',
        missing_intermediate=True, issuer_urls=("http://ca.example.com/one.der",),
    )  # fmt: skip
    assert "operator must have it send this intermediate certificate" in event["remedy"]
    assert "http://ca.example.com/one.der" in event["remedy"]


@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3])
def test_case_04_what_was_not_seen_is_not_said(stage: Stage, version: TLSVersion) -> None:
    """Python before 3.13 sees nothing but the server's own certificate of a chain that TLS 1.3 has sealed."""
    server = stage.server(pop3)
    server.context = only(stage.context(stage.authority.issue("localhost", missing_intermediate=True)), version)
    event = stage.gateway(server).refuses("Popover test intermediate")
    is_seen = version is TLSVersion.TLSv1_2 or sys.version_info >= (3, 13)
    assert ("the server sends no certificate" in event["remedy"]) is is_seen
    assert "intermediate" in event["remedy"]
    assert "ca_file" in event["remedy"]


@pytest.mark.parametrize(
    ("issuer", "product"),
    [
        ("Avast Web/Mail Shield Root", "Avast (an antivirus)"),
        ("ESET SSL Filter CA", "ESET (an antivirus)"),
        ("Kaspersky Anti-Virus Personal Root Certificate", "Kaspersky (an antivirus)"),
        ("FortiGate CA", "Fortinet (a firewall or proxy)"),
        ("Zscaler Intermediate Root CA", "Zscaler (a firewall or proxy)"),
        ("mitmproxy", "mitmproxy (a debugging proxy)"),
    ],
)
def test_case_04_who_opens_mail_on_its_way_is_named(stage: Stage, issuer: str, product: str) -> None:
    event = refused_and_healed(stage, ("localhost",), f"that is {product}", f'"{issuer}"', issuer_name=issuer)
    assert "make an exception for localhost" in event["remedy"]
    assert "ca-certificates" not in event["remedy"]


def test_case_04_authority_that_ran_out_is_the_one_that_is_named(stage: Stage) -> None:
    """As in 2020 a root that many servers went on to send, when it was in no store any more."""
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    event = refused_and_healed(
        stage, ("localhost",), f'and "Old authority" ran out on {yesterday:%Y-%m-%d} (expired)',
        issuer_name="Old authority", issuer_expired=True, with_root=True,
    )  # fmt: skip
    assert "chain that leads to a current authority" in event["remedy"]


def test_case_04_own_authority_comes_with_the_command_that_saves_its_certificate(stage: Stage) -> None:
    event = refused_and_healed(stage, ("localhost",), '"Our own"', issuer_name="Our own", with_root=True)
    assert "`popover check --save-certificate localhost.pem pop3s://localhost:" in event["remedy"]
    assert "whatever it vouches for" in event["remedy"]


def test_case_04_machine_that_knows_no_authority_is_told_so(stage: Stage) -> None:
    """Not: that the server's authority is unknown. Small images come without the package ca-certificates."""
    nothing = stage.directory / "no store"
    nothing.mkdir()
    server = stage.server(pop3)
    config = stage.config({"listen": "127.0.0.1:0", "server": f"pop3s://localhost:{server.port}"} | UNHURRIED)
    env = os.environ | {"SSL_CERT_FILE": str(nothing / "none.pem"), "SSL_CERT_DIR": str(nothing)}
    event = Gateway(stage.popover("-c", config, env=env), "pop3").refuses("this machine knows no authority at all")
    assert "install the package ca-certificates" in event["remedy"]


def test_case_04_certificate_with_its_intermediate_is_accepted(stage: Stage) -> None:
    server = stage.server(pop3, stage.authority.issue("localhost", intermediate=True))
    stage.gateway(server).serves()


def test_case_04_intermediate_as_ca_file_is_a_trust_anchor(stage: Stage) -> None:
    """For a server that leaves it out, and for one that does not; and for nobody else."""
    server = stage.server(pop3, stage.authority.issue("localhost", missing_intermediate=True))
    gateway = stage.gateway(server, ca_file=str(stage.authority.intermediate_file))
    gateway.serves()
    server.context = stage.context(stage.authority.issue("localhost", intermediate=True))
    gateway.serves()
    server.context = stage.context()
    gateway.refuses("Popover test authority", "does not know")


def test_case_05_wrong_host_name_is_refused_with_the_names_found(stage: Stage) -> None:
    event = refused_and_healed(
        stage, ("mail.example.com", "192.0.2.7"), "another name", "mail.example.com", "192.0.2.7"
    )
    assert "localhost" in event["remedy"]


def test_case_05_names_are_escaped_before_anybody_sees_them(stage: Stage) -> None:
    names = ("a\x1b[2Jb\r\n+OK", "c\\\u202e".encode("punycode").decode())
    event = refused_and_healed(stage, names, "another name", "\\x1b", "\\x0d\\x0a")
    assert event["text"].isprintable()


def test_case_06_name_in_the_subject_only_is_refused(stage: Stage) -> None:
    refused_and_healed(stage, ("localhost",), "no name", cn_only=True)


@pytest.mark.parametrize("name", ["local*", "*", "localhost.evil.example", "*.localhost", "xlocalhost"])
def test_case_07_name_that_matches_in_part_is_refused(stage: Stage, name: str) -> None:
    refused_and_healed(stage, (name,), "another name", name)


def test_case_08_certificate_made_for_clients_is_refused(stage: Stage) -> None:
    refused_and_healed(stage, ("localhost",), "purpose", client_auth_only=True)


def test_case_09_certificate_signed_with_sha1_is_refused(stage: Stage) -> None:
    refused_and_healed(stage, ("localhost",), "signed", sha1=True)


def test_case_10_rsa_key_of_1024_bits_is_refused(stage: Stage) -> None:
    refused_and_healed(stage, ("localhost",), "key", "short", rsa_bits=1024)


@pytest.mark.parametrize("names", [("127.0.0.1",), ("localhost", "127.0.0.1")])
def test_case_13_server_given_by_address_needs_that_address_in_its_certificate(
    stage: Stage, names: tuple[str, ...]
) -> None:
    asked: list[str | None] = []
    server = stage.server(pop3, stage.authority.issue("localhost"))
    gateway = stage.gateway(server, host="127.0.0.1")
    gateway.refuses("another name", "localhost")
    context = stage.context(stage.authority.issue(*names))
    context.sni_callback = lambda _, name, __: asked.append(name)
    server.context = context
    gateway.serves()
    assert asked == [None]  # RFC 6066, 3: an address is no server name


def test_case_13_address_as_a_host_name_does_not_count(stage: Stage) -> None:
    server = stage.server(pop3, stage.authority.issue("127.0.0.2"))
    stage.gateway(server, host="127.0.0.1").refuses("another name", "127.0.0.2")


def test_case_20_certificate_that_changes_while_running_is_verified_anew(stage: Stage) -> None:
    server = stage.server(pop3)
    gateway = stage.gateway(server)
    assert gateway.serves()["resumed"] is False
    assert gateway.serves()["resumed"] is True
    # Another context has other ticket keys, as after a server's restart: a full handshake.
    server.context = stage.context(stage.authority.issue("mail.example.com"))
    gateway.refuses("another name")
    server.context = stage.context()
    assert gateway.serves()["resumed"] is False


def test_case_20_reload_drops_the_tickets(stage: Stage) -> None:
    gateway = stage.gateway(stage.server(pop3))
    assert [gateway.serves()["resumed"] for _ in range(2)] == [False, True]
    gateway.popover.signal(signal.SIGHUP)
    gateway.popover.wait_for_event("reloaded")
    assert [gateway.serves()["resumed"] for _ in range(2)] == [False, True]


def test_a_pinned_key_is_insisted_on(stage: Stage) -> None:
    pinned, other = stage.certificate, stage.authority.issue("localhost", "127.0.0.9")
    server = stage.server(pop3, pinned)
    gateway = stage.gateway(server, pin=[pinned.pin])
    gateway.serves()
    server.context = stage.context(other)
    gateway.refuses("public key", "pin", remedy="sha256:")
    server.context = stage.context(pinned)
    gateway.serves()
