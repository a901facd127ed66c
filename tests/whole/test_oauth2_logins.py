"""OAuth2 from end to end: old mail programs say a password of the house; real servers get tokens of a real provider.
They take nothing else.
"""

import json
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fakes.wire import Wire
from parts.account import Account
from parts.certificates import Authority
from parts.clients import IMAP_CLIENTS, POP3_CLIENTS, SMTP_CLIENTS, smtp
from parts.dovecot import Dovecot
from parts.messages import PLAIN
from parts.places import short_directory
from parts.popover import COMMAND, Popover, run_popover
from parts.postfix import Postfix, without_trace
from parts.provider import SECRET, Provider

LOCAL = "canary-local"
DIALECTS = ("pop3", "imap", "smtp")
CANARIES = (LOCAL, SECRET, "canary-")  # each access token begins with the last
Workdir = Callable[[], Path]


class House:
    """A popover with accounts in its file, whose people sign in by the command."""

    def __init__(self, directory: Path, provider: Provider, dovecot: Dovecot, postfix: Postfix) -> None:
        self.directory, self.provider, self.dovecot, self.postfix = directory, provider, dovecot, postfix
        self.users = {
            name: self._user() for name in ("device", "browser", "paste", "secret", "nobody", "gone", "short", "itself")
        }
        for name, content in (("password", LOCAL), ("client-secret", SECRET)):
            (directory / name).touch(mode=0o600)
            (directory / name).write_text(f"{content}\n")
        services = "".join(
            f'[[service]]\naccounts = true\ndialect = "{dialect}"\nlisten = "127.0.0.1:0"\ntrace = true\n'
            "max_sessions_per_client = 0\n"
            for dialect in DIALECTS
        ) + (
            '[[service]]\nname = "scanner"\naccounts = ["device"]\ndialect = "smtp"\ndevice = true\n'
            'allow = "127.0.0.1"\nlisten = "127.0.0.1:0"\ntrace = true\nsender = "scans@example.test"\n'
        )
        (directory / "popover.toml").write_text(services + "".join(map(self._account, self.users)))
        self.env = {"STATE_DIRECTORY": str(directory / "state")}
        self.popover = Popover("-c", directory / "popover.toml", env=self.env)
        self.told: list[str] = []

    def _user(self) -> str:
        """One whom the provider and Dovecot know by the same name."""
        user = self.provider.new_user()
        self.dovecot.wipe(user)
        return user

    def _account(self, name: str) -> str:
        provider, dovecot = self.provider, self.dovecot
        servers = (
            f'pop3 = "pop3s://localhost:{dovecot.pop3s_port}", imap = "imaps://localhost:{dovecot.imaps_port}", '
            f'smtp = "smtps://localhost:{self.postfix.port}"'
        )
        client = {"browser": "code", "paste": "code", "secret": "secret", "itself": "itself"}.get(name, "device")
        flow = (
            f'device_url = "{provider.device_url}"'
            if client == "device"
            else f'authorize_url = "{provider.authorize_url}"'
        )
        secret = 'client_secret_file = "client-secret"\n' if client in ("secret", "itself") else ""
        secret += 'grant = "client_credentials"\n' if client == "itself" else ""
        return (
            f'[[account]]\nname = "{name}"\npassword_file = "password"\nservers = {{ {servers} }}\n'
            f'login = "{self.users[name]}"\nca_file = "{provider.ca_file}"\n[account.oauth2]\n{flow}\n{secret}'
            f'client_id = "popover-{client}"\ntoken_url = "{provider.token_url}"\nca_file = "{provider.ca_file}"\n'
            'scopes = ["mail"]\n'
        )

    def account(self, dialect: str, name: str, password: str = LOCAL) -> Account:
        return Account(self.popover.addresses[DIALECTS.index(dialect)], name, password)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        ended = run_popover("account", *words, "-c", self.directory / "popover.toml", env=os.environ | self.env)
        self.told += [ended.stdout, ended.stderr]
        return ended

    def sign_in(self, name: str, *words: str, answer: Callable[[str], str | None]) -> str:
        """`popover account login`; `answer` gets each line that it says, and gives what is typed to it."""
        command = [*COMMAND, "account", "login", name, *words, "-c", str(self.directory / "popover.toml")]
        with subprocess.Popen(
            command,
            env=os.environ | self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout is not None
            assert process.stdin is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                seen = Path(f"/proc/{process.pid}/cmdline").read_text()
                assert not any(canary in seen for canary in CANARIES)
                if typed := answer(line.strip()):
                    process.stdin.write(f"{typed}\n")
                    process.stdin.flush()
        said = "".join(lines)
        assert process.returncode == 0, said
        self.told.append(said)
        return said

    def by_device(self, name: str) -> str:
        page: list[str] = []

        def answer(line: str) -> None:
            if page and line:
                self.provider.enter_code(line, self.users[name])
                page.clear()
            elif line == self.provider.device_page:
                page.append(line)

        return self.sign_in(name, answer=answer)

    def by_browser(self, name: str) -> str:
        def answer(line: str) -> None:
            if line.startswith("https://"):
                threading.Thread(target=self.provider.say_yes, args=(line, self.users[name])).start()

        return self.sign_in(name, "--browser", answer=answer)

    def by_paste(self, name: str) -> str:
        def answer(line: str) -> str | None:
            return self.provider.say_yes(line, self.users[name]) if line.startswith("https://") else None

        return self.sign_in(name, "--paste", answer=answer)


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory, _provider: Provider, token_dovecot: Dovecot, authority: Authority
) -> Iterator[House]:
    _provider.mood()
    with short_directory("postfix") as directory, Postfix(directory, authority, token_dovecot) as postfix:
        made = House(tmp_path_factory.mktemp("house"), _provider, token_dovecot, postfix)
        with made.popover:
            made.by_device("device")
            yield made
            told = "\n".join([*made.popover.log_lines(), *made.popover.out_lines(), *made.told])
            told += Path(f"/proc/{made.popover.pid}/cmdline").read_text()
    assert not [canary for canary in CANARIES if canary in told]
    kept = [json.loads(path.read_text()) for path in (made.directory / "state" / "tokens").glob("*.json")]
    assert kept
    assert not [one for one in kept if one["refresh_token"] and one["refresh_token"] in told]


