"""Own logins from end to end: mail programs say a password of the house, real servers get the provider's."""

import os
import pwd
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from fakes.wire import Wire
from parts.account import Account, run
from parts.certificates import Authority
from parts.clients import POP3_CLIENTS, SMTP_CLIENTS, pop3
from parts.dovecot import Dovecot
from parts.fetchers import fetch_by_fetchmail, fetch_by_mpop
from parts.messages import DOTS, PLAIN
from parts.net import Address, wait_until
from parts.places import is_root, short_directory
from parts.popover import Popover, run_popover
from parts.postfix import Postfix, without_trace
from parts.senders import send_by_msmtp
from popover.accounts.brake import FULL
from popover.accounts.scrypt import make_hash

LOCAL = "canary-simsalabim"
Workdir = Callable[[], Path]


class House:
    """A popover with accounts in its file, and those that the command adds; real servers behind it."""

    def __init__(self, directory: Path, authority: Authority, dovecot: Dovecot, postfix: Postfix) -> None:
        self.directory, self.dovecot, self.postfix = directory, dovecot, postfix
        self.users = {name: dovecot.new_user() for name in ("plain", "hashed")}
        self._ca = authority.ca_file
        self.servers = {
            "pop3": f"pop3s://localhost:{dovecot.pop3s_port}",
            "imap": f"imaps://localhost:{dovecot.imaps_port}",
            "smtp": f"smtps://localhost:{postfix.port}",
        }
        self.secret("secret", dovecot.password)
        self.secret("plain", LOCAL)
        self.secret("hashed", make_hash(LOCAL.encode()).decode())
        self.services = dict.fromkeys(self.servers, "true") | {f"{one}-digests": '["plain"]' for one in self.servers}
        services = "".join(
            f'[[service]]\nname = "{name}"\ndialect = "{name.partition("-")[0]}"\naccounts = {accounts}\n'
            'listen = "127.0.0.1:0"\ntrace = true\nmax_sessions_per_client = 0\n'
            for name, accounts in self.services.items()
        )
        (directory / "popover.toml").write_text(services + "".join(map(self._account, self.users)))
        self.env = {"STATE_DIRECTORY": str(directory / "state")}
        self.popover = Popover("-c", directory / "popover.toml", env=self.env)

    def secret(self, name: str, content: str) -> None:
        path = self.directory / name
        path.touch(mode=0o600)
        path.write_text(content + "\n")

    def _account(self, name: str) -> str:
        servers = ", ".join(f'{dialect} = "{url}"' for dialect, url in self.servers.items())
        return (
            f'[[account]]\nname = ["{name}", "{name[0].upper()}"]\npassword_file = "{name}"\n'
            f'servers = {{ {servers} }}\nlogin = "{self.users[name]}"\nsecret_file = "secret"\nca_file = "{self._ca}"\n'
        )

    def at(self, service: str) -> Address:
        return self.popover.addresses[list(self.services).index(service)]

    def account(self, dialect: str, name: str, password: str = LOCAL) -> Account:
        return Account(self.at(dialect), name, password)

    def command(self, *words: str | Path, said: str = "") -> subprocess.CompletedProcess[str]:
        ended = run_popover("account", *words, stdin=None, input=said, env=os.environ | self.env)
        assert ended.returncode == 0, ended.stderr
        return ended

    def add(self, name: str, *more: str) -> str:
        user = self.dovecot.new_user()
        servers = [word for url in self.servers.values() for word in ("--server", url)]
        words = ["add", name, "--login", user, *servers, "--ca-file", str(self._ca), *more]
        self.command(*words, said=f"{LOCAL}\n{self.dovecot.password}\n")
        return user


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory, dovecot: Dovecot, postfix: Postfix, authority: Authority
) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house"), authority, dovecot, postfix)
    with made.popover:
        yield made
        told = "\n".join([*made.popover.log_lines(), *made.popover.out_lines()])
        arguments = Path(f"/proc/{made.popover.pid}/cmdline").read_text()
    assert "canary" not in told + arguments
    assert made.dovecot.password not in told + arguments
    assert "$scrypt$" not in told


