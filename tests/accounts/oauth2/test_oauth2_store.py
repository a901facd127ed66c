"""Tokens on disk: whole or not at all, nobody else's to read."""

import errno
import fcntl
import os
import signal
import stat
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parts.net import wait_until
from parts.places import is_root
from popover.accounts.oauth2 import disk
from popover.accounts.oauth2.kept import Kept, Trouble, from_json, to_json
from popover.accounts.oauth2.store import TokenFile
from popover.errors import ProviderFailure

KEPT = Kept("a", "id", "https://x/token", b"canary-access", 1.0, 3601.0, 1.0, "canary-refresh", ("mail",))


def keep(file: TokenFile, kept: Kept = KEPT) -> None:
    with file.locked(), file.writing() as write:
        write(kept)


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "tokens", "a")
    assert file.read() is None
    assert file.stamp() is None
    keep(file)
    assert file.read() == KEPT
    troubled = replace(KEPT, trouble=Trouble("invalid_grant", "no", "again", "person", 5.0))
    first = file.stamp()
    keep(file, troubled)
    assert file.read() == troubled
    assert file.stamp() != first


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        keep(TokenFile(tmp_path / "state" / "tokens", "a"))
    finally:
        os.umask(before)
    tokens = tmp_path / "state" / "tokens"
    assert stat.S_IMODE(tokens.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in tokens.iterdir()} == {0o600}
    assert sorted(path.name for path in tokens.iterdir()) == [".a.lock", "a.json"]


def test_a_file_that_others_can_read_is_not_used_and_the_words_say_what_to_type(tmp_path: Path) -> None:
    file = TokenFile(tmp_path, "a")
    keep(file)
    file.path.chmod(0o640)
    with pytest.raises(ProviderFailure) as caught:
        file.read()
    assert f"chmod 600 {file.path}" in caught.value.remedy


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    file = TokenFile(tmp_path, "a")
    keep(file)
    file.path.rename(tmp_path / "elsewhere")
    file.path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ProviderFailure):
        file.read()


def test_what_root_makes_belongs_to_whom_the_state_belongs(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    owner = (8, 8) if is_root() else (os.getuid(), os.getgid())
    os.chown(state, *owner)
    keep(TokenFile(state / "tokens", "a"))
    found = [state / "tokens", *(state / "tokens").iterdir()]
    assert {(path.stat().st_uid, path.stat().st_gid) for path in found} == {owner}


NAMES = ["a", "A@example.com", "../../etc/passwd", "a/b", ".hidden", "..", "", "ü", "x" * 300, "x" * 299 + "y", "a\0b"]


def test_names_of_accounts_are_names_of_files_and_no_two_have_the_same(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    for name in NAMES:
        keep(TokenFile(tokens, name), replace(KEPT, account=name))
    for name in NAMES:
        found = TokenFile(tokens, name).read()
        assert found is not None
        assert found.account == name
    assert {path.parent for path in tmp_path.rglob("*.json")} == {tokens}


@given(st.text())
def test_whatever_an_account_is_called_its_file_stays_in_the_directory(name: str) -> None:
    path = TokenFile(Path("/tokens"), name).path
    assert path.parent == Path("/tokens")
    assert len(path.name.encode()) < 255
    assert not path.name.startswith(".") or name == ""


@given(st.binary())
def test_a_file_that_is_damaged_is_none(octets: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own, or ours
        from_json(octets)


def test_each_cut_of_a_file_is_none() -> None:
    whole = to_json(KEPT)
    for cut in range(len(whole)):
        with pytest.raises(ValueError):  # noqa: PT011 - json's own, or ours
            from_json(whole[:cut])


def test_a_full_disk_is_found_before_a_token_is_spent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = TokenFile(tmp_path, "a")
    keep(file)

    def full(_descriptor: int, _octets: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(disk, "write", full)
    spent = False
    with pytest.raises(ProviderFailure, match="asks for none"), file.locked(), file.writing():
        spent = True
    assert not spent
    assert file.read() == KEPT
    assert not (tmp_path / ".a.new").exists()


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    file = TokenFile(tmp_path, "a")
    keep(file)
    with pytest.raises(ZeroDivisionError), file.locked(), file.writing():
        raise ZeroDivisionError
    assert file.read() == KEPT


def write_fails(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """The room that was reserved is none after all, so many times: a file system that never writes over old octets."""
    write, left = os.write, [times]

    def failing(descriptor: int, octets: memoryview) -> int:
        if left[0] and bytes(octets[:1]) != b"\0":
            left[0] -= 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, octets)

    monkeypatch.setattr(os, "write", failing)


def test_a_token_that_the_disk_has_not_taken_is_written_as_soon_as_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its predecessor is spent: a second use of that would end the sign-in."""
    file = TokenFile(tmp_path, "a")
    keep(file)
    new = replace(KEPT, refresh="new")
    write_fails(monkeypatch, 2)
    with pytest.raises(ProviderFailure):
        keep(file, new)
    assert file.read() == KEPT
    with pytest.raises(ProviderFailure), file.locked():  # nobody comes to ask with the old one
        pass
    with file.locked():
        assert file.read() == new


def test_what_somebody_else_has_written_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = TokenFile(tmp_path, "a")
    keep(file)
    write_fails(monkeypatch, 1)
    with pytest.raises(ProviderFailure):
        keep(file, replace(KEPT, refresh="new"))
    signed_in_again = replace(KEPT, refresh="newer")
    keep(TokenFile(tmp_path, "a"), signed_in_again)
    with file.locked():
        assert file.read() == signed_in_again


@pytest.mark.parametrize("behind", [b"", bytes(1000)])
def test_a_whole_file_whose_writer_was_killed_before_it_was_in_its_place_is_put_there(
    tmp_path: Path, behind: bytes
) -> None:
    file = TokenFile(tmp_path, "a")
    keep(file)
    new = replace(KEPT, refresh="new")
    draft = tmp_path / ".a.new"
    draft.write_bytes(to_json(new) + behind)
    draft.chmod(0o600)
    with file.locked():
        assert file.read() == new
    assert not draft.exists()


@pytest.mark.parametrize("octets", [b"", bytes(1000), to_json(KEPT)[:-1], to_json(KEPT)[:-1] + bytes(9)])
def test_half_a_file_is_not(tmp_path: Path, octets: bytes) -> None:
    file = TokenFile(tmp_path, "a")
    keep(file)
    draft = tmp_path / ".a.new"
    draft.write_bytes(octets)
    draft.chmod(0o600)
    with file.locked():
        assert file.read() == KEPT


def test_what_is_forgotten_leaves_no_draft(tmp_path: Path) -> None:
    file = TokenFile(tmp_path, "a")
    keep(file)
    with file.locked():
        (tmp_path / ".a.new").write_bytes(to_json(KEPT))
        assert file.remove()
    assert [path.name for path in tmp_path.iterdir()] == [".a.lock"]


def test_a_file_system_without_locks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_descriptor: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", none)
    with pytest.raises(ProviderFailure, match="cannot keep"), TokenFile(tmp_path, "a").locked():
        pass


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    file = TokenFile(tmp_path, "a")
    file.path.mkdir()
    with pytest.raises(ProviderFailure, match="cannot read"):
        file.read()


WRITER = """
    import sys
    from dataclasses import replace
    from pathlib import Path
    from popover.accounts.oauth2.kept import Kept
    from popover.accounts.oauth2.store import TokenFile
    file = TokenFile(Path(sys.argv[1]), "a")
    number = 0
    while True:
        number += 1
        kept = Kept("a", "id", "u", b"x" * (number % 7000 + 1), 0.0, float(number), 0.0, str(number))
        with file.locked(), file.writing() as write:
            write(kept)
        if number == 1:
            print("began", flush=True)
"""


def test_a_writer_that_is_killed_at_any_moment_leaves_a_whole_file_and_no_lock(tmp_path: Path) -> None:
    last = 0.0
    for number in range(12):
        writer = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(WRITER), str(tmp_path)], stdout=subprocess.PIPE
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"began\n"
        wait_until(lambda: (found := TokenFile(tmp_path, "a").read()) and found.expires > 2 + number % 5, "it writes")  # noqa: B023
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        file = TokenFile(tmp_path, "a")
        found = file.read()
        assert found is not None
        assert found.refresh == str(int(found.expires))
        keep(file, replace(KEPT, expires=0.0))  # the lock is free
        last = found.expires
    assert last


def test_only_one_of_all_processes_holds_the_lock(tmp_path: Path) -> None:
    """Each adds one to what it has read; what a lock does not protect gets lost."""
    adder = """
        import sys
        from dataclasses import replace
        from pathlib import Path
        from popover.accounts.oauth2.store import TokenFile
        file = TokenFile(Path(sys.argv[1]), "a")
        for _ in range(50):
            with file.locked(), file.writing() as write:
                kept = file.read()
                write(replace(kept, expires=kept.expires + 1))
    """
    file = TokenFile(tmp_path, "a")
    keep(file, replace(KEPT, expires=0.0))
    adders = [subprocess.Popen([sys.executable, "-c", textwrap.dedent(adder), str(tmp_path)]) for _ in range(4)]
    assert [one.wait() for one in adders] == [0] * 4
    found = file.read()
    assert found is not None
    assert found.expires == 200


def test_nothing_of_it_shows() -> None:
    assert "canary" not in repr(KEPT)


@pytest.mark.parametrize(
    ("life", "left", "fresh", "usable"),
    [
        (3600, 91, True, True),
        (3600, 89, False, True),
        (3600, 9, False, False),
        (3600, -1, False, False),
        (5, 1.1, True, True),
        (5, 0.9, False, True),
        (5, 0.4, False, False),
    ],
)
def test_a_token_is_renewed_before_its_end_and_used_up_to_it(
    life: float, left: float, *, fresh: bool, usable: bool
) -> None:
    kept = replace(KEPT, obtained=1000.0, expires=1000.0 + life)
    now = kept.expires - left
    assert (kept.is_fresh(now), kept.is_usable(now)) == (fresh, usable)


def test_a_clock_that_was_set_back_makes_a_token_no_younger() -> None:
    """A router without a battery begins each day in 1970."""
    kept = replace(KEPT, obtained=1_800_000_000.0, expires=1_800_003_600.0)
    assert not kept.is_fresh(0.0)
    assert not kept.is_usable(0.0)
    assert kept.is_fresh(kept.obtained - 30)
