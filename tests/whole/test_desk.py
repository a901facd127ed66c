"""Sessions whose server is known by the login only: real clients and servers on both sides of a desk."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.wire import Wire
from keeping import tells
from parts.account import Account, ClientError, run, write
from parts.at_desk import AtDesk
from parts.certificates import Authority
from parts.clients import IMAP_CLIENTS, POP3_CLIENTS, SMTP_CLIENTS, pop3
from parts.dovecot import Dovecot
from parts.messages import DOTS, EIGHT_BIT, PLAIN, of_size
from parts.net import wait_until
from parts.postfix import Postfix, without_trace

LOCAL = "simsalabim"
MESSAGES = [PLAIN, DOTS, EIGHT_BIT, of_size(200_000)]
DIALECTS = ("pop3", "imap", "smtp")
Workdir = Callable[[], Path]


class House:
    """A popover, the servers behind it, and who lives there: each has a local name and a local password."""

    def __init__(self, popover: AtDesk, dovecot: Dovecot, postfix: Postfix, authority: Authority) -> None:
        self.popover = popover
        self.dovecot = dovecot
        self.postfix = postfix
        self._authority = authority
        self._servers = [
            f"pop3s://localhost:{dovecot.pop3s_port}",
            f"imaps://localhost:{dovecot.imaps_port}",
            f"smtps://localhost:{postfix.port}",
        ]

    def at(self, popover: AtDesk) -> "House":
        """The same servers behind another popover."""
        return House(popover, self.dovecot, self.postfix, self._authority)

    def moves_in(self, name: str, *messages: bytes) -> str:
        """Let it know one who calls himself so, and give who that is at the servers."""
        user = self.dovecot.new_user()
        for message in messages:
            self.dovecot.deliver(user, message)
        trust = str(self._authority.ca_file)
        self.popover.knows(
            name, LOCAL, login=user, secret=self.dovecot.password, servers=self._servers, ca_file=trust
        )  # fmt: skip
        return user

    def account(self, dialect: str, name: str, **more: Any) -> Account:
        """What his mail program is told."""
        return Account(self.popover.at(dialect), name, LOCAL, **more)


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory, dovecot: Dovecot, postfix: Postfix, authority: Authority
) -> Iterator[House]:
    directory = tmp_path_factory.mktemp("house")
    with AtDesk(directory, *DIALECTS, max_sessions_per_client=0, trace=True) as popover:
        yield House(popover, dovecot, postfix, authority)


def envelope(house: House, user: str) -> tuple[str, ...]:
    return "--mail-from", "grandpa@example.test", "--mail-rcpt", house.postfix.mailbox(user)


def sessions(house: House, user: str) -> list[dict[str, Any]]:
    return [one for one in house.popover.events("session") if one.get("user", "").endswith(f"({user})")]


# -- clients -------------------------------------------------------------------------------------


@pytest.mark.parametrize("client", POP3_CLIENTS)
def test_pop3_clients_get_what_they_get_directly(
    house: House, authority: Authority, workdir: Workdir, client: str
) -> None:
    user = house.moves_in("grandpa", *MESSAGES)
    direct = Account((house.dovecot.host, house.dovecot.pop3s_port), user, house.dovecot.password, authority.ca_file)
    wanted = POP3_CLIENTS[client](direct, workdir())
    for _ in range(3):  # later on it is known what the server can and what the client asks, and a connection is ready
        assert POP3_CLIENTS[client](house.account("pop3", "grandpa"), workdir()) == wanted
    assert len(wanted) == len(MESSAGES)


@pytest.mark.parametrize("client", IMAP_CLIENTS)
def test_imap_clients_get_what_they_get_directly(
    house: House, authority: Authority, workdir: Workdir, client: str
) -> None:
    user = house.moves_in("grandpa", *MESSAGES)
    direct = Account((house.dovecot.host, house.dovecot.imaps_port), user, house.dovecot.password, authority.ca_file)
    wanted = IMAP_CLIENTS[client](direct, workdir())
    for _ in range(2):
        assert IMAP_CLIENTS[client](house.account("imap", "grandpa"), workdir()) == wanted
    assert len(wanted) == len(MESSAGES)


@pytest.mark.parametrize("client", SMTP_CLIENTS)
def test_smtp_clients_send(house: House, workdir: Workdir, client: str) -> None:
    user = house.moves_in("grandpa")
    for number in (1, 2):
        SMTP_CLIENTS[client](house.account("smtp", "grandpa"), workdir(), house.postfix.mailbox(user), DOTS)
        assert without_trace(house.dovecot.wait_for_messages(user, number)[-1]) == DOTS


@pytest.fixture(scope="module", params=["implicit", "require", "offer"])
def sealed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, house: House) -> Iterator[House]:
    """The same house behind another popover, which speaks TLS with its clients."""
    with AtDesk(tmp_path_factory.mktemp("sealed"), *DIALECTS, tls=request.param) as popover:
        yield house.at(popover)


def sealed_account(house: House, dialect: str, user: str) -> Account:
    """What a mail program is told that does not go on without TLS."""
    own, tls = house.popover.file.parent / "state" / "popover.pem", house.popover.tls
    return house.account(dialect, user, ca_file=own, starttls=tls != "implicit")


@pytest.mark.parametrize("client", POP3_CLIENTS)
def test_pop3_clients_speak_tls_at_the_desk(sealed: House, workdir: Workdir, client: str) -> None:
    account = sealed_account(sealed, "pop3", "grandpa")
    user = sealed.moves_in("grandpa", *MESSAGES)
    if client == "getmail" and account.starttls:  # it knows TLS from the first octet on only
        client = "poplib"
    for _ in range(2):
        assert len(POP3_CLIENTS[client](account, workdir())) == len(MESSAGES)
    told = sealed.popover.wait_for_event("session", user=f"grandpa ({user})")
    assert told["client_tls"] == "TLSv1.3"


@pytest.mark.parametrize("dialect", ["imap", "smtp"])
def test_curl_speaks_tls_at_the_desk(sealed: House, workdir: Workdir, dialect: str) -> None:
    account, user = sealed_account(sealed, dialect, "grandpa"), sealed.moves_in("grandpa", PLAIN)
    home = workdir()
    (home / "letter").write_bytes(PLAIN)
    scheme = dialect if account.starttls else f"{dialect}s"
    more: tuple[str | Path, ...] = (*envelope(sealed, user), "-T", home / "letter") if dialect == "smtp" else ()
    run(
        home, "curl", "-q", "-sS", "--ssl-reqd", "--cacert", str(account.ca_file), "-u", f"grandpa:{LOCAL}", *more,
        f"{scheme}://localhost:{account.port}/",
    )  # fmt: skip
    told = sealed.popover.wait_for_event("session", user=f"grandpa ({user})")
    assert told["client_tls"] == "TLSv1.3"


@pytest.mark.parametrize("client", [*IMAP_CLIENTS, *SMTP_CLIENTS])
def test_imap_and_smtp_clients_speak_tls_from_the_first_octet_on(
    tmp_path: Path, house: House, workdir: Workdir, client: str
) -> None:
    with AtDesk(tmp_path, *DIALECTS, tls="implicit") as popover:
        sealed = house.at(popover)
        user = sealed.moves_in("grandpa", PLAIN)
        if client in IMAP_CLIENTS:
            assert len(IMAP_CLIENTS[client](sealed_account(sealed, "imap", "grandpa"), workdir())) == 1
        else:
            account = sealed_account(sealed, "smtp", "grandpa")
            SMTP_CLIENTS[client](account, workdir(), sealed.postfix.mailbox(user), PLAIN)
            assert without_trace(sealed.dovecot.wait_for_messages(user, 2)[-1]) == PLAIN
        assert popover.wait_for_event("session", user=f"grandpa ({user})")["client_tls"] == "TLSv1.3"


@pytest.mark.parametrize(
    ("dialect", "login", "answer"),
    [
        ("pop3", b"USER grandpa", b"-ERR [SYS/PERM] "),
        ("imap", b"a LOGIN grandpa simsalabim", b"a NO [PRIVACYREQUIRED] "),
        ("smtp", b"AUTH PLAIN AGdyYW5kcGEAc2ltc2FsYWJpbQ==", b"530 5.7.0 "),
    ],
)
def test_login_has_to_wait_for_tls_where_that_is_required(
    tmp_path: Path, dialect: str, login: bytes, answer: bytes
) -> None:
    with AtDesk(tmp_path, dialect, tls="require") as popover, Wire.to(popover.at(dialect)) as client:
        client.line()
        if dialect == "smtp":
            client.send(b"EHLO client\r\n")
            while client.line()[3:4] == b"-":
                pass
        assert client.ask(login).startswith(answer)
        assert not popover.told()


MECHANISMS = {
    "pop3": ("APOP", "CRAM-MD5", "PLAIN", "LOGIN"),
    "imap": ("CRAM-MD5", "PLAIN", "LOGIN"),
    "smtp": ("CRAM-MD5", "PLAIN", "LOGIN"),
}


@pytest.mark.parametrize(("dialect", "how"), [(one, how) for one, kinds in MECHANISMS.items() for how in kinds])
def test_curl_logs_in_by_each_mechanism(house: House, workdir: Workdir, dialect: str, how: str) -> None:
    user = house.moves_in("grandpa", PLAIN)
    home = workdir()
    place = house.popover.at(dialect)
    more: tuple[str | Path, ...] = ()
    if dialect == "smtp":
        (home / "letter").write_bytes(PLAIN)
        more = (*envelope(house, user), "-T", home / "letter")
    option = "+APOP" if how == "APOP" else how
    talk = run(
        home, "curl", "-q", "-sS", "-v", "--stderr", "-", "--login-options", f"AUTH={option}", "-u", f"grandpa:{LOCAL}",
        *more, f"{dialect}://{place[0]}:{place[1]}/",
    )  # fmt: skip
    assert re.search(rf"> (\S+ )?(AUTH|AUTHENTICATE)? ?{how}".encode(), talk)
    assert house.popover.wait_for_event("session")


@pytest.mark.parametrize("how", ["apop", "cram-md5", "plain", "login"])
def test_mpop_logs_in_by_each_mechanism(house: House, workdir: Workdir, how: str) -> None:
    house.moves_in("grandpa", PLAIN)
    home, place = workdir(), house.popover.at("pop3")
    settings = f"""
        account default
        host {place[0]}
        port {place[1]}
        tls off
        auth {how}
        user grandpa
        password "{LOCAL}"
        keep on
        only_new off
        uidls_file {home}/uidls
        received_header off
        delivery mbox {home}/mbox
    """
    run(home, "mpop", "-C", write(home, "mpoprc", settings))
    assert b"Subject" in (home / "mbox").read_bytes()


def test_fetchmail_logs_in_by_apop(house: House, workdir: Workdir) -> None:
    house.moves_in("grandpa", PLAIN)
    home, place = workdir(), house.popover.at("pop3")
    settings = f"""
        poll "{place[0]}" protocol apop port {place[1]}
          user "grandpa" password "{LOCAL}" sslproto '' keep fetchall no rewrite mda "cat >> {home}/mbox"
    """
    rc = write(home, "fetchmailrc", settings)
    run(home, "fetchmail", "-v", "-f", rc, "--nosyslog", "--nodetach", "--pidfile", home / "pid")
    assert b"Subject" in (home / "mbox").read_bytes()


@pytest.mark.parametrize("client", ["fetchmail", "mpop", "curl"])
def test_wrong_password_is_what_the_client_calls_one(house: House, workdir: Workdir, client: str) -> None:
    house.moves_in("grandpa", PLAIN)
    wrong = Account(house.popover.at("pop3"), "grandpa", "abracadabra")
    with pytest.raises(ClientError) as refused:
        POP3_CLIENTS[client](wrong, workdir())
    assert re.search("[Aa]uthori[sz]ation|denied|wrong user name or password", refused.value.output)


# -- what is the same as at any other service ----------------------------------------------------


def test_log_names_who_it_was_and_the_trace_has_the_talk_but_no_secret(house: House, workdir: Workdir) -> None:
    user = house.moves_in("great-aunt", PLAIN)
    POP3_CLIENTS["poplib"](house.account("pop3", "great-aunt"), workdir())
    wait_until(lambda: sessions(house, user), "the session's line")
    [told] = sessions(house, user)
    assert told["user"] == f"great-aunt ({user})"
    assert told["service"] == "pop3"
    assert told["server"] == f"127.0.0.1:{house.dovecot.pop3s_port}"
    assert told["bytes_in"] > len("USER great-aunt")
    assert told["bytes_out"] > len(PLAIN)
    trace = [event["text"] for event in house.popover.events("trace", id=told["id"])]
    assert any("popover ready" in line for line in trace)
    assert any("USER" in line for line in trace)
    assert any(line.startswith("signing in at pop3s://localhost") for line in trace)
    for line in house.popover.log_lines():
        assert not any(tells(line.encode(), secret.encode()) for secret in (LOCAL, house.dovecot.password))


def test_second_session_runs_ahead_on_a_connection_that_stands_ready(house: House) -> None:
    """What a client asks behind its login leaves with it: the server hears STAT, LIST and UIDL before the client says
    them, on a connection that was there before the client.
    """
    user = house.moves_in("early-bird", PLAIN)

    def visit() -> dict[str, Any]:
        client = pop3(house.account("pop3", "early-bird"))
        client.user("early-bird")
        client.pass_(LOCAL)
        client.stat()
        client.list()
        client.uidl()
        client.quit()
        before = len(visits)
        wait_until(lambda: len(sessions(house, user)) > before, "the session's line")
        visits.append(sessions(house, user)[-1])
        return visits[-1]

    visits: list[dict[str, Any]] = []
    visit()
    wait_until(lambda: visit()["warm"], "a session with a connection that stood ready")
    assert visits[-1]["saved_seconds"] > 0