def answer(house: House, user: str, password: str, source: str = "127.0.0.1") -> bytes:
    """What USER and PASS get."""
    with Wire.to(house.at("pop3"), source) as client:
        client.line()
        client.ask(b"USER " + user.encode())
        return client.ask(b"PASS " + password.encode())


@pytest.mark.parametrize("name", ["plain", "hashed", "P", "HASHED"])
@pytest.mark.parametrize("client", ["poplib", "getmail"])
def test_a_mail_program_gets_its_mail_by_a_password_of_the_house(
    house: House, workdir: Workdir, name: str, client: str
) -> None:
    user = house.users["plain" if name == "P" else name.lower()]
    house.dovecot.deliver(user, PLAIN)
    fetch = next(POP3_CLIENTS[key] for key in POP3_CLIENTS if client in key)
    letters = fetch(house.account("pop3", name), workdir())
    assert PLAIN.replace(b"\r\n", b"\n") in [letter.replace(b"\r\n", b"\n") for letter in letters]
    told = house.popover.wait_for_event("session", user=name.lower() if name != "P" else "plain")
    assert told["end"] in ("client closed", "server closed")


@pytest.mark.parametrize("name", ["plain", "hashed"])
def test_what_is_sent_goes_out_under_the_providers_login(house: House, workdir: Workdir, name: str) -> None:
    user, before = house.users[name], len(house.dovecot.wait_for_messages(house.users[name], 0))
    for send in SMTP_CLIENTS.values():
        send(house.account("smtp", name), workdir(), house.postfix.mailbox(user), DOTS)
    messages = house.dovecot.wait_for_messages(user, before + len(SMTP_CLIENTS))
    assert without_trace(messages[-1]) == DOTS


@pytest.mark.parametrize(
    ("dialect", "how"), [("pop3", "+APOP"), ("pop3", "CRAM-MD5"), ("imap", "CRAM-MD5"), ("smtp", "CRAM-MD5")]
)
def test_curl_logs_in_by_digests_where_each_password_itself_is_kept(
    house: House, workdir: Workdir, dialect: str, how: str
) -> None:
    host, port = house.at(f"{dialect}-digests")
    home = workdir()
    more: tuple[str | Path, ...] = ()
    if dialect == "smtp":
        (home / "letter").write_bytes(PLAIN)
        more = (
            "--mail-from",
            "a@example.test",
            "--mail-rcpt",
            house.postfix.mailbox(house.users["plain"]),
            "-T",
            "letter",
        )
    url = f"{dialect}://{host}:{port}/"
    run(home, "curl", "-q", "-sS", "--login-options", f"AUTH={how}", "-u", f"plain:{LOCAL}", *more, url)


DIGESTING: dict[str, Callable[[Account, Path], list[bytes]]] = {
    "fetchmail, APOP": partial(fetch_by_fetchmail, protocol="apop"),
    "mpop, APOP": partial(fetch_by_mpop, auth="apop"),
    "mpop, CRAM-MD5": partial(fetch_by_mpop, auth="cram-md5"),
}


@pytest.mark.parametrize("how", DIGESTING)
def test_pop3_clients_that_insist_on_a_digest_get_their_mail(house: House, workdir: Workdir, how: str) -> None:
    house.dovecot.deliver(house.users["plain"], PLAIN)
    letters = DIGESTING[how](house.account("pop3-digests", "plain"), workdir())
    assert PLAIN.replace(b"\r\n", b"\n") in [letter.replace(b"\r\n", b"\n") for letter in letters]


@pytest.mark.parametrize("auth", ["cram-md5", "login"])
def test_msmtp_sends_by_each_way_to_log_in(house: House, workdir: Workdir, auth: str) -> None:
    user, before = house.users["plain"], len(house.dovecot.wait_for_messages(house.users["plain"], 0))
    mailbox = house.postfix.mailbox(user)
    send_by_msmtp(house.account("smtp-digests", "plain"), workdir(), mailbox, PLAIN, auth=auth)
    house.dovecot.wait_for_messages(user, before + 1)