def answer(house: House, name: str, password: str = LOCAL) -> bytes:
    """What PASS gets."""
    with Wire.to(house.account("pop3", name).address, "127.0.0.1") as client:
        client.line()
        client.ask(b"USER " + name.encode())
        return client.ask(b"PASS " + password.encode())


def no_crlf(letters: list[bytes]) -> list[bytes]:
    return [letter.replace(b"\r\n", b"\n") for letter in letters]


@pytest.mark.parametrize("client", POP3_CLIENTS)
def test_pop3_programs_with_a_password_fetch_from_a_server_that_takes_tokens_only(
    house: House, workdir: Workdir, client: str
) -> None:
    house.dovecot.wipe(house.users["device"])
    house.dovecot.deliver(house.users["device"], PLAIN)
    assert PLAIN.replace(b"\r\n", b"\n") in no_crlf(POP3_CLIENTS[client](house.account("pop3", "device"), workdir()))


@pytest.mark.parametrize("client", IMAP_CLIENTS)
def test_imap_programs_with_a_password_fetch_from_a_server_that_takes_tokens_only(
    house: House, workdir: Workdir, client: str
) -> None:
    house.dovecot.wipe(house.users["device"])
    house.dovecot.deliver(house.users["device"], PLAIN)
    assert PLAIN.replace(b"\r\n", b"\n") in no_crlf(IMAP_CLIENTS[client](house.account("imap", "device"), workdir()))


@pytest.mark.parametrize("client", SMTP_CLIENTS)
def test_smtp_programs_with_a_password_send_through_a_server_that_takes_tokens_only(
    house: House, workdir: Workdir, client: str
) -> None:
    user = house.users["device"]
    house.dovecot.wipe(user)
    SMTP_CLIENTS[client](house.account("smtp", "device"), workdir(), house.postfix.mailbox(user), PLAIN)
    [stored] = house.dovecot.wait_for_messages(user, 1)
    assert PLAIN.rpartition(b"\r\n\r\n")[2].strip() in without_trace(stored).replace(b"\n", b"\r\n").replace(
        b"\r\r", b"\r"
    )


def test_the_first_page_shows_what_is_said(house: House) -> None:
    page = (Path(__file__).parents[2] / "docs/oauth2/README.md").read_text()
    shown = page.partition("$ popover account login aunt\n")[2].partition("```")[0]
    said = house.by_device("device")
    for ours, theirs in (
        ('"device"', '"aunt"'),
        (r"https://localhost:\d+/o/device/\n    \w+", "https://microsoft.com/devicelogin\n    ABCD-EFGH"),
        (rf"\b{house.users['device']}\b", "aunt@outlook.com"),
        (r"\d+ minutes", "15 minutes"),
        ("localhost", "Outlook.com"),
        (r"\d\d:\d\d", "14:05"),
    ):
        said = re.sub(ours, theirs, said)
    assert said == shown


def test_a_device_without_a_login_sends_through_a_server_that_takes_tokens_only(house: House) -> None:
    user = house.users["device"]
    house.dovecot.wipe(user)
    with smtp(Account(house.popover.addresses[len(DIALECTS)], "", "")) as device:
        device.sendmail("scanner", [house.postfix.mailbox(user)], b"Subject: a scan\r\n\r\ntext\r\n")
    [stored] = house.dovecot.wait_for_messages(user, 1)
    assert b"From: scans@example.test" in stored
    assert house.popover.wait_for_event("session", service="scanner")["user"] == "device"


@pytest.mark.parametrize("flow", ["browser", "paste"])
def test_each_way_to_sign_in_ends_in_a_login(house: House, flow: str) -> None:
    said = house.by_browser(flow) if flow == "browser" else house.by_paste(flow)
    assert f'"{flow}" is signed in at localhost' in said
    assert answer(house, flow).startswith(b"+OK")


