"""`popover queue`: what lies there, tried again or dropped."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from popover.cli import main
from popover.process.queue import lock
from popover.process.queue.store import Store
from popover.protocols.device import Envelope


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    return Store(tmp_path / "queue")


def keep(store: Store, recipient: str = "bob@example.com") -> str:
    return store.keep(store.begin(), Envelope("scans", "scanner", "scans@example.com", (recipient,))).name


def fail(store: Store, name: str) -> None:
    kept = store.find(name)
    assert kept is not None
    refused = dict.fromkeys(kept.envelope.recipients, "550 5.1.1 no such user")
    store.fail(replace(kept, envelope=replace(kept.envelope, recipients=()), refused=refused))


def obey(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["queue", *words])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_an_empty_queue_is_told_as_such(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert obey(capsys, "list") == (0, f"waiting: 0, failed: 0, in {store.folder}\n", "")
    assert not store.folder.exists()


def test_who_only_looks_makes_no_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "mistyped"))
    for words in (["queue", "list"], ["queue", "retry"], ["account", "list"]):
        assert main(words) == 0
    assert not (tmp_path / "mistyped").exists()


def test_what_waits_and_what_has_failed_is_listed(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    keep(store)
    fail(store, keep(store, "\x1b[2J@example.com"))
    code, out, _ = obey(capsys, "list")
    assert code == 0
    assert "scans: scans@example.com -> bob@example.com, 0 tries, next " in out
    assert "failed: " in out
    assert "550 5.1.1 no such user" in out
    assert out.endswith("waiting: 1, failed: 1\n")
    assert "\x1b" not in out
    told = json.loads(obey(capsys, "list", "--json")[1])
    assert [mail["recipients"] for mail in told["waiting"]] == [["bob@example.com"]]
    assert list(told["failed"][0]["refused"].values()) == ["550 5.1.1 no such user"]


def test_retry_makes_all_that_wait_due(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    names = [keep(store), keep(store)]
    assert json.loads(obey(capsys, "retry", "--json")[1]) == {"done": names}
    assert [kept.due for kept in store.waiting()] == [0.0, 0.0]


def test_what_shall_be_tried_at_once_is_listed_so(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    keep(store)
    obey(capsys, "retry")
    assert ", 0 tries, next at once\n" in obey(capsys, "list")[1]
    [mail] = json.loads(obey(capsys, "list", "--json")[1])["waiting"]
    assert mail["due"] == mail["since"]


def test_a_queue_that_cannot_be_read_is_named(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    store.folder.write_text("no directory")
    assert obey(capsys, "list")[::2] == (1, f"popover: the queue in {store.folder} cannot be used: Not a directory\n")


def test_retry_names_mails_as_the_list_does(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    short = keep(store)[-8:]
    assert obey(capsys, "list")[1].startswith(f"{short}  ")
    assert obey(capsys, "retry") == (0, f"will be tried within seconds: {short}\n", "")


def test_a_mail_is_named_by_its_last_letters(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = keep(store), keep(store)
    assert obey(capsys, "drop", one[-8:])[0] == 0
    assert [kept.name for kept in store.waiting()] == [two]


def test_one_that_has_failed_can_be_tried_again_and_dropped(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    name = keep(store)
    fail(store, name)
    assert obey(capsys, "retry", name)[0] == 0
    [kept] = store.waiting()
    assert (kept.name, kept.envelope.recipients, kept.refused) == (name, ("bob@example.com",), {})
    assert b"".join(store.octets(kept)) == b""
    fail(store, name)
    assert obey(capsys, "drop", name)[0] == 0
    assert (store.waiting(), store.failed()) == ([], [])


def test_what_is_not_there_is_told(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    keep(store)
    code, _, err = obey(capsys, "drop", "ffffffff")
    assert code == 1
    assert err == "popover: there is no mail ffffffff: popover queue list shows all\n"
    assert len(store.waiting()) == 1


def test_what_is_being_sent_is_left_alone(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("popover.cli.queue.PATIENCE", 0.0)
    name = keep(store)
    with lock.held(store.folder, "scans"):
        code, _, err = obey(capsys, "drop", name)
    assert code == 1
    assert "is being sent right now" in err
    assert len(store.waiting()) == 1


@pytest.mark.parametrize("words", [["drop"], ["list", "x"], ["away"], []])
def test_wrong_use_is_told(words: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["queue", *words])
