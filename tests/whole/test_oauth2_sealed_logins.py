"""Tokens that are encrypted by the local password, from the command to mail that is read: at a provider under Outlook's
names, whose mail server takes tokens only.
"""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest

from parts.certificates import Authority
from parts.messages import PLAIN
from parts.outlook import CLIENT_ID, PAGE, USER, Outlook
from parts.popover import COMMAND, Popover, run_popover
from parts.provider import Provider
from popover.accounts.oauth2.store import TokenFile
from popover.accounts.oauth2.vault import Key

LOCAL, NEXT = "canary-local", "canary-next"
ADD = ("add", "aunt", "--provider", "outlook", "--login", "aunt@outlook.com", "--client-id", CLIENT_ID)
SERVICE = '[[service]]\nname = "house"\naccounts = true\ndialect = "pop3"\nlisten = "127.0.0.1:0"\ntrace = true\n'


class House:
    """A popover of one test, and the commands that are typed there."""

    def __init__(self, directory: Path, outlook: Outlook) -> None:
        self.outlook = outlook
        self.file = directory / "popover.toml"
        self.file.write_text(SERVICE)
        self.state = directory / "state"
        self.env = outlook.env | {"STATE_DIRECTORY": str(self.state), "PYTHONDEVMODE": "1"}
        self.told: list[str] = []
        outlook.dovecot.wipe(USER)
        outlook.dovecot.deliver(USER, PLAIN)

    def command(self, *words: str | Path, said: str = "", code: int = 0) -> str:
        """`popover account WORDS`; all that it says."""
        command = [*self.outlook.prefix, *COMMAND, "account", *map(str, words)]
        ended = subprocess.run(
            command, input=said, env=os.environ | self.env, capture_output=True, text=True, check=False, timeout=60
        )
        assert ended.returncode == code, ended.stdout + ended.stderr
        self.told.append(ended.stdout + ended.stderr)
        return ended.stdout + ended.stderr

    def sign_in(self, *words: str, password: str = LOCAL) -> str:
        """`popover account login`, by somebody who says a password and enters the code."""
        command = [*self.outlook.prefix, *COMMAND, "account", "login", "aunt", *words]
        with subprocess.Popen(
            command, env=os.environ | self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{password}\n")
            process.stdin.close()
            lines: list[str] = []
            for line in process.stdout:
                if lines and lines[-1].strip() == PAGE:
                    self.outlook.enter_code(line.strip())
                lines.append(line)
        assert process.returncode == 0, lines
        self.told += lines
        return "".join(lines)

    def popover(self) -> Popover:
        """A gateway that has just been started."""
        with mock.patch("parts.popover.COMMAND", (*self.outlook.prefix, *COMMAND)):
            return Popover("-c", self.file, env=self.env)

    def answer(self, popover: Popover, password: str = LOCAL) -> bytes:
        """What PASS gets, of a mail program that looks for mail."""
        with self.outlook.connect(popover.addresses[0]) as client:
            assert client.line().startswith(b"+OK")
            client.ask(b"USER Aunt")
            said = client.ask(b"PASS " + password.encode())
            if said.startswith(b"+OK"):
                assert client.ask(b"STAT").startswith(b"+OK 1 ")
                client.ask(b"QUIT")
        return said

    @property
    def tokens(self) -> Path:
        """Where they are kept."""
        return self.state / "tokens" / "aunt.json"

    def started_for(self, password: str = LOCAL) -> bytes:
        """What a mail program gets from a popover that is started for it alone (`popover inetd`)."""
        talk = f"USER aunt\r\nPASS {password}\r\nSTAT\r\nQUIT\r\n".encode()
        command = [*self.outlook.prefix, *COMMAND, "inetd", "-c", str(self.file), "house"]
        ended = subprocess.run(
            command, input=talk, env=os.environ | self.env, capture_output=True, check=False, timeout=60
        )
        self.told.append(ended.stderr.decode())
        return ended.stdout

    def outdate(self) -> None:
        """Let the access token that is kept be at its end."""
        closed = TokenFile(self.state / "tokens", "aunt").read()
        assert closed is not None
        file = TokenFile(self.state / "tokens", "aunt", Key.of(LOCAL.encode(), closed.salt))
        with file.locked(), file.writing() as write:
            kept = file.read()
            assert kept is not None
            assert not kept.is_closed
            write(replace(kept, expires=kept.obtained))

    def done(self, popover: Popover) -> None:
        """Whatever was said, nothing secret is in it."""
        told = "\n".join([*popover.log_lines(), *popover.out_lines(), *self.told])
        assert told
        assert "canary" not in told


@pytest.fixture(scope="module")
def outlook(tmp_path_factory: pytest.TempPathFactory, authority: Authority, _provider: Provider) -> Iterator[Outlook]:
    _provider.mood()
    with Outlook(tmp_path_factory.mktemp("outlook"), authority, _provider) as running:
        yield running


@pytest.fixture
def house(tmp_path: Path, outlook: Outlook) -> House:
    return House(tmp_path, outlook)


def test_from_the_first_command_over_a_restart_to_another_password(house: House) -> None:
    house.command(*ADD, "--encrypt", said=f"{LOCAL}\n")
    assert "signed in at Outlook.com" in house.sign_in()
    assert "canary" not in house.tokens.read_text()
    with house.popover() as popover:
        assert house.answer(popover).startswith(b"+OK")
        house.done(popover)
    with house.popover() as popover:
        assert house.answer(popover).startswith(b"+OK")
        before = house.tokens.read_bytes()
        house.command("passwd", "aunt", said=f"{LOCAL}\n{NEXT}\n")
        assert house.tokens.read_bytes() != before
        assert house.answer(popover).startswith(b"-ERR [AUTH]")
        assert house.answer(popover, NEXT).startswith(b"+OK")
        house.done(popover)
    with house.popover() as popover:
        assert house.answer(popover, NEXT).startswith(b"+OK")
        house.done(popover)


def test_the_present_password_is_asked_for_before_it_is_changed_and_a_wrong_one_changes_nothing(house: House) -> None:
    house.command(*ADD, "--encrypt", said=f"{LOCAL}\n")
    account = house.state / "accounts" / "aunt.json"
    house.command("passwd", "aunt", said=f"{LOCAL}\n")  # nothing is encrypted yet: nothing is asked for
    house.sign_in()
    before = account.read_bytes(), house.tokens.read_bytes()
    assert "is not the local password" in house.command("passwd", "aunt", said=f"wrong\n{NEXT}\n", code=1)
    assert "must not lie beside them" in house.command("passwd", "aunt", "--plain", said=f"{LOCAL}\n{NEXT}\n", code=2)
    assert (account.read_bytes(), house.tokens.read_bytes()) == before


def test_a_new_sign_in_asks_for_the_password_and_a_wrong_one_touches_no_token(house: House, tmp_path: Path) -> None:
    house.command(*ADD, "--encrypt", said=f"{LOCAL}\n")
    house.sign_in()
    before = house.tokens.read_bytes()
    for words, said in ((("login", "aunt"), "wrong\n"), (("login", "aunt"), "canary-Local\n")):
        assert "is not the local password" in house.command(*words, said=said, code=1)
    wrong = tmp_path / "wrong"
    wrong.write_text("canary-wrong\n")
    assert "is not the local" in house.command("login", "aunt", "--password-file", wrong, code=1)
    assert house.tokens.read_bytes() == before


def test_an_account_that_is_there_is_encrypted_from_a_sign_in_on_and_no_more(house: House) -> None:
    house.command(*ADD, "--plain", said=f"{LOCAL}\n")
    assert "would lie beside" in house.command("login", "aunt", "--encrypt", code=1)
    house.command("passwd", "aunt", said=f"{LOCAL}\n")
    assert "is not the local password" in house.command("login", "aunt", "--encrypt", said="wrong\n", code=1)
    account = house.state / "accounts" / "aunt.json"
    assert "encrypt" not in account.read_text()
    house.sign_in("--encrypt")
    assert json.loads(account.read_text())["oauth2"] == {"client_id": CLIENT_ID, "encrypt": True}
    assert "canary" not in house.tokens.read_text()
    with house.popover() as popover:
        assert house.answer(popover).startswith(b"+OK")
        house.sign_in("--no-encrypt")
        assert "canary" in house.tokens.read_text()
        assert house.answer(popover).startswith(b"+OK")
        assert "canary" in house.tokens.read_text()
        house.done(popover)


def test_show_says_that_it_is_encrypted_and_what_that_means(house: House) -> None:
    house.command(*ADD, "--encrypt", said=f"{LOCAL}\n")
    house.sign_in()
    shown = house.command("show", "aunt")
    assert "encrypted           by the local password; after each start, renewed from its first login on" in shown
    assert json.loads(house.command("show", "aunt", "--json"))["oauth2"]["encrypted"] is True
    assert "takes no sign-in back from a program" in house.command("logout", "aunt")
    assert not house.tokens.exists()


def test_a_password_that_is_kept_itself_beside_them_is_doubted_and_apop_is_not_offered(house: House) -> None:
    password = house.file.with_name("password")
    password.touch(mode=0o600)
    password.write_text(f"{LOCAL}\n")
    house.file.write_text(
        f'{SERVICE}[[account]]\nname = "aunt"\npassword_file = "password"\nprovider = "outlook"\n'
        f'login = "aunt@outlook.com"\noauth2 = {{ client_id = "{CLIENT_ID}", encrypt = true }}\n'
    )
    with house.popover() as popover:
        with house.outlook.connect(popover.addresses[0]) as client:
            assert b"<" not in client.line()
        assert any("that lies beside them in clear" in line for line in popover.log_lines())
        assert house.answer(popover).startswith(b"-ERR [SYS/PERM]")  # nobody has signed in


def test_a_popover_that_is_started_for_each_connection_opens_and_renews_what_is_sealed_each_time(house: House) -> None:
    """The provider takes each refresh token once: what the one before has sealed, the next one opens."""
    house.command(*ADD, "--encrypt", said=f"{LOCAL}\n")
    house.sign_in()
    for _ in range(2):
        house.outdate()
        before = house.tokens.read_bytes()
        assert b"-ERR [AUTH]" in house.started_for("wrong")
        assert house.tokens.read_bytes() == before
        said = house.started_for().splitlines()
        assert [line[:3] for line in said] == [b"+OK"] * 5
        assert said[3].startswith(b"+OK 1 ")
        assert house.tokens.read_bytes() != before
        assert "canary" not in house.tokens.read_text()
        assert house.started_for().count(b"+OK") == 5
    assert "canary" not in "".join(house.told)


def test_several_that_are_started_at_once_renew_it_once(house: House) -> None:
    house.command(*ADD, "--encrypt", said=f"{LOCAL}\n")
    house.sign_in()
    house.outdate()
    asked = len(house.outlook.provider.asked())
    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(lambda _: house.started_for(), range(4)))
    assert [one.count(b"+OK") for one in said] == [5] * 4
    assert len(house.outlook.provider.asked()) == asked + 1
    assert "canary" not in house.tokens.read_text()


