"""SMTP with TLS inside that begins by STARTTLS: real mail programs, Postfix behind."""

import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fakes.wire import Wire
from parts.account import run, write
from parts.certificates import Authority
from parts.dovecot import Dovecot
from parts.messages import SAMPLES
from parts.net import wait_until
from parts.popover import Popover
from parts.postfix import Postfix, without_trace

Workdir = Callable[[], Path]
TLS_FIRST = b"530 5.7.0 Must issue a STARTTLS command first\r\n"


class House:
    """One gateway for each setting of `tls`, and a CA that its clients trust."""

    def __init__(self, authority: Authority, dovecot: Dovecot, postfix: Postfix, directory: Path) -> None:
        self.dovecot, self.postfix, self.ca_file = dovecot, postfix, authority.ca_file
        certificate = authority.issue("localhost")
        service = f"""
            server = "smtps://localhost:{postfix.port}"
            listen = "127.0.0.1:0"
            ca_file = "{authority.ca_file}"
            tls_cert = "{certificate.cert_file}"
            tls_key = "{certificate.key_file}"
        """
        config = directory / "popover.toml"
        config.write_text(
            "".join(f'[[service]]\nname = "{tls}"\ntls = "{tls}"\n{service}\n' for tls in ("offer", "require"))
        )
        self.popover = Popover("-c", config)

    def port(self, tls: str) -> int:
        return self.popover.addresses[tls == "require"][1]


@pytest.fixture(scope="module")
def house(
    authority: Authority, dovecot: Dovecot, postfix: Postfix, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    made = House(authority, dovecot, postfix, tmp_path_factory.mktemp("house"))
    with made.popover:
        yield made


def by_smtplib(house: House, tls: str, user: str, mail: bytes, _workdir: Path) -> None:
    with smtplib.SMTP("localhost", house.port(tls), "client.example", timeout=60) as client:
        client.starttls(context=ssl.create_default_context(cafile=house.ca_file))
        client.login(user, house.dovecot.password)
        client.sendmail(f"{user}@example.test", [house.postfix.mailbox(user)], mail)


def by_curl(house: House, tls: str, user: str, mail: bytes, workdir: Path) -> None:
    (workdir / "message").write_bytes(mail)
    envelope = ["--mail-from", f"{user}@example.test", "--mail-rcpt", house.postfix.mailbox(user)]
    trust = ["--ssl-reqd", "--cacert", str(house.ca_file), "--user", f"{user}:{house.dovecot.password}"]
    url = f"smtp://localhost:{house.port(tls)}/client.example"
    run(workdir, "curl", "-q", "-sS", *trust, *envelope, "-T", workdir / "message", url)


def by_msmtp(house: House, tls: str, user: str, mail: bytes, workdir: Path) -> None:
    settings = f"""
        account default
        host localhost
        port {house.port(tls)}
        tls on
        tls_starttls on
        tls_trust_file {house.ca_file}
        auth plain
        user {user}
        password {house.dovecot.password}
        from {user}@example.test
        domain client.example
        set_from_header off
        set_date_header off
        set_msgid_header off
    """
    mailbox = house.postfix.mailbox(user)
    run(workdir, "msmtp", "-C", write(workdir, "msmtprc", settings), mailbox, stdin=mail)


@pytest.mark.parametrize("send", [by_smtplib, by_curl, by_msmtp])
@pytest.mark.parametrize("tls", ["offer", "require"])
def test_mail_is_sent_inside_tls_cold_and_warm(
    house: House, workdir: Workdir, tls: str, send: Callable[[House, str, str, bytes, Path], None]
) -> None:
    user = house.dovecot.new_user()
    sent = 0

    def is_warm() -> bool:
        nonlocal sent
        sent += 1
        send(house, tls, user, SAMPLES["dots"], workdir())
        assert without_trace(house.dovecot.wait_for_messages(user, sent)[-1]) == SAMPLES["dots"]
        events = house.popover.wait_for_events("session", sent, user=user)
        return bool(events[-1]["warm"])

    wait_until(is_warm, "a session finds a connection ready")


@pytest.mark.parametrize("tls", ["offer", "require"])
def test_starttls_is_said_by_us_and_never_twice(house: House, tls: str) -> None:
    with Wire.to(("127.0.0.1", house.port(tls))) as client:
        client.line()
        client.send(b"EHLO me\r\n")
        lines = ehlo(client)
        assert lines[-1] == b"250 STARTTLS\r\n"
        assert any(b"AUTH" in line for line in lines) is (tls == "offer")
        if tls == "require":
            assert client.ask(b"AUTH PLAIN AGEAYg==") == TLS_FIRST
            assert client.ask(b"MAIL FROM:<a@x>") == TLS_FIRST
        assert client.ask(b"STARTTLS").startswith(b"220 ")
        context = ssl.create_default_context(cafile=house.ca_file)
        with context.wrap_socket(client.sock, server_hostname="localhost") as sock, sock.makefile("rb") as answers:
            sock.sendall(b"EHLO me\r\n")
            lines = []
            while not lines or lines[-1][3:4] == b"-":
                lines.append(answers.readline())
            assert not any(b"STARTTLS" in line for line in lines)
            assert any(b"AUTH" in line for line in lines)
            sock.sendall(b"STARTTLS\r\n")
            assert answers.readline().startswith(b"503 ")


def ehlo(client: Wire) -> list[bytes]:
    lines = [client.line()]
    while lines[-1][3:4] == b"-":
        lines.append(client.line())
    return lines


@pytest.mark.parametrize("tls", ["offer", "require"])
def test_what_stands_behind_starttls_in_one_piece_is_never_heard(house: House, tls: str) -> None:
    with socket.create_connection(("127.0.0.1", house.port(tls)), 60) as client:
        client.recv(1000)
        client.sendall(b"EHLO me\r\nSTARTTLS\r\nNOOP\r\nMAIL FROM:<evil@x>\r\n")
        words = b"".join(iter(lambda: client.recv(1 << 16), b""))
    assert words.count(b"220 2.0.0") == 1
    behind = words.split(b"220 2.0.0 Ready to start TLS\r\n")[1]
    assert behind.startswith(b"421 4.3.2 ")  # it was taken for the handshake, and is none
    assert behind.count(b"\r\n") == 1
