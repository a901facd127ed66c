"""`popover account logout` where the local password encrypts what is kept: with it the sign-in is given back, at a real
provider; without it, it is forgotten all the same.
"""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from oauth2_stage import Stage, read_secret
from parts.popover import run_popover
from parts.provider import Provider
from popover.accounts.oauth2.ask import Ask
from popover.accounts.oauth2.flows.paste import by_paste
from popover.accounts.oauth2.flows.sign_in import SignIn
from popover.accounts.oauth2.kept import Kept
from popover.accounts.oauth2.refresh import renew
from popover.accounts.oauth2.store import TokenFile
from popover.accounts.oauth2.vault import Key
from popover.config import Account, load
from popover.errors import SignInNeeded
from terminal import Terminal

LOCAL = "canary-local"


class House:
    """An account of a file, whose person has signed in at a provider that takes a sign-in back."""

    def __init__(self, provider: Provider, directory: Path, *, issuer: bool = True) -> None:
        self.stage = Stage.of(provider, directory)
        self.state, self.file = directory / "state", directory / "popover.toml"
        for name, content in (("password", LOCAL), ("wrong", "canary-wrong")):
            (directory / name).touch(mode=0o600)
            (directory / name).write_text(f"{content}\n")
        where = (
            f'issuer = "{provider.issuer}"'
            if issuer
            else f'token_url = "{provider.token_url}"\nauthorize_url = "{provider.authorize_url}"'
        )
        self.file.write_text(
            '[[service]]\naccounts = true\ndialect = "pop3"\nlisten = "127.0.0.1:0"\n'
            f'[[account]]\nname = "{self.stage.user}"\npassword_file = "password"\nlogin = "{self.stage.user}"\n'
            'server = "pop3s://localhost:995"\n[account.oauth2]\nclient_id = "popover-code"\n'
            f'{where}\nca_file = "{provider.ca_file}"\nscopes = ["mail"]\nencrypt = true\n'
        )
        self.account: Account = load(self.file).accounts[0]
        self.kept = self._signed_in()

    def _signed_in(self) -> Kept:
        stage, shown = self.stage, list[str]()
        key = Key.of(LOCAL.encode())
        sign_in = SignIn(self.account, stage.directory, Ask(read_secret), key=key)
        token = by_paste(
            sign_in, lambda url: shown.append(stage.provider.say_yes(url, stage.user)), lambda: shown[0], print
        )
        return sign_in.keep(token)

    @property
    def words(self) -> list[str]:
        """What is typed."""
        return ["account", "logout", self.stage.user, "-c", str(self.file)]

    def logout(self, *more: str | Path, said: str = "") -> subprocess.CompletedProcess[str]:
        """Type it, without a terminal."""
        ended = run_popover(
            *self.words, *more, stdin=None, input=said, env=os.environ | {"STATE_DIRECTORY": str(self.state)}
        )
        assert "canary" not in ended.stdout + ended.stderr
        assert "Traceback" not in ended.stderr
        return ended

    @property
    def is_forgotten(self) -> bool:
        """Whether nothing is kept any more."""
        return TokenFile(self.stage.directory, self.stage.user).read() is None

    @property
    def is_given_back(self) -> bool:
        """Whether what was kept is of no use to anybody who has it."""
        clear = replace(self.account, oauth2=replace(self.account.oauth2, encrypt=False))  # type: ignore[type-var]
        self.stage.keep(replace(self.kept, salt=b""))
        try:
            renew(
                clear, Ask(read_secret), TokenFile(self.stage.directory, self.stage.user), lambda _: False, lambda: 2e9
            )
        except SignInNeeded:
            return True
        return False


@pytest.fixture
def house(provider: Provider, tmp_path: Path) -> House:
    return House(provider, tmp_path)


@pytest.mark.parametrize("how", ["stdin", "file"])
def test_the_password_gives_a_sealed_sign_in_back(house: House, how: str) -> None:
    password = house.file.with_name("password")
    ended = house.logout(said=f"{LOCAL}\n") if how == "stdin" else house.logout("--password-file", password)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "is signed out, and the provider has taken the sign-in back" in ended.stdout
    assert house.is_forgotten
    assert house.is_given_back


def test_a_terminal_is_asked_for_it(house: House) -> None:
    terminal = Terminal(house.state, *house.words)
    terminal.reads(b"(its tokens are encrypted by it); nothing, if it is forgotten: the provider is not told then: ")
    terminal.types(LOCAL.encode() + b"\n")
    assert terminal.ends() == 0
    assert b"the provider has taken the sign-in back" in terminal.seen
    assert b"canary" not in terminal.seen
    assert house.is_given_back


@pytest.mark.parametrize("how", ["stdin", "file"])
def test_a_wrong_one_forgets_nothing(house: House, how: str) -> None:
    tokens = TokenFile(house.stage.directory, house.stage.user).path
    before, wrong = tokens.read_bytes(), house.file.with_name("wrong")
    ended = house.logout(said="canary-wrong\n") if how == "stdin" else house.logout("--password-file", wrong)
    assert ended.returncode == 1
    assert "this password does not open what is kept of" in ended.stderr
    assert "nothing was changed" in ended.stderr
    assert tokens.read_bytes() == before


@pytest.mark.parametrize("said", ["", "\n"])
def test_who_has_forgotten_it_is_signed_out_here_and_told_where_it_ends(house: House, said: str) -> None:
    ended = house.logout(said=said)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "the provider could not be asked to take it back without the password that encrypts it: its" in ended.stdout
    assert house.is_forgotten
    assert not house.is_given_back


def test_nobody_is_asked_for_it_where_the_provider_takes_nothing_back(provider: Provider, tmp_path: Path) -> None:
    house = House(provider, tmp_path, issuer=False)
    ended = house.logout(said="canary-wrong\n")  # which would not open it
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "the provider takes no sign-in back from a program" in ended.stdout
    assert house.is_forgotten
