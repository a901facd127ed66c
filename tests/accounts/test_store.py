"""The accounts that the command keeps: files that nobody else can read, whole or not at all, with safe names."""

import contextlib
import json
import os
import signal
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from depth import examples
from popover.accounts.kept import NAME_LIMIT, file_name, name_of
from popover.accounts.secrets import read_secret
from popover.accounts.store import Store
from popover.config import fold
from popover.errors import ConfigError, StartError

TABLE = {"server": "mail.example.com", "login": "x@example.com", "password": "local", "secret": "canary"}


def table(name: str | list[str], **more: Any) -> dict[str, Any]:
    return {"name": name} | TABLE | more


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state" / "accounts")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_was_added_is_found_by_each_name_with_its_secrets(store: Store) -> None:
    store.add("Anna", table(["Anna", "a"]))
    for name in ("anna", "ANNA", "A"):
        account = store.find(name)
        assert account is not None
        assert account.names == ("Anna", "a")
        assert account.secret is not None
        assert read_secret(account.secret) == b"canary"
    assert store.find("b") is None
    assert store.broken() == ()


def test_a_clients_secret_stands_in_the_accounts_file_too(store: Store) -> None:
    keys = {key: value for key, value in table("a").items() if key != "secret"}
    store.add("a", keys | {"oauth2": {"client_id": "id"}, "client_secret": "canary"})
    account = store.find("a")
    assert account is not None
    assert account.oauth2 is not None
    assert account.oauth2.client_secret is not None
    assert read_secret(account.oauth2.client_secret) == b"canary"


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_files_are_0600_in_0700_whatever_the_umask(store: Store, mask: int) -> None:
    before = os.umask(mask)
    try:
        store.add("anna", table("anna"))
    finally:
        os.umask(before)
    path = store.path("anna")
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)


def test_a_name_that_is_taken_is_told_and_nothing_is_changed(store: Store) -> None:
    store.add("Anna", table(["Anna", "a"]))
    before = store.path("anna").read_bytes()
    for name, names in (("ANNA", "ANNA"), ("b", ["b", "A"]), ("a", "a")):
        with pytest.raises(StartError, match='taken, the account "Anna" has it: popover account remove Anna first'):
            store.add(name, table(names, secret="other"))
    assert store.path("anna").read_bytes() == before
    assert len(store.accounts()) == 1


def test_a_broken_file_keeps_its_name_until_it_is_removed(store: Store) -> None:
    store.add("anna", table("anna"))
    store.path("anna").write_text("{")
    with pytest.raises(StartError, match="is taken"):
        store.add("anna", table("anna"))
    assert "is no account's file any more" in store.broken()[0]
    store.remove("anna")
    store.add("anna", table("anna"))


def test_what_is_no_account_is_not_kept(store: Store) -> None:
    with pytest.raises(ConfigError, match="provider: "):
        store.add("anna", table("anna", provider="gmial", server=None))
    assert store.accounts() == ()


def test_a_change_leaves_all_else_as_it_was(store: Store) -> None:
    account = store.add("anna", table("anna"))
    store.change(account, {"password": "new"})
    assert json.loads(store.path("anna").read_bytes()) == table("anna", password="new")
    store.change(account, {"password": None})
    found = store.find("anna")
    assert found is not None
    assert found.password is None


def test_who_is_removed_is_gone_with_the_secrets(store: Store) -> None:
    store.add("Anna", table(["Anna", "a"]))
    assert store.remove("A") == "Anna"
    assert list(store.path("anna").parent.iterdir()) == []
    with pytest.raises(StartError, match='there is no account "A": popover account list shows all'):
        store.remove("A")


@pytest.mark.parametrize("call", ["fsync", "open", "replace", "unlink", "close"])
def test_a_kill_at_any_moment_leaves_the_old_or_the_new_one(store: Store, call: str) -> None:
    account = store.add("anna", table("anna"))
    for moment in range(4):
        child = os.fork()
        if child == 0:
            _die_at(call, moment)
            store.change(account, {"password": f"new{moment}"})
            os._exit(0)
        os.waitpid(child, 0)
        kept = json.loads(store.path("anna").read_bytes())
        assert kept in [table("anna", password=word) for word in ("local", *(f"new{n}" for n in range(moment + 1)))]
        assert store.find("anna") is not None
    store.change(account, {"password": "in the end"})
    assert json.loads(store.path("anna").read_bytes())["password"] == "in the end"


def _die_at(call: str, moment: int) -> None:
    """From now on, be killed by the call of `os` number `moment`."""
    left, real = [moment], getattr(os, call)

    def dies(*words: Any, **named: Any) -> Any:
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
        return real(*words, **named)

    setattr(os, call, dies)


def test_of_many_that_want_one_name_at_once_one_gets_it(store: Store) -> None:
    children = []
    for number in range(8):
        child = os.fork()
        if child == 0:
            try:
                store.add(f"a{number}", table([f"a{number}", "shared"]))
            except StartError:
                os._exit(1)
            os._exit(0)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert sorted(codes) == [0] + [1] * 7
    assert len(store.accounts()) == 1


def test_what_is_written_is_on_disk_before_it_takes_its_place(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    for name in ("fsync", "replace", "rename"):
        real = getattr(os, name)

        def noted(*words: Any, _name: str = name, _real: Any = real) -> Any:
            done.append(_name)
            return _real(*words)

        monkeypatch.setattr(os, name, noted)
    store.add("anna", table("anna"))
    assert done == ["fsync", "replace", "fsync", "fsync"]  # the file, its name, the folder, the folder's name


def test_a_folder_that_can_not_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "accounts").write_text("no folder")
    store = Store(tmp_path / "accounts")
    with pytest.raises(StartError, match=r"cannot be read \(Not a directory\)"):
        store.accounts()
    with pytest.raises(StartError, match="cannot be used: File exists"):
        store.add("a", table("a"))


# Names


@settings(max_examples=examples(300))
@given(st.text(max_size=64), st.text(max_size=64))
def test_two_names_have_one_file_only_if_they_are_the_same(one: str, other: str) -> None:
    with contextlib.suppress(ConfigError):
        assert (file_name(one) == file_name(other)) == (fold(one) == fold(other))


@settings(max_examples=examples(300))
@given(
    st.one_of(
        st.text(max_size=64), st.sampled_from(["..", ".", "a/b", "../x", "\0", "-rf", "a\nb", "~", "%2E", "COM1"])
    )
)
def test_a_name_is_safe_as_a_files(name: str) -> None:
    with contextlib.suppress(ConfigError):
        file = file_name(name)
        assert file.isascii()
        assert len(file) <= NAME_LIMIT
        assert not set(file) & set("/\0\n\\ *?\"'")
        assert not file.startswith(".")
        assert name_of(file) == fold(name)


def test_a_name_that_is_too_long_for_a_file_is_refused(store: Store) -> None:
    with pytest.raises(ConfigError, match="the name is too long"):
        store.add("\U0001f600" * 64, table("\U0001f600" * 64))
    store.add("x" * 64, table("x" * 64))
