"""Real mail programs that speak TLS with popover, real servers behind: what they get is what they get directly."""

import datetime as dt
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from subprocess import TimeoutExpired

import pytest

from parts.account import Account
from parts.certificates import Authority
from parts.clients import IMAP_CLIENTS, POP3_CLIENTS, SMTP_CLIENTS
from parts.dovecot import Dovecot
from parts.fetchers import fetch_by_offlineimap
from parts.inside import Inside, Plainly, trusting
from parts.messages import DOTS, EIGHT_BIT, PLAIN, of_size
from parts.popover import COMMAND, Popover, run_popover
from parts.postfix import Postfix, without_trace

MESSAGES = [PLAIN, DOTS, EIGHT_BIT, of_size(200_000)]
Workdir = Callable[[], Path]

STARTTLS = ("require", "offer")
WITHOUT_STARTTLS = {"getmail", "offlineimap"}  # the one does not know it, the other has a test of its own


def cases(clients: Iterable[str]) -> list[tuple[str, str]]:
    """Each in each way; `plain`: where TLS is offered, and the client does not want it."""
    ways = ("implicit", "plain", *STARTTLS)
    return [(one, tls) for one in clients for tls in ways if one not in WITHOUT_STARTTLS or tls not in STARTTLS]


def fetched(client: str, inside: Inside, account: Account, workdir: Path) -> list[bytes]:
    through = replace(account, address=inside.address)
    return POP3_CLIENTS[client](through, workdir)


@pytest.fixture
def mailbox(dovecot: Dovecot) -> Account:
    user = dovecot.new_user()
    for message in MESSAGES:
        dovecot.deliver(user, message)
    return Account(("127.0.0.1", dovecot.pop3s_port), user, dovecot.password)


@pytest.mark.parametrize(("client", "tls"), cases(POP3_CLIENTS))
def test_pop3_clients_get_what_they_get_directly(
    tmp_path: Path, authority: Authority, mailbox: Account, workdir: Workdir, client: str, tls: str
) -> None:
    starttls = tls in STARTTLS
    direct = POP3_CLIENTS[client](replace(mailbox, ca_file=authority.ca_file), workdir())
    with Inside(tmp_path, authority, mailbox.port, tls=tls if tls != "plain" else "offer") as inside:
        ca_file = None if tls == "plain" else inside.own
        for _ in range(2):  # the second time it is known what the server can, and a connection stands ready
            account = replace(mailbox, ca_file=ca_file, starttls=starttls)
            assert fetched(client, inside, account, workdir()) == direct
        events = inside.wait_for_events("session", 2)
    assert {event["client_tls"] for event in events} == {None if tls == "plain" else "TLSv1.3"}
    assert len(direct) == len(MESSAGES)


def test_fetchmail_that_tries_stls_unasked_gets_it(
    tmp_path: Path, authority: Authority, dovecot: Dovecot, mailbox: Account, workdir: Workdir
) -> None:
    """fetchmail's default is to try; `sslproto auto` without `ssl`."""
    with Inside(tmp_path, authority, dovecot.pop3s_port, tls="offer") as inside:
        account = replace(mailbox, ca_file=inside.own, starttls=True)
        assert len(fetched("fetchmail", inside, account, workdir())) == len(MESSAGES)
        assert inside.wait_for_event("session")["client_tls"] == "TLSv1.3"


@pytest.mark.parametrize("case", cases(IMAP_CLIENTS), ids="-".join)
def test_imap_clients_get_what_they_get_directly(
    tmp_path: Path, authority: Authority, dovecot: Dovecot, mailbox: Account, workdir: Workdir, case: tuple[str, str]
) -> None:
    client, tls = case
    fetch = IMAP_CLIENTS[client]
    direct = fetch(replace(mailbox, address=("127.0.0.1", dovecot.imaps_port), ca_file=authority.ca_file), workdir())
    kind = tls if tls != "plain" else "offer"
    with Inside(tmp_path, authority, dovecot.imaps_port, scheme="imaps", tls=kind) as inside:
        ca_file = None if tls == "plain" else inside.own
        account = replace(mailbox, address=inside.address, ca_file=ca_file, starttls=tls in STARTTLS)
        for _ in range(2):
            assert fetch(account, workdir()) == direct
        events = inside.wait_for_events("session", 2)
    assert {event["client_tls"] for event in events} == {None if tls == "plain" else "TLSv1.3"}
    assert len(direct) == len(MESSAGES)