# The command, beside a gateway that runs


def test_an_account_of_the_command_is_served_at_once_and_no_session_is_touched(house: House, workdir: Workdir) -> None:
    session = pop3(house.account("pop3", "plain"))
    assert answer(house, "anna", LOCAL).startswith(b"-ERR [AUTH] ")
    user = house.add("Anna", "--also", "a")
    house.dovecot.deliver(user, PLAIN)
    fetch = POP3_CLIENTS[next(iter(POP3_CLIENTS))]
    assert fetch(house.account("pop3", "ANNA"), workdir()) == [PLAIN]
    house.command("passwd", "anna", said="canary-other\n")
    assert answer(house, "a", LOCAL).startswith(b"-ERR [AUTH] ")
    assert answer(house, "a", "canary-other").startswith(b"+OK")
    stays = pop3(house.account("pop3", "a", "canary-other"))
    house.command("remove", "anna")
    assert answer(house, "a", "canary-other").startswith(b"-ERR [AUTH] ")
    for one in (session, stays):
        assert one.noop().startswith(b"+OK")
        one.quit()


def test_a_secret_that_was_mended_by_the_command_is_said_at_the_next_login(house: House) -> None:
    house.add("berta")
    house.command("passwd", "berta", "--secret", said="canary-wrong\n")
    refused = answer(house, "berta", LOCAL)
    assert not refused.startswith(b"+OK")
    house.command("passwd", "berta", "--secret", said=f"{house.dovecot.password}\n")
    assert answer(house, "berta", LOCAL).startswith(b"+OK")


def test_a_stamp_is_in_the_greeting_as_long_as_everybody_can_use_it(
    tmp_path: Path, authority: Authority, dovecot: Dovecot, postfix: Postfix
) -> None:
    house = House(tmp_path, authority, dovecot, postfix)

    def greetings() -> list[bool]:
        found = []
        for name in ("pop3", "pop3-digests"):
            with Wire.to(house.at(name)) as client:
                found.append(b"<" in client.line())
        return found

    with house.popover:
        assert greetings() == [False, True]
        house.secret("hashed", LOCAL)
        house.popover.signal(signal.SIGHUP)
        house.popover.wait_for_event("reloaded")
        assert greetings() == [True, True]
        house.add("carla")
        assert greetings() == [False, True]
        house.command("passwd", "carla", "--plain", said=f"{LOCAL}\n")
        assert greetings() == [True, True]


def test_the_command_of_root_serves_a_gateway_that_runs_as_somebody_else(
    authority: Authority, dovecot: Dovecot
) -> None:
    """As a service does it. Who is not root has one of his own."""
    user = dovecot.new_user()
    with short_directory("popover") as directory:
        state, ca_file = directory / "state", directory / "ca.pem"
        state.mkdir(mode=0o700)
        ca_file.write_bytes(authority.ca_file.read_bytes())
        whom = "nobody" if is_root() else pwd.getpwuid(os.getuid()).pw_name
        os.chown(state, pwd.getpwnam(whom).pw_uid, pwd.getpwnam(whom).pw_gid)
        service = '[[service]]\nname = "pop3"\ndialect = "pop3"\naccounts = true\nlisten = "127.0.0.1:0"\n'
        (directory / "popover.toml").write_text(f'user = "{whom}"\n{service}')
        env = {"STATE_DIRECTORY": str(state)}
        words = ("add", "anna", "--login", user, "--server", f"localhost:{dovecot.pop3s_port}", "--ca-file", ca_file)
        with Popover("-c", directory / "popover.toml", env=env) as popover:
            said = f"{LOCAL}\n{dovecot.password}\n"
            ended = run_popover("account", *words, stdin=None, input=said, env=os.environ | env)
            assert ended.returncode == 0, ended.stderr
            with Wire.to(popover.addresses[0]) as client:
                client.line()
                client.ask(b"USER anna")
                assert client.ask(b"PASS " + LOCAL.encode()).startswith(b"+OK")


