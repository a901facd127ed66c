"""The directory of kept mails: nothing that was promised is lost, whatever happens at whatever moment."""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from acts import FOLDER, MAILS, envelope, found, is_told, play
from disks import Deadly, Faulty, Paper, PowerCut

from popover.process.queue import lock
from popover.process.queue.disk import SystemDisk
from popover.process.queue.kept import from_json
from popover.process.queue.store import LEFT_FOR, Store


class Promises:
    """What was said of each mail last."""

    def __init__(self) -> None:
        self.of: dict[str, str] = {}

    def __call__(self, what: str, name: str) -> None:
        self.of[name] = what

    def hold(self, store: Store) -> None:
        there = found(store)
        for name, what in self.of.items():
            if what == "kept":
                assert is_told(there[name], name), f"{name} was promised"
            if what == "gone":
                assert name not in there, f"{name} was sent, and is there again"


def test_what_is_kept_is_there_and_what_is_removed_is_not(tmp_path: Path) -> None:
    promises = Promises()
    play(SystemDisk(), promises, tmp_path / "queue")
    there = found(Store(tmp_path / "queue"))
    assert sorted(there) == ["b", "c"]
    promises.hold(Store(tmp_path / "queue"))
    assert sorted(path.suffix for path in (tmp_path / "queue").iterdir()) == ["", ".json", ".json", ".mail", ".mail"]
    assert not list((tmp_path / "queue" / "failed").iterdir())


def test_only_we_may_read_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "queue")
    store.keep(store.begin(), envelope("a"))
    assert (tmp_path / "queue").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "queue").iterdir() if path.is_file()} == {0o600}


def test_nothing_promised_is_lost_when_the_power_fails_at_any_moment() -> None:
    whole = Paper()
    play(whole, lambda *_: None)
    for moment in range(whole.changes + 1):
        disk, promises = Paper(moment), Promises()
        try:
            play(disk, promises)
        except PowerCut:
            pass
        else:
            assert moment == whole.changes
        for seed in range(40):
            promises.hold(Store(FOLDER, disk.after_the_cut(Random(seed))))


def test_nothing_promised_is_lost_when_the_power_fails_again_while_it_is_put_right() -> None:
    whole = Paper()
    play(whole, lambda *_: None)
    for moment in range(whole.changes):
        disk, promises = Paper(moment), Promises()
        with pytest.raises(PowerCut):
            play(disk, promises)
        for seed in range(10):
            second = disk.after_the_cut(Random(seed))
            second._left = seed % 5  # noqa: SLF001 - it is the test's own
            try:
                found(Store(FOLDER, second))
            except PowerCut:
                pass
            promises.hold(Store(FOLDER, second.after_the_cut(Random(seed))))


def test_nothing_promised_is_lost_when_the_process_is_killed_at_any_moment(tmp_path: Path) -> None:
    for moment in range(200):
        folder, promises = tmp_path / str(moment), Promises()
        lines, status = play_and_die(folder, moment)
        for line in lines:
            promises(*line.split())
        promises.hold(Store(folder))
        if status == 0:
            assert moment > 30
            return
        assert os.WTERMSIG(status) == signal.SIGKILL
    raise AssertionError("it never came to its end")


def play_and_die(folder: Path, moment: int) -> tuple[list[str], int]:
    """Let another process play, and be killed behind so many changes; what it promised, and how it ended."""
    ours, its = os.pipe()

    def say(what: str, name: str) -> None:
        os.write(its, f"{what} {name}\n".encode())

    child = os.fork()
    if not child:
        try:
            play(Deadly(SystemDisk(), moment), say, folder)
        finally:
            os._exit(0)  # nothing of the test's is run twice
    os.close(its)
    with os.fdopen(ours) as said:
        lines = said.readlines()
    return lines, os.waitpid(child, 0)[1]


def test_nothing_is_promised_that_has_no_room_and_nothing_is_left_of_it(tmp_path: Path) -> None:
    for moment in range(20):
        store = Store(tmp_path / str(moment))
        first = store.begin()
        first.write(MAILS["a"])
        store.keep(first, envelope("a"))
        full = Store(tmp_path / str(moment), Faulty(SystemDisk(), moment))
        try:
            sheet = full.begin()
        except OSError:
            continue
        try:
            sheet.write(MAILS["b"])
            full.keep(sheet, envelope("b"))
        except OSError:
            sheet.drop()
            assert sorted(found(store)) == ["a"]
            assert len(list(store.folder.glob(".*"))) == 0
            assert len(list(store.folder.glob("*.mail"))) == 1
        else:
            assert sorted(found(store)) == ["a", "b"]
            return
    raise AssertionError("there was never room")


