"""The code flow in a real browser: Chromium signs in at a real provider, and is sent back to popover."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from parts.chromium import Chromium, Page
from parts.popover import COMMAND
from parts.provider import PASSWORD, Provider

THANKS = "popover has its answer. You can close this window; the terminal says what comes of it."
ACCOUNT = """
[[service]]
accounts = true
dialect = "pop3"
[[account]]
name = "aunt"
password_env = "UNUSED"
server = "localhost"
login = "{user}"
[account.oauth2]
client_id = "popover-code"
authorize_url = "{provider.authorize_url}"
token_url = "{provider.token_url}"
ca_file = "{provider.ca_file}"
scopes = ["mail"]
"""


class Desk:
    """A person at a terminal, and a browser beside it."""

    def __init__(self, directory: Path, provider: Provider, browser: Chromium) -> None:
        self._directory, self._browser = directory, browser
        self.user = provider.new_user()
        self._file = directory / "popover.toml"
        self._file.write_text(ACCOUNT.format(provider=provider, user=self.user))
        self.tokens = directory / "state" / "tokens" / "aunt.json"

    def signs_in(self, act: Callable[[Page], object]) -> tuple[int, str, str]:
        """`popover account login --browser`; `act` is what the person does on the page that it names. Gives the exit
        code, what was said, and what the browser shows in the end.
        """
        env = os.environ | {"STATE_DIRECTORY": str(self._directory / "state")}
        command = [*COMMAND, "account", "login", "aunt", "--browser", "-c", str(self._file)]
        with subprocess.Popen(
            command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True
        ) as process:
            assert process.stdout is not None
            said, shown = "", ""
            for line in process.stdout:
                said += line
                if line.strip().startswith("https://"):
                    page = self._browser.open(line.strip())
                    page.fill(username=self.user, password=PASSWORD)
                    page.wait_for("(document.forms[0].requestSubmit(), true)")
                    act(page)
                    shown = page.wait_for("location.hostname === '127.0.0.1' && document.body.innerText").strip()
        return process.returncode, said, shown


@pytest.fixture
def browser(tmp_path: Path, provider: Provider) -> Iterator[Chromium]:
    with Chromium(tmp_path / "profile", trusted=(provider.certificate.pin,)) as running:
        yield running


@pytest.fixture
def desk(tmp_path: Path, provider: Provider, browser: Chromium) -> Desk:
    return Desk(tmp_path, provider, browser)


def test_chromium_signs_in_comes_back_to_popover_and_there_are_tokens(desk: Desk) -> None:
    code, said, shown = desk.signs_in(lambda page: page.click('[name="allow"]'))
    assert code == 0, said
    assert '"aunt" is signed in at localhost' in said
    assert shown == THANKS
    assert "refresh_token" in desk.tokens.read_text()


def test_who_says_no_in_chromium_is_told_so_and_has_no_tokens(desk: Desk) -> None:
    code, said, shown = desk.signs_in(lambda page: page.click('input[value="Cancel"]'))
    assert code == 1, said
    assert "said no" in said
    assert shown == THANKS
    assert not desk.tokens.exists()