# What goes wrong


def test_a_wrong_password_never_reaches_the_server_and_is_one_line_of_the_log(
    tmp_path: Path, authority: Authority, dovecot: Dovecot, postfix: Postfix
) -> None:
    house = House(tmp_path, authority, dovecot, postfix)
    with house.popover:
        for user in ("plain", "hashed", "nobody"):
            assert answer(house, user, "canary-wrong").startswith(b"-ERR [AUTH] ")
        told = house.popover.wait_for_events("session", 3)
        assert not [one for one in told if one.get("tls")]  # no server was dialled
        lines = [one["text"] for one in house.popover.events("login")]
        assert [line.rpartition(": ")[0] for line in lines] == [
            "127.0.0.1 login refused: wrong password",
            "127.0.0.1 login refused: wrong password",
            "127.0.0.1 login refused: unknown user",
        ]


def test_unknown_names_and_wrong_passwords_get_the_same_words(house: House) -> None:
    assert answer(house, "plain", "canary-wrong") == answer(house, "nobody", "x") == answer(house, "hashed", "y")


def test_a_secret_that_others_can_read_is_no_wrong_password(
    tmp_path: Path, authority: Authority, dovecot: Dovecot, postfix: Postfix
) -> None:
    house = House(tmp_path, authority, dovecot, postfix)
    with house.popover:
        assert answer(house, "plain", LOCAL).startswith(b"+OK")
        (tmp_path / "secret").chmod(0o644)
        (tmp_path / "hashed").chmod(0o640)
        for name in ("plain", "hashed"):
            said = answer(house, name, LOCAL)
            assert said.startswith(b"-ERR [SYS/")
            assert b"error" not in said.lower()
        told = house.popover.wait_for_events("login", 2)
        for name, one in zip(("secret", "hashed"), told, strict=True):
            assert f"chmod 600 {tmp_path}/{name}" in one["remedy"]
        house.popover.signal(signal.SIGHUP)
        house.popover.wait_for_event("reloaded")
        warned = [one["text"] for one in house.popover.events("warning")]
        for name in ("secret", "hashed"):
            assert [text for text in warned if f"chmod 600 {tmp_path}/{name}" in text]


def test_who_tries_passwords_is_shut_out_and_nobody_else(
    tmp_path: Path, authority: Authority, dovecot: Dovecot, postfix: Postfix
) -> None:
    house = House(tmp_path, authority, dovecot, postfix)
    with house.popover:
        with ThreadPoolExecutor(FULL + 10) as pool:
            tries = [pool.submit(answer, house, "plain", f"canary{number}", "127.0.0.9") for number in range(FULL + 10)]
            said = [one.result() for one in tries]
        assert sum(one.startswith(b"-ERR [AUTH] ") for one in said) == FULL
        assert sum(one.startswith(b"-ERR [SYS/TEMP] too many wrong logins") for one in said) == 10
        right, wrong = (answer(house, "plain", word, "127.0.0.9") for word in (LOCAL, "canary"))
        assert right == wrong  # it tells nothing any more
        assert answer(house, "plain", LOCAL, "127.0.0.8").startswith(b"+OK")


def test_accounts_of_a_user_that_popover_is_not_are_told_at_the_start(
    tmp_path: Path, authority: Authority, dovecot: Dovecot, postfix: Postfix
) -> None:
    state = tmp_path / "state" / "accounts"
    state.mkdir(parents=True)
    state.chmod(0o777)
    house = House(tmp_path, authority, dovecot, postfix)
    with house.popover:
        wait_until(lambda: f"chmod 700 {state}" in "".join(house.popover.log_lines()), "it is told")
        assert answer(house, "anna", "x").startswith(b"-ERR [SYS/")
        assert answer(house, "plain", LOCAL).startswith(b"+OK")
