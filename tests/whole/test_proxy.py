"""The PROXY protocol: real HAProxy in front, which says who the client is, and real Dovecot behind, which asks."""

import re
import signal
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.mail import GREETINGS, mail
from fakes.scene import Gateway, Stage
from fakes.tls import TLSWire
from fakes.wire import PATIENCE, Wire
from parts.account import Account
from parts.certificates import Authority
from parts.clients import fetch_by_poplib
from parts.dovecot import Dovecot
from parts.haproxy import HAProxy, haproxy
from parts.inside import Plainly, trusting
from parts.messages import SAMPLES
from parts.net import LOOPBACK, Address, free_port, wait_until
from parts.places import short_directory
from parts.popover import run_popover
from popover.config import ProxyVersion
from popover.protocols.proxy_header import Carried, write

pytest_plugins = ["fakes.fixture"]

VERSIONS = pytest.mark.parametrize("version", ["v1", "v2"])
CLIENT = Carried(("127.0.0.7", 5000), ("127.0.0.1", 110))


@pytest.fixture(scope="module")
def curious(authority: Authority) -> Iterator[Dovecot]:
    """A Dovecot that wants a PROXY header before TLS."""
    with short_directory("curious") as directory, Dovecot(directory, authority, haproxy=True) as running:
        yield running


def come_from(host: str, address: Address) -> Wire:
    return Wire(socket.create_connection(address, PATIENCE, source_address=(host, 0)))


def log_in(wire: Wire, dovecot: Dovecot, user: str) -> None:
    assert wire.line().startswith(b"+OK")
    assert wire.ask(b"USER " + user.encode()).startswith(b"+OK")
    assert wire.ask(b"PASS " + dovecot.password.encode()).startswith(b"+OK")
    assert wire.ask(b"QUIT").startswith(b"+OK")
    wire.close()


def came_from(dovecot: Dovecot, user: str) -> str:
    """Where this user's first session came from, by Dovecot's log."""

    def look() -> re.Match[str] | None:
        return re.search(rf"Login: user=<{user}>.* rip=([^,]+), lip=", dovecot.log())

    wait_until(look, f"{user} in Dovecot's log")
    found = look()
    assert found
    return found[1]


# -- towards the server -----------------------------------------------------------------------------------------


@VERSIONS
def test_server_is_told_who_the_client_is(stage: Stage, curious: Dovecot, version: ProxyVersion) -> None:
    gateway = stage.gateway(curious.pop3s_port, proxy_to_server=version)
    for host in ("127.0.0.7", "127.0.0.8"):
        user = curious.new_user()
        log_in(come_from(host, gateway.popover.addresses[0]), curious, user)
        assert came_from(curious, user) == host


@VERSIONS
def test_client_of_ipv6_is_told_as_such(stage: Stage, curious: Dovecot, version: ProxyVersion) -> None:
    gateway = stage.gateway(curious.pop3s_port, proxy_to_server=version, listen="[::1]:0")
    user = curious.new_user()
    log_in(gateway.client(), curious, user)
    assert came_from(curious, user) == "::1"


@VERSIONS
def test_header_comes_before_starttls(stage: Stage, curious: Dovecot, version: ProxyVersion) -> None:
    server = {"server": f"imap+starttls://localhost:{curious.imap_port}", "proxy_to_server": version}
    popover = stage.popover("-c", stage.config(stage.service(curious.imap_port, "imap") | server))
    user = curious.new_user()
    with come_from("127.0.0.7", popover.addresses[0]) as wire:
        assert wire.line().startswith(b"* OK")
        wire.send(f"a LOGIN {user} {curious.password}\r\nb LOGOUT\r\n".encode())
        assert b"a OK" in wire.ending().words
    assert came_from(curious, user) == "127.0.0.7"


