"""`popover check -c` of services that ask who logs in: the accounts, and each server behind them."""

import json
import os
import pwd
from pathlib import Path
from typing import Any

from fakes.capable import capable
from fakes.scene import Stage
from parts.net import free_port
from parts.places import is_root
from parts.popover import run_popover

pytest_plugins = ["fakes.fixture"]


def house(stage: Stage, *servers: str) -> Path:
    """A file with two services, and an account for each of these servers."""
    secrets = stage.directory / "secrets"
    secrets.mkdir(mode=0o700)
    lines = []
    for dialect in ("pop3", "imap"):
        lines += ["[[service]]", f'name = "{dialect}"', f'dialect = "{dialect}"', "accounts = true"]
        lines.append(f'listen = "127.0.0.1:{free_port()}"')
    for number, server in enumerate(servers):
        for name in ("local", "secret"):
            path = secrets / f"{name}{number}"
            path.touch(mode=0o600)
            path.write_text(f"{name}{number}")
        lines += [
            "[[account]]",
            f'name = "resident{number}"',
            f'server = "{server}"',
            f'login = "r{number}@example.com"',
        ]
        lines += [f'password_file = "secrets/local{number}"', f'secret_file = "secrets/secret{number}"']
        lines.append(f'ca_file = "{stage.trust[1]}"')
    path = stage.directory / "house.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def check(path: Path, code: int) -> list[dict[str, Any]]:
    env = os.environ | {"STATE_DIRECTORY": str(path.parent / "state")}
    ended = run_popover("check", "--json", "-c", path, env=env)
    assert ended.returncode == code, ended.stdout + ended.stderr
    parts: list[dict[str, Any]] = json.loads(ended.stdout)["parts"]
    return [part for part in parts if part["server"]]


def test_each_server_behind_a_desk_is_walked_to(stage: Stage) -> None:
    one, other = (f"pop3s://localhost:{stage.server(capable).port}" for _ in range(2))
    parts = check(house(stage, one, other, one), 1)
    assert [(part["name"], part["server"]) for part in parts] == [
        ("pop3", "accounts (pop3)"),
        ("pop3", one),
        ("pop3", other),
        ("imap", "accounts (imap)"),
    ]
    desk, first, second, nowhere = parts
    assert [one["text"] for one in nowhere["findings"] if one["status"] == "fail"] == [
        "none of its accounts has a server for IMAP"
    ]
    assert [entry["dialect"] for entry in desk["settings"]] == ["pop3"]
    assert desk["settings"][0]["login"] == "name and password of the account here"
    for part in (first, second):
        steps = [finding["step"] for finding in part["findings"]]
        assert list(dict.fromkeys(steps)) == ["name", "connect", "tls", "dialect", "session"]
        assert part["ok"]


def test_what_is_wrong_with_an_account_is_told_whole(stage: Stage) -> None:
    path = house(stage, "pop3s://localhost:1")
    (stage.directory / "secrets" / "secret0").unlink()
    path.write_text(path.read_text().replace("accounts = true", 'accounts = ["resident0", "nobody"]', 1))
    told = [(one["text"], one["remedy"]) for one in check(path, 1)[0]["findings"] if one["status"] == "warn"]
    assert told[0] == ('service "pop3": accounts: there is no account "nobody"', "popover account add makes one")
    assert told[1][0].startswith('account "resident0": the file ')
    assert told[1][0].endswith('" does not exist')  # a long path is cut


def test_server_of_an_account_that_is_down_is_told(stage: Stage) -> None:
    down = f"pop3s://localhost:{free_port()}"
    parts = check(house(stage, down), 1)
    [failed] = [part for part in parts if part["server"] == down]
    assert {finding["step"] for finding in failed["findings"] if finding["status"] == "fail"} == {"connect"}


def test_no_words_are_about_a_server_that_there_is_not(stage: Stage) -> None:
    path = house(stage, f"pop3s://localhost:{stage.server(capable).port}")
    ended = run_popover("check", "-c", path, env=os.environ | {"STATE_DIRECTORY": str(stage.directory / "state")})
    assert "://:0" not in ended.stdout
    assert "accounts (pop3)" in ended.stdout
    assert "What to do:" in ended.stdout


def test_a_secret_that_root_can_read_and_the_gateway_s_user_can_not_is_told(stage: Stage) -> None:
    """It is root who checks, and `user` who serves. Whoever is not root reads what he can read."""
    path = house(stage, "pop3s://localhost:1")
    path.write_text('user = "nobody"\n' + path.read_text())
    told = [one["remedy"] for one in check(path, 1)[0]["findings"] if one["status"] == "warn"]
    secrets = [stage.directory / "secrets" / name for name in ("local0", "secret0")]
    assert told == ([f"chown nobody {secret}" for secret in secrets] if is_root() else [])
    for secret in secrets if is_root() else []:
        os.chown(secret, pwd.getpwnam("nobody").pw_uid, -1)
    assert not [one for one in check(path, 1)[0]["findings"] if one["status"] == "warn"]


def test_a_queue_that_the_gateway_s_user_can_not_write_is_told(stage: Stage) -> None:
    path, state = house(stage, "smtps://localhost:1"), stage.directory / "state"
    device = 'dialect = "smtp"\ndevice = true\nqueue = "when-down"\nallow = ["127.0.0.1"]'
    text = path.read_text().partition('[[service]]\nname = "imap"')
    account = "[[account]]" + text[2].partition("[[account]]")[2]
    service = text[0].replace('dialect = "pop3"', device).replace("accounts = true", 'accounts = ["resident0"]')
    path.write_text(f'user = "nobody"\n{service}{account}')
    for is_his in (False, True):
        state.mkdir(exist_ok=True)
        if is_his and is_root():
            os.chown(state, pwd.getpwnam("nobody").pw_uid, -1)
        told = [one["text"] for one in check(path, 1)[0]["findings"] if one["step"] == "queue"]
        assert bool(told) == (is_root() and not is_his), told
