"""Behind STARTTLS all is as behind TLS from the first octet on: real servers, real clients, popover between."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from parts.account import Account
from parts.certificates import Authority
from parts.check import Checked
from parts.clients import IMAP_CLIENTS, POP3_CLIENTS, SMTP_CLIENTS, Fetch, imap, pop3, smtp
from parts.dovecot import Dovecot
from parts.messages import SAMPLES
from parts.popover import COMMAND, Popover
from parts.postfix import Postfix, without_trace

Workdir = Callable[[], Path]

FETCHING = [("pop3", name, fetch) for name, fetch in POP3_CLIENTS.items()]
FETCHING += [("imap", name, fetch) for name, fetch in IMAP_CLIENTS.items()]


class House:
    """Dovecot and Postfix outside, asked for STARTTLS by one popover that serves all three dialects inside."""

    def __init__(self, authority: Authority, dovecot: Dovecot, postfix: Postfix, popover: Popover) -> None:
        self.dovecot, self.postfix, self.popover = dovecot, postfix, popover
        self._direct = {"pop3": dovecot.pop3s_port, "imap": dovecot.imaps_port, "smtp": postfix.port}
        self._through = dict(zip(self._direct, popover.addresses, strict=True))
        self._ca_file = authority.ca_file

    def through(self, dialect: str, user: str) -> Account:
        return Account(self._through[dialect], user, Dovecot.password)

    def direct(self, dialect: str, user: str) -> Account:
        return Account(("127.0.0.1", self._direct[dialect]), user, Dovecot.password, self._ca_file)


def servers(dovecot: Dovecot, postfix: Postfix) -> list[str]:
    ports = {"pop3": dovecot.pop3_port, "imap": dovecot.imap_port, "smtp": postfix.submission_port}
    return [f"0={dialect}+starttls://localhost:{port}" for dialect, port in ports.items()]


@pytest.fixture(scope="module")
def house(authority: Authority, dovecot: Dovecot, postfix: Postfix) -> Iterator[House]:
    with Popover(*servers(dovecot, postfix), "--ca-file", authority.ca_file) as popover:
        yield House(authority, dovecot, postfix, popover)


@pytest.mark.parametrize(("dialect", "name", "fetch"), FETCHING, ids=lambda value: value if type(value) is str else "")
def test_mail_is_fetched_as_without_the_gateway(
    house: House, workdir: Workdir, dialect: str, name: str, fetch: Fetch
) -> None:
    user = house.dovecot.new_user()
    # fetchmail spoils a line of more than 8 KiB by itself, differently each time.
    names = [sample for sample in SAMPLES if (name, sample) != ("fetchmail", "huge line")]
    for sample in names:
        house.dovecot.deliver(user, SAMPLES[sample])
    through = dict(zip(names, fetch(house.through(dialect, user), workdir()), strict=True))
    direct = dict(zip(names, fetch(house.direct(dialect, user), workdir()), strict=True))
    assert through == direct


@pytest.mark.parametrize("client", SMTP_CLIENTS)
def test_mail_is_sent_as_without_the_gateway(house: House, workdir: Workdir, client: str) -> None:
    user = house.dovecot.new_user()
    for number, message in enumerate(SAMPLES.values(), 1):
        SMTP_CLIENTS[client](house.through("smtp", user), workdir(), house.postfix.mailbox(user), message)
        stored = house.dovecot.wait_for_messages(user, number)[-1]
        assert without_trace(stored) == message


def test_greeting_is_ours_and_comes_without_a_stamp_for_apop(house: House) -> None:
    client = pop3(house.through("pop3", "alice"))
    assert client.getwelcome() == b"+OK localhost is ready"
    client.quit()


def test_imap_greeting_has_what_the_server_offers_inside_tls(house: House) -> None:
    with imap(house.through("imap", "alice")) as client:
        assert client.welcome.startswith(b"* OK [CAPABILITY IMAP4rev1 ")
        assert client.welcome.endswith(b"] localhost is ready")
        assert b"STARTTLS" not in client.welcome
        assert "AUTH=PLAIN" in client.capabilities


def test_clients_own_ehlo_is_answered_from_inside_tls(house: House) -> None:
    with smtp(house.through("smtp", "alice")) as client:
        code, words = client.ehlo("client.example.test")
        assert (code, words.splitlines()[0]) == (250, b"submission.example.test")
        assert not client.has_extn("starttls")
        assert client.has_extn("auth")


def test_log_has_the_tls_that_began_by_starttls_and_the_next_session_resumes_it(
    authority: Authority, dovecot: Dovecot, postfix: Postfix
) -> None:
    with Popover(*servers(dovecot, postfix), "--ca-file", authority.ca_file) as popover:
        for _ in range(2):
            smtp(Account(popover.addresses[2], "alice", Dovecot.password)).quit()
        first, second = popover.wait_for_events("session", 2)
        assert (first["tls"], first["resumed"], second["resumed"]) == ("TLSv1.3", False, True)


def sign_in_and_out(dialect: str, account: Account) -> None:
    if dialect == "pop3":
        client = pop3(account)
        client.user(account.user)
        client.pass_(account.password)
        client.quit()
    elif dialect == "imap":
        with imap(account) as mailbox:
            mailbox.login(account.user, account.password)
    else:
        with smtp(account) as sender:
            sender.login(account.user, account.password)


@pytest.mark.parametrize("dialect", ["pop3", "imap", "smtp"])
def test_warm_connection_works_behind_starttls(
    authority: Authority, dovecot: Dovecot, postfix: Postfix, dialect: str
) -> None:
    [server] = [one for one in servers(dovecot, postfix) if dialect in one]
    user = dovecot.new_user()
    with Popover(server, "--ca-file", authority.ca_file) as popover:
        for number in range(1, 20):
            sign_in_and_out(dialect, Account(popover.addresses[0], user, Dovecot.password))
            event = popover.wait_for_events("session", number)[-1]
            assert event["user"] == user
            if event["warm"]:
                return
    raise AssertionError("no session got a warm connection")


def test_check_goes_through_starttls_with_all_its_steps(
    authority: Authority, dovecot: Dovecot, postfix: Postfix
) -> None:
    user = dovecot.new_user()
    words = [*servers(dovecot, postfix), "--ca-file", str(authority.ca_file), "--login", user]
    check = Checked(*words, password=Dovecot.password)
    assert check.code == 0, check.document
    assert len(check.parts) == 3
    for part, began in zip(check.parts, ("STLS, then ", "STARTTLS, then ", "STARTTLS, then "), strict=True):
        assert [finding for finding in part["findings"] if finding["text"].startswith(began)]
        found = {finding["step"] for finding in part["findings"] if finding["status"] == "ok"}
        assert found >= {"connect", "tls", "dialect", "login", "here", "session"}


def test_inetd_goes_through_starttls(authority: Authority, dovecot: Dovecot) -> None:
    words = ["inetd", f"pop3+starttls://localhost:{dovecot.pop3_port}", "--ca-file", str(authority.ca_file)]
    ended = subprocess.run([*COMMAND, *words], input=b"QUIT\r\n", capture_output=True, timeout=60, check=True)
    assert ended.stdout.startswith(b"+OK localhost is ready\r\n+OK")