@VERSIONS
@pytest.mark.parametrize("hello", [b"", b"a CAPABILITY\r\n"])  # one that the server hears costs it a second connection
def test_header_comes_again_for_the_talk_inside_tls(
    stage: Stage, curious: Dovecot, version: ProxyVersion, hello: bytes
) -> None:
    """A balancer in front, TLS inside by STARTTLS, TLS outside by STARTTLS, and the header before all of it."""
    cert = stage.authority.issue("localhost", "127.0.0.1")
    service = stage.service(curious.imap_port, "imap") | {
        "server": f"imap+starttls://localhost:{curious.imap_port}", "proxy_to_server": version, "proxy_from": LOOPBACK,
        "tls": "require", "tls_cert": str(cert.cert_file), "tls_key": str(cert.key_file), "ask_ahead": False,
    }  # fmt: skip
    popover = stage.popover("-c", stage.config(service))
    user = curious.new_user()
    with Plainly(popover.addresses[0]) as client:
        client.sock.sendall(write(version, CLIENT) + hello)
        assert client.line().startswith(b"* OK")
        if hello:
            assert b"STARTTLS" in client.line()
            assert client.line().startswith(b"a OK")
        assert client.ask(b"b STARTTLS").startswith(b"b OK")
        client.secure(trusting(stage.authority.ca_file))
        client.say(f"c LOGIN {user} {curious.password}\r\nd LOGOUT".encode())
        assert b"c OK" in client.rest()
    assert came_from(curious, user) == "127.0.0.7"
    assert popover.wait_for_event("session")["client"] == "127.0.0.7"


def test_no_connection_waits_for_a_client_that_nobody_knows_yet(stage: Stage) -> None:
    """Its server would be told somebody else's address."""
    heard = []

    def server(wire: Wire) -> None:
        heard.append(wire.sock.recv(28, socket.MSG_WAITALL))  # and leaves the ClientHello where TLS looks for it
        tls = TLSWire(wire, stage.context())
        tls.handshake()
        mail("pop3")(tls)

    gateway = stage.gateway(stage.server(server, plain=True), proxy_to_server="v2", warm=3, ask_ahead=False,
                            read_ahead=False, user_at_once=False, dele_at_once=False)  # fmt: skip
    for host in ("127.0.0.7", "127.0.0.8", "127.0.0.9"):
        with come_from(host, gateway.popover.addresses[0]) as wire:
            assert wire.line() == GREETINGS["pop3"]
            for line in (b"USER alice", b"PASS secret"):
                assert wire.ask(line).startswith(b"+OK")
            wire.send(b"QUIT\r\n")
            wire.ending()
        assert gateway.session()["warm"] is False
    gateway.settle()
    assert [socket.inet_ntoa(header[16:20]) for header in heard] == ["127.0.0.7", "127.0.0.8", "127.0.0.9"]
    assert len({header[24:26] for header in heard}) == len(heard)  # each with its own port


def test_check_says_the_header_too(curious: Dovecot, authority: Authority, tmp_path: Path) -> None:
    config = tmp_path / "popover.toml"
    config.write_text(
        f'[[service]]\nserver = "pop3s://localhost:{curious.pop3s_port}"\nca_file = "{authority.ca_file}"\n'
        f'listen = "{free_port()}"\nproxy_to_server = "v2"\nproxy_from = "127.0.0.1"\n'
    )
    ended = run_popover("check", "-c", config)
    assert ended.returncode == 0, ended.stdout


def test_certificate_is_explained_behind_a_header_as_well(stage: Stage, authority: Authority) -> None:
    with (
        short_directory("expired") as directory,
        Dovecot(directory, authority, authority.issue("localhost", expired=True), haproxy=True) as dovecot,
    ):
        gateway = stage.gateway(dovecot.pop3s_port, proxy_to_server="v1")
        gateway.refuses("certificate of localhost", "ran out on 20")  # the date is told by a second look


def test_refused_connection_is_told_as_such_with_a_header(stage: Stage) -> None:
    stage.gateway(free_port(), proxy_to_server="v2").refuses("refuse")