def once_it_goes_through(account: Account, workdir: Workdir) -> list[bytes]:
    """What offlineimap gets by STARTTLS: in most of its attempts it waits for itself, several are made at once.

    It needs 2 s, and on a machine that is busy many times that.
    """
    with ThreadPoolExecutor(ATTEMPTS) as pool:
        for limit in (8, 8, 8, 16, 16, 32, 32, 64, 64):
            attempts = [pool.submit(fetch_by_offlineimap, account, workdir(), limit=limit) for _ in range(ATTEMPTS)]
            came = [attempt for attempt in attempts if not isinstance(attempt.exception(), TimeoutExpired)]
            if came:
                return came[0].result()
    raise AssertionError("it never went through")


ATTEMPTS = 6


@pytest.mark.timeout(600)
def test_offlineimap_by_starttls_gets_what_it_gets_directly_once_it_does_not_wait_for_itself(
    tmp_path: Path, authority: Authority, dovecot: Dovecot, mailbox: Account, workdir: Workdir
) -> None:
    """docs/clients/tls.md tells people to give it implicit TLS; before Dovecot itself it is the same."""
    account = replace(mailbox, starttls=True, address=("127.0.0.1", dovecot.imap_port), ca_file=authority.ca_file)
    direct = once_it_goes_through(account, workdir)
    with Inside(tmp_path, authority, dovecot.imaps_port, scheme="imaps", tls="require") as inside:
        account = replace(account, address=inside.address, ca_file=inside.own)
        assert once_it_goes_through(account, workdir) == direct
    assert len(direct) == len(MESSAGES)


@pytest.mark.parametrize("case", cases(SMTP_CLIENTS), ids="-".join)
def test_smtp_clients_send_what_they_send_directly(
    tmp_path: Path, authority: Authority, dovecot: Dovecot, postfix: Postfix, workdir: Workdir, case: tuple[str, str]
) -> None:
    client, tls = case
    user = dovecot.new_user()
    kind = tls if tls != "plain" else "offer"
    with Inside(tmp_path, authority, postfix.port, scheme="smtps", tls=kind) as inside:
        ca_file = None if tls == "plain" else inside.own
        account = Account(inside.address, user, dovecot.password, ca_file, tls in STARTTLS)
        for number, message in enumerate((PLAIN, DOTS), 1):
            SMTP_CLIENTS[client](account, workdir(), postfix.mailbox(user), message)
            assert without_trace(dovecot.wait_for_messages(user, number)[-1]) == message
        events = inside.wait_for_events("session", 2)
    assert {event["client_tls"] for event in events} == {None if tls == "plain" else "TLSv1.3"}


# -- the certificate -----------------------------------------------------------------------------


def shown(inside: Popover, ca_file: Path) -> str:
    """The serial number of the certificate that a client is shown."""
    with Plainly(inside.addresses[0]) as client:
        client.secure(trusting(ca_file))
        return str(client.sock.getpeercert()["serialNumber"])  # type: ignore[attr-defined]


def test_own_certificate_is_made_once_and_told(tmp_path: Path, authority: Authority, dovecot: Dovecot) -> None:
    told = []
    for _ in range(2):
        with Inside(tmp_path, authority, dovecot.pop3s_port, tls="implicit") as inside:
            event = inside.wait_for_event("tls")
            told.append((event["fingerprint"], shown(inside, inside.own)))
            assert str(inside.own) in event["text"]
            assert str(inside.state / "popover.cer") in event["text"]
            assert event["fingerprint"] in event["text"]
            with Plainly(inside.address) as client:
                client.secure(trusting(inside.own), socket.gethostname())
    assert told[0] == told[1]
    assert (inside.state / "identity.pem").stat().st_mode & 0o777 == 0o600