def test_a_client_with_a_secret_signs_in(house: House) -> None:
    house.by_paste("secret")
    assert answer(house, "secret").startswith(b"+OK")


def test_tokens_of_three_kilobytes_log_in_in_all_dialects(house: House, workdir: Workdir) -> None:
    house.provider.mood(length=3000)
    house.by_device("gone")
    house.provider.mood()
    account = house.account("pop3", "gone")
    assert POP3_CLIENTS["poplib"](account, workdir()) == []
    assert IMAP_CLIENTS["imaplib"](house.account("imap", "gone"), workdir()) == []
    mailbox = house.postfix.mailbox(house.users["gone"])
    SMTP_CLIENTS["smtplib"](house.account("smtp", "gone"), workdir(), mailbox, PLAIN)
    assert house.dovecot.wait_for_messages(house.users["gone"], 1)


def test_who_has_not_signed_in_is_told_the_command_and_keeps_his_password(house: House) -> None:
    said = answer(house, "nobody")
    assert said.startswith(b"-ERR [SYS/")
    assert b"popover account login nobody" in said
    assert b"[AUTH]" not in said
    assert b"error" not in said.lower()
    told = house.popover.wait_for_event("login", user="nobody")
    assert "popover account login nobody" in told["cause"]


def test_a_wrong_password_of_the_house_does_not_touch_the_tokens(house: House) -> None:
    path = house.directory / "state" / "tokens" / "device.json"
    before, asked = path.read_bytes(), len(house.provider.asked())
    assert answer(house, "device", "wrong").startswith(b"-ERR [AUTH]")
    assert path.read_bytes() == before
    assert len(house.provider.asked()) == asked


def test_a_token_that_the_server_refuses_is_renewed_and_said_once_more(house: House, workdir: Workdir) -> None:
    """Somebody has revoked it, or the clock is wrong: the client notices nothing."""
    path = house.directory / "state" / "tokens" / "device.json"
    kept = json.loads(path.read_text())
    draft = path.with_name("draft")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(kept | {"access_token": "canary-revoked"}))
    draft.replace(path)
    asked = len(house.provider.asked())
    house.dovecot.wipe(house.users["device"])
    assert POP3_CLIENTS["poplib"](house.account("pop3", "device"), workdir()) == []
    assert len(house.provider.asked()) == asked + 1
    assert house.provider.refusals(asked) == []


def test_a_provider_that_is_down_is_no_failed_login(house: House) -> None:
    house.by_device("short")
    path = house.directory / "state" / "tokens" / "short.json"
    kept = json.loads(path.read_text())
    draft = path.with_name("draft")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(kept | {"expires": 0}))
    draft.replace(path)
    house.provider.mood(status=503)
    said = answer(house, "short")
    house.provider.mood()
    assert said.startswith(b"-ERR [SYS/TEMP]")
    assert b"HTTP 503" in said
    assert json.loads(path.read_text())["refresh_token"] == kept["refresh_token"]


def test_eight_old_clients_at_once_with_tokens_of_five_seconds_never_fail(house: House, workdir: Workdir) -> None:
    house.provider.mood(life=5)
    house.by_device("short")
    asked = len(house.provider.asked())
    house.dovecot.wipe(house.users["short"])

    def poll(_number: int) -> int:
        polls = 0
        while len(house.provider.asked()) < asked + 3:  # until three tokens have come to their end
            assert POP3_CLIENTS["poplib"](house.account("pop3", "short"), workdir()) == []
            polls += 1
        return polls

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(poll, range(8))) > 8
    house.provider.mood()
    assert house.provider.refusals(asked) == []


def test_show_and_logout_say_how_it_stands(house: House) -> None:
    house.by_paste("secret")
    shown = house.command("show", "secret").stdout
    for word in ("token valid until", "refresh token since", "signed in"):
        assert word in shown
    told = json.loads(house.command("show", "secret", "--json").stdout)["oauth2"]
    assert told["state"] == "good"
    assert "is signed out" in house.command("logout", "secret").stdout
    assert "nobody is signed in" in house.command("logout", "secret").stdout
    assert "popover account login secret" in house.command("show", "secret").stdout
    assert b"popover account login secret" in answer(house, "secret")


def test_a_program_that_signs_in_by_itself_shows_whether_it_can(house: House) -> None:
    ended = house.command("login", "itself")
    assert '"itself" is signed in at localhost' in ended.stdout
    secret = house.directory / "client-secret"
    right = secret.read_text()
    secret.write_text("wrong\n")
    ended = house.command("login", "itself")
    secret.write_text(right)
    assert ended.returncode == 1
    assert "its operator must mend that" in ended.stderr
    assert house.command("login", "itself").returncode == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("login", "browser", "--device"), "cannot be signed in at by --device, but by --browser, --paste"),
        (("login", "nobody", "--paste"), "by --device"),
        (("login", "unknown"), 'no account "unknown"'),
        (("login", "browser", "--paste"), "no address was pasted"),
    ],
)
def test_what_does_not_work_is_told_in_a_line(house: House, words: tuple[str, ...], told: str) -> None:
    ended = house.command(*words)
    assert ended.returncode == 1
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr
