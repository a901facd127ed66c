"""What is kept over a restart."""

import os
import pwd
from pathlib import Path

import pytest

from popover.process.state import KEPT, SERVERS, load, save, state_file

NOW = 1.5e9
HARM = {"pop3s://mail.example.com:995": {"keeps": NOW - 60}}


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "new" / "servers.json"
    save(path, {})
    save(path, HARM)
    assert load(path, NOW) == HARM
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_what_nobody_believes_any_more_is_not_carried_along(tmp_path: Path) -> None:
    path = tmp_path / "servers.json"
    save(path, {"pop3s://a:995": {"keeps": NOW - KEPT, "lists": NOW - 1}, "pop3s://b:995": {"keeps": NOW - KEPT}})
    assert load(path, NOW) == {"pop3s://a:995": {"lists": NOW - 1}}


def test_of_too_many_servers_those_that_failed_last_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "servers.json"
    save(path, {f"pop3s://{number}:995": {"keeps": NOW - number} for number in range(SERVERS + 9)})
    assert load(path, NOW).keys() == {f"pop3s://{number}:995" for number in range(SERVERS)}


@pytest.mark.parametrize("text", [None, "", "[]", "{", '{"a": 1}', '{"a": {"b": "c"}}', "\0" * 9, "{" * 99999])
def test_a_file_that_is_none_of_ours_is_passed_over(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "servers.json"
    if text is not None:
        path.write_text(text)
    assert load(path, NOW) == {}


def test_a_place_that_can_not_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "servers.json"
    path.mkdir()
    with pytest.raises(OSError, match=r"servers\.json"):
        save(path, HARM)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_the_place_is_the_one_that_systemd_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/one:/var/lib/two")
    assert state_file() == Path("/var/lib/one/servers.json")


def test_without_systemd_it_is_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", "/home/anna/state")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert state_file() == Path("/home/anna/state/popover/servers.json")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert state_file() == Path("/var/lib/popover/servers.json")


def test_a_user_without_a_home_and_a_name_has_no_place_of_his_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a container's is. What cannot be kept then is told, and nothing else is in the way."""

    def nobody(_uid: int) -> None:
        raise KeyError

    for name in ("STATE_DIRECTORY", "XDG_STATE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert state_file() == Path("/var/lib/popover/servers.json")