def test_certificate_is_renewed_from_disk_at_sighup(tmp_path: Path, authority: Authority, dovecot: Dovecot) -> None:
    """And running sessions go on; a broken one keeps the old."""
    first, second = authority.issue("localhost"), authority.issue("localhost", "renewed.example")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"

    def put(cert_file: Path, key_file: Path) -> None:
        cert.write_bytes(cert_file.read_bytes())
        key.write_bytes(key_file.read_bytes())
        key.chmod(0o600)

    put(first.cert_file, first.key_file)
    with Inside(tmp_path, authority, dovecot.pop3s_port, tls="implicit", tls_cert=cert, tls_key=key) as inside:
        old = shown(inside, authority.ca_file)
        with Plainly(inside.address) as client:
            client.secure(trusting(authority.ca_file))
            client.line()
            put(second.cert_file, second.key_file)
            inside.signal(signal.SIGHUP)
            inside.wait_for_events("reloaded", 1)
            new = shown(inside, authority.ca_file)
            assert new != old
            assert client.ask(b"QUIT").startswith(b"+OK")
        put(first.cert_file, second.key_file)
        inside.signal(signal.SIGHUP)
        inside.wait_for_events("reloaded", 2)
        assert shown(inside, authority.ca_file) == new
        words = [event["text"] for event in inside.events("warning")]
    assert any("old certificate stays" in text and "is not the key of" in text for text in words)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("mismatch", "is not the key of"),
        ("encrypted", "is encrypted"),
        ("weak", "too weak"),
        ("no key", "cannot be used"),
    ],
)
def test_certificate_that_is_of_no_use_is_told_in_plain_words(
    tmp_path: Path, authority: Authority, kind: str, words: str
) -> None:
    good, other = authority.issue("localhost"), authority.issue("other.example")
    cert, key = good.cert_file, good.key_file
    if kind == "mismatch":
        key = other.key_file
    elif kind == "encrypted":
        key = tmp_path / "encrypted.pem"
        words_of = ["-in", str(good.key_file), "-aes128", "-passout", "pass:x", "-out", str(key)]
        subprocess.run(["openssl", "pkey", *words_of], check=True)
    elif kind == "weak":
        weak = authority.issue("localhost", rsa_bits=1024)
        cert, key = weak.cert_file, weak.key_file
    extra: list[str | Path] = [] if kind == "no key" else ["--tls-key", key]
    ended = run_popover("run", "0=pop3s://localhost:9", "--tls", "implicit", "--tls-cert", cert, *extra)
    assert ended.returncode == 2
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
    words_of_check = ["--check", "--tls", "implicit", "--tls-cert", cert, *extra]
    assert run_popover("run", "0=pop3s://localhost:9", *words_of_check).stderr == ended.stderr


def test_dangers_are_warned_about_at_the_start(tmp_path: Path, authority: Authority, dovecot: Dovecot) -> None:
    old = authority.issue("localhost", expired=True)
    key = tmp_path / "readable.pem"
    key.write_bytes(old.key_file.read_bytes())
    key.chmod(0o644)
    with Inside(
        tmp_path, authority, dovecot.pop3s_port, tls="offer", tls_cert=old.cert_file, tls_key=key, legacy=True
    ) as inside:
        words = " ".join(event["text"] for event in inside.events("warning"))
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    assert f"expired on {yesterday:%Y-%m-%d}" in words
    assert "every user of this machine can read" in words
    assert "legacy" in words
    assert "cannot do at all" in words


def test_place_without_a_state_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    env = os.environ | {"STATE_DIRECTORY": str(tmp_path / "file" / "state")}
    ended = run_popover("run", "0=pop3s://localhost:9", "--tls", "offer", env=env)
    assert ended.returncode == 1
    assert "STATE_DIRECTORY" in ended.stderr
    assert "tls_cert" in ended.stderr


# -- xinetd --------------------------------------------------------------------------------------


def test_inetd_speaks_implicit_tls(tmp_path: Path, authority: Authority, dovecot: Dovecot) -> None:
    words = [*COMMAND, "inetd", f"pop3s://localhost:{dovecot.pop3s_port}", "--ca-file", str(authority.ca_file)]
    env = os.environ | {"STATE_DIRECTORY": str(tmp_path)}
    for _ in range(2):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            client = Plainly(listener.getsockname())
            theirs = listener.accept()[0]
        process = subprocess.Popen(
            [*words, "--tls", "implicit"], stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=-3, env=env
        )
        theirs.close()
        with process, client:
            if not (tmp_path / "popover.pem").exists():
                client.sock.settimeout(30)
                unverified = trusting(authority.ca_file)
                unverified.check_hostname, unverified.verify_mode = False, 0  # type: ignore[assignment]
                client.secure(unverified)
            else:
                client.secure(trusting(tmp_path / "popover.pem"))
            assert client.line().startswith(b"+OK")
            assert client.ask(b"QUIT").startswith(b"+OK")
        assert process.returncode == 0