def test_a_full_disk_is_told_by_the_system_as_the_tests_tell_it() -> None:
    file = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(OSError, match="No space left"):
        SystemDisk().write(file, b"x")
    os.close(file)


def test_their_order_is_that_of_their_coming(tmp_path: Path) -> None:
    store = Store(tmp_path)
    names = [store.keep(store.begin(), envelope("a")).name for _ in range(20)]
    assert [kept.name for kept in store.waiting()] == names == sorted(names)


def test_an_envelope_comes_back_as_it_was(tmp_path: Path) -> None:
    store = Store(tmp_path)
    odd = envelope("a").__class__("scäns", "s", "a\udcff@x", ("b@x", "c@x"), ("BODY=8BITMIME",), is_doubtful=True)
    kept = store.keep(store.begin(), odd)
    assert store.waiting() == [kept]
    assert from_json(kept.name, kept.to_json()) == kept


@pytest.mark.parametrize("octets", [b"", b"{}", b"[]", b"\xff", b'{"envelope": 1}', b"null"])
def test_what_is_no_envelope_is_passed_over(tmp_path: Path, octets: bytes) -> None:
    store = Store(tmp_path)
    kept = store.keep(store.begin(), envelope("a"))
    (tmp_path / "x.json").write_bytes(octets)
    (tmp_path / "x.mail").write_bytes(b"")
    assert store.waiting() == [kept]


def test_what_the_killed_have_left_goes_after_a_day(tmp_path: Path) -> None:
    store = Store(tmp_path)
    kept = store.keep(store.begin(), envelope("a"))
    store.begin()
    (tmp_path / "0-half.mail").write_bytes(b"a name without an envelope")
    store.sweep()
    assert len(list(tmp_path.glob("*.mail"))) == 3
    later = Store(tmp_path, clock=lambda: kept.since + LEFT_FOR + 10)
    later.sweep()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{kept.name}.json", f"{kept.name}.mail"]


class Renaming(SystemDisk):
    """Another process puts a new envelope in the place of the old one, just while the directory is read."""

    def names(self, path: Path) -> list[str]:
        return [name for name in super().names(path) if not name.endswith(".json")]


def test_a_mail_whose_envelope_is_renamed_meanwhile_is_not_taken_for_a_leftover(tmp_path: Path) -> None:
    kept = Store(tmp_path).keep(Store(tmp_path).begin(), envelope("a"))
    Store(tmp_path, Renaming(), lambda: kept.since + LEFT_FOR + 10).sweep()
    assert Store(tmp_path).waiting() == [kept]


class Noting(SystemDisk):
    """Notes the directories whose names last."""

    def __init__(self) -> None:
        self.synced: set[Path] = set()

    def sync_folder(self, path: Path) -> None:
        super().sync_folder(path)
        self.synced.add(path)


def test_the_directory_itself_is_on_the_disk_before_anything_in_it_is_promised(tmp_path: Path) -> None:
    disk = Noting()
    store = Store(tmp_path / "state" / "queue", disk)
    store.keep(store.begin(), envelope("a"))
    assert {tmp_path, tmp_path / "state", tmp_path / "state" / "queue"} <= disk.synced
    again = Noting()
    Store(tmp_path / "state" / "queue", again).prepare()  # who made it may have been killed before it was synced
    assert tmp_path / "state" in again.synced


def test_a_directory_that_was_taken_away_is_made_anew(tmp_path: Path) -> None:
    store = Store(tmp_path / "queue")
    store.prepare()
    (tmp_path / "queue" / "failed").rmdir()
    (tmp_path / "queue").rmdir()
    kept = store.keep(store.begin(), envelope("a"))
    (tmp_path / "queue" / "failed").rmdir()
    store.fail(replace(kept, envelope=replace(kept.envelope, recipients=()), refused={"a@example.com": "550 no"}))
    assert [one.name for one in store.failed()] == [kept.name]


def test_one_envelope_that_can_not_be_read_hides_no_other(tmp_path: Path) -> None:
    store = Store(tmp_path)
    kept = store.keep(store.begin(), envelope("a"))
    (tmp_path / "0.json").mkdir()
    (tmp_path / "0.mail").write_bytes(b"")
    assert store.waiting() == [kept]
    assert store.unreadable == {"0.json"}
    (tmp_path / "0.json").rmdir()
    (tmp_path / "0.json").write_bytes((tmp_path / f"{kept.name}.json").read_bytes())
    assert len(store.waiting()) == 2
    assert store.unreadable == set()


def test_one_holds_an_accounts_lock_at_a_time(tmp_path: Path) -> None:
    with lock.held(tmp_path, "scans") as first, lock.held(tmp_path, "scans") as second, lock.held(tmp_path, "b") as b:
        assert (first, second, b) == (True, False, True)
    with lock.held(tmp_path, "scans") as again:
        assert again