WRONG: list[tuple[tuple[str, ...], str]] = [
    ((*ADD, "--encrypt", "--plain"), "must not lie beside them"),
    ((*ADD, "--encrypt", "--device"), "a device's account has none"),
    (("add", "a", "--provider", "gmail", "--login", "a", "--encrypt"), "goes with --client-id"),
    (("login", "plain", "--password-file", "/dev/null"), "is empty"),
]


@pytest.mark.parametrize(("words", "told"), WRONG, ids=["plain", "device", "password", "file"])
def test_what_can_not_be_is_told_before_anybody_types_a_password(
    tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    env = os.environ | {"STATE_DIRECTORY": str(tmp_path / "state")}
    ended = run_popover("account", *words, env=env)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert told in ended.stderr


def test_without_the_library_it_is_a_mistake_that_says_what_to_install(tmp_path: Path) -> None:
    lacking = tmp_path / "cryptography"
    lacking.mkdir()
    (lacking / "__init__.py").write_text("raise ImportError\n")
    env = os.environ | {
        "STATE_DIRECTORY": str(tmp_path / "state"),
        "PYTHONPATH": os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", ""))),
    }
    run: Callable[..., subprocess.CompletedProcess[str]] = run_popover
    ended = run("account", *ADD, "--encrypt", env=env)
    assert ended.returncode == 2
    assert 'pip install "popover[vault]"' in ended.stderr
    file = tmp_path / "popover.toml"
    file.write_text(
        f'{SERVICE}[[account]]\nname = "aunt"\npassword_file = "x"\nprovider = "outlook"\nlogin = "a"\n'
        'oauth2 = { client_id = "x", encrypt = true }\n'
    )
    ended = run("run", "--check", "-c", file, env=env)
    assert ended.returncode == 2
    assert 'account "aunt": oauth2: encrypt: needs a library: pip install "popover[vault]"' in ended.stderr