# -- from the balancer ------------------------------------------------------------------------------------------


def balanced(gateway: Gateway, *options: str) -> str:
    """A section of HAProxy's that leads to the gateway."""
    server = f"server one {LOOPBACK}:{gateway.popover.ports[0]} {' '.join(options)}"
    return f"listen front\n  bind {LOOPBACK}:{{port}}\n  {server}\n"


@pytest.mark.parametrize("option", ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options unique-id,crc32c"])
def test_haproxy_in_front_and_dovecot_behind_know_the_client(
    stage: Stage, curious: Dovecot, tmp_path: Path, option: str
) -> None:
    gateway = stage.gateway(curious.pop3s_port, proxy_from=LOOPBACK, proxy_to_server="v2")
    user, port = curious.new_user(), free_port()
    for sample in SAMPLES.values():
        curious.deliver(user, sample)
    with haproxy(tmp_path, balanced(gateway, option).format(port=port), port):
        direct = fetch_by_poplib(Account((LOOPBACK, curious.pop3_port), user, curious.password), tmp_path)
        assert fetch_by_poplib(Account((LOOPBACK, port), user, curious.password), tmp_path) == direct
        user = curious.new_user()
        log_in(come_from("127.0.0.8", (LOOPBACK, port)), curious, user)
        assert came_from(curious, user) == "127.0.0.8"
    gateway.popover.wait_for_event("session", client="127.0.0.8")


def test_guard_judges_the_client_and_not_its_balancer(stage: Stage, tmp_path: Path) -> None:
    server = stage.server(mail("pop3"))
    gateway = stage.gateway(server, proxy_from=LOOPBACK, allow=["127.0.0.8", "127.0.0.9"], deny=["127.0.0.9"])
    port = free_port()
    with haproxy(tmp_path, balanced(gateway, "send-proxy-v2").format(port=port), port):
        for host in ("127.0.0.9", "127.0.0.10"):
            assert host in gateway.told(come_from(host, (LOOPBACK, port)))
        with come_from("127.0.0.8", (LOOPBACK, port)) as wire:
            assert wire.line() == GREETINGS["pop3"]
    assert gateway.session()["client"] == "127.0.0.8"
    assert [event["client"] for event in gateway.popover.events("refused")] == ["127.0.0.9", "127.0.0.10"]


def test_limits_count_the_clients_behind_one_balancer_each_for_itself(stage: Stage) -> None:
    gateway = stage.gateway(stage.server(mail("pop3")), proxy_from=LOOPBACK, max_sessions_per_client=1)

    def carried(host: str) -> Wire:
        wire = gateway.client()
        wire.send(write("v2", Carried((host, 5000), (LOOPBACK, 110))))
        return wire

    with carried("10.0.0.1") as one, carried("10.0.0.2") as other:
        assert one.line() == other.line() == GREETINGS["pop3"]
        assert "from your address" in gateway.told(carried("10.0.0.1"))
    gateway.session()
    gateway.session()
    with carried("10.0.0.1") as again:
        assert again.line() == GREETINGS["pop3"]


def test_who_is_no_balancer_is_believed_nothing(stage: Stage) -> None:
    gateway = stage.gateway(stage.server(mail("pop3")), proxy_from=LOOPBACK)
    with come_from("127.0.0.5", gateway.popover.addresses[0]) as wire:
        assert wire.line() == GREETINGS["pop3"]
        wire.send(write("v1", CLIENT))
        assert b"no PROXY header" in wire.ending().words
    session = gateway.session()
    assert session["client"] == "127.0.0.5"
    assert "proxy_from" in session["remedy"]


@VERSIONS
def test_what_follows_the_header_is_the_clients(stage: Stage, version: ProxyVersion) -> None:
    gateway = stage.gateway(stage.server(mail("pop3")), proxy_from=LOOPBACK)
    header = write(version, CLIENT)
    with gateway.client() as wire:
        wire.send(header + b"NOOP\r\nQUIT\r\n")
        assert wire.ending().words.count(b"+OK") == 3
    with gateway.client() as wire:
        for octet in header:
            wire.send(bytes([octet]))
        assert wire.line() == GREETINGS["pop3"]
        assert wire.ask(b"NOOP").startswith(b"+OK")
    assert [gateway.session()["client"] for _ in range(2)] == ["127.0.0.7"] * 2


@VERSIONS
def test_client_may_speak_tls_behind_the_header(stage: Stage, version: ProxyVersion) -> None:
    gateway = stage.gateway(stage.server(mail("pop3")), proxy_from=LOOPBACK, tls="implicit")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with gateway.client() as wire:
        wire.send(write(version, CLIENT))
        with context.wrap_socket(wire.sock) as secured:
            assert secured.recv(1000) == GREETINGS["pop3"]
    session = gateway.session()
    assert (session["client"], session["client_tls"]) == ("127.0.0.7", "TLSv1.3")


@VERSIONS
def test_balancer_may_come_for_itself(stage: Stage, version: ProxyVersion) -> None:
    gateway = stage.gateway(stage.server(mail("pop3")), proxy_from=LOOPBACK)
    with gateway.client() as wire:
        wire.send(write(version, None))
        assert wire.line() == GREETINGS["pop3"]
    assert gateway.session()["client"] == LOOPBACK


@pytest.mark.parametrize("words", [b"", b"PROXY TCP4 ", b"USER alice\r\n", b"\x16\x03\x01\x02\x00"])
def test_balancer_that_does_not_say_for_whom_is_told_so(stage: Stage, words: bytes) -> None:
    gateway = stage.gateway(stage.server(mail("pop3")), proxy_from=LOOPBACK)
    wire = gateway.client()
    wire.send(words)
    assert "does not say for whom" in gateway.told(wire)
    refused = gateway.popover.wait_for_event("refused")
    assert "send-proxy-v2" in refused["remedy"]
    assert refused["client"] == LOOPBACK


def test_health_checks_of_haproxy_leave_no_trace(stage: Stage, tmp_path: Path) -> None:
    """They connect and go, every second."""
    gateway = stage.gateway(server := stage.server(mail("pop3")), proxy_from=LOOPBACK)
    port = free_port()
    options = "send-proxy-v2", "check", "inter", "50ms"
    with haproxy(tmp_path, balanced(gateway, *options).format(port=port), port) as balancer:
        _wait_for(balancer, "front/one", "UP")
        with come_from("127.0.0.8", (LOOPBACK, port)) as wire:
            assert wire.line() == GREETINGS["pop3"]
        gateway.session()
    for ending in (Wire.close, Wire.reset):
        ending(gateway.client())
    gateway.settle()
    assert not gateway.popover.events("refused")
    assert server.accepted == 1


def _wait_for(balancer: HAProxy, server: str, status: str) -> None:
    balancer.wait_until(lambda: balancer.status(server).startswith(status), f"{server} is {status}")


def test_stop_waits_for_no_header(stage: Stage) -> None:
    gateway = stage.gateway(stage.server(mail("pop3")), proxy_from=LOOPBACK)
    with gateway.client() as wire:
        wait_until(lambda: gateway.status()["tasks"] == 1, "it is waited for")
        gateway.popover.signal(signal.SIGTERM)
        assert gateway.popover.wait() == 0
        assert wire.ending().words == b""


def test_what_the_docs_show_of_haproxys_file_stands_in_it() -> None:
    """HAProxy itself is asked about the file in tests/packages/test_examples.py."""
    root = Path(__file__).parents[2]
    page = (root / "docs" / "operations.md").read_text().partition("Its middle:\n")[2].partition("\nThe limits")[0]
    stands = {line.strip() for line in (root / "examples" / "haproxy" / "haproxy.cfg").read_text().splitlines()}
    shown = {line.strip() for line in page.splitlines()} - {""}
    assert shown
    assert shown <= stands
