"""One line per event, whatever is in it and whatever becomes of stderr."""

import contextlib
import errno
import fcntl
import json
import os
import select
import syslog
import threading
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hearing import UNTIMED
from parts.popover import Popover
from popover.log import LINE_LIMIT, Format, Level, Log, Value, escape, to_stderr, to_syslog

LEVELS: tuple[Level, ...] = ("warning", "notice", "info", "debug")
BOTH_FORMS = pytest.mark.parametrize("form", ["text", "json"])
WILD = st.text(st.characters())  # surrogates, too: a name of a file may hold them
FIELDS = st.dictionaries(
    st.sampled_from(["id", "service", "client", "cause", "bytes_in"]),
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WILD,
)


def logged(form: Format, *events: tuple[str, dict[str, Value]], verbose: bool = False) -> list[bytes]:
    """The lines that these events (text and fields) become."""
    lines: list[bytes] = []
    log = Log(lambda line, _priority: lines.append(line), form, verbose=verbose)
    for text, fields in events:
        log.event("info", "session", text, **fields)
    return lines


# -- what is in a line ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a\r\nb", r"a\r\nb"),
        ("\x1b[2J\x07", r"\x1b[2J\x07"),
        ("\u202egnp.exe\u2066", r"\u202egnp.exe\u2066"),
        ("\u2028\u2029\x85\x0b\x0c", r"\u2028\u2029\x85\x0b\x0c"),
        ("\0\x7f\x9b", r"\x00\x7f\x9b"),
        ("\ufeff\u200b\u061c", r"\ufeff\u200b\u061c"),
        ("\udcff", r"\udcff"),
        ("Größe 日本語 עברית \U0001f40d", "Größe 日本語 עברית \U0001f40d"),
        ("plain words", "plain words"),
        ("", ""),
    ],
)
def test_what_could_forge_or_paint_is_escaped(raw: str, shown: str) -> None:
    assert escape(raw) == shown


@UNTIMED
@given(WILD, FIELDS)
@example("a\nb", {"id": "1\n2", "service": "\x1b[31m"})
def test_text_is_one_harmless_line(text: str, fields: dict[str, Value]) -> None:
    [line] = logged("text", (text, fields))
    words = line.decode()
    assert words.endswith("\n")
    assert not {"Cc", "Cf", "Zl", "Zp", "Cs"} & {unicodedata.category(c) for c in words[:-1]}


@UNTIMED
@given(WILD, FIELDS)
def test_json_tells_what_was_logged(text: str, fields: dict[str, Value]) -> None:
    [line] = logged("json", (text, fields))
    assert line.count(b"\n") == 1
    assert line.isascii()
    found = json.loads(line)
    when = datetime.fromisoformat(found.pop("time"))
    assert abs(datetime.now(UTC) - when) < timedelta(days=1)
    assert found == {"level": "info", "event": "session", "text": text, **fields}


def test_text_begins_with_session_and_service() -> None:
    lines = logged("text", ("hello", {"id": "1f", "service": "home", "cause": "hidden"}), ("bye", {"service": "home"}))
    assert lines == [b"1f home: hello\n", b"home: bye\n"]


@BOTH_FORMS
@pytest.mark.parametrize("text", ["x" * 10_000, "ü" * 10_000, "日" * 10_000, "\n" * 10_000, "\N{SNAKE}a" * 5000])
def test_line_is_never_longer_than_a_pipe_takes_at_once(form: Format, text: str) -> None:
    for more in range(4):
        [line] = logged(form, ("a" * more + text, {"id": "1"}))
        assert len(line) <= LINE_LIMIT
        assert line.endswith(b"\n")
        assert "..." in line.decode()


@pytest.mark.parametrize("size", [4000, 4096, 10_000])
@pytest.mark.parametrize("key", ["text", "cause", "remedy"])
def test_json_of_any_size_can_be_parsed(key: str, size: int) -> None:
    """A program reads these lines: the one that it cannot read is the one about the oddest server."""
    fields: dict[str, Value] = {"id": "1", "cause": "", "remedy": "", "end": "failed"}
    text = "x" * size if key == "text" else "x"
    [line] = logged("json", (text, fields if key == "text" else fields | {key: "x" * size}))
    found = json.loads(line)
    assert (found["event"], found["id"], found["end"]) == ("session", "1", "failed")


# -- what is logged at all ------------------------------------------------------------------------------


@pytest.mark.parametrize("verbose", [False, True])
def test_details_are_told_to_who_wants_them(verbose: bool) -> None:
    told: list[tuple[bytes, int]] = []
    log = Log(lambda line, priority: told.append((line, priority)), verbose=verbose)
    for level in LEVELS:
        log.event(level, "some", level)
    # The priorities of RFC 5424 section 6.2.1, which journald and syslog share.
    expected = [(b"warning\n", 4), (b"notice\n", 5), (b"info\n", 6), (b"debug\n", 7)]
    assert told == expected[: 4 if verbose else 3]


def test_settings_are_told_to_who_wants_them() -> None:
    service = "0=pop3s://localhost:1"
    with Popover(service, "-v", "--allow", "10.0.0.0/8") as popover:
        [event] = popover.wait_for_events("settings", 1)
    assert event["level"] == "debug"
    for told in ("server = pop3s://localhost:1", "allow = [10.0.0.0/8]", "login_timeout = 60", "trace = false"):
        assert told in event["text"]
    assert "ca_file" not in event["text"]
    with Popover(service) as popover:
        pass
    assert not popover.events("settings")


def test_settings_name_no_server_where_a_table_or_accounts_do(tmp_path: Path) -> None:
    file = tmp_path / "popover.toml"
    file.write_text('[[service]]\naccounts = true\ndialect = "pop3"\nlisten = "0"\n')
    with Popover("-c", str(file), "-v") as popover:
        [event] = popover.wait_for_events("settings", 1)
    assert "server = " not in event["text"]


class Flaky:
    """Takes lines, or not, as its moods say; a good one after the last."""

    def __init__(self, moods: list[bool], fault: OSError) -> None:
        self.lines: list[dict[str, object]] = []
        self._moods = iter(moods)
        self._fault = fault

    def __call__(self, line: bytes, _priority: int) -> None:
        if not next(self._moods, True):
            raise self._fault
        self.lines.append(json.loads(line))


FAULTS = [OSError(errno.ENOSPC, "full"), BrokenPipeError(), BlockingIOError(), OSError(errno.EIO, "gone")]


@UNTIMED
@given(st.lists(st.booleans(), max_size=30), st.integers(0, 20), st.sampled_from(FAULTS))
def test_every_line_is_there_or_counted_as_lost(moods: list[bool], events: int, fault: OSError) -> None:
    write = Flaky(moods, fault)
    log = Log(write, "json")
    for number in range(events + len(moods) + 1):
        log.event("info", "session", str(number))
    told = sum(int(str(line["lost"])) for line in write.lines if line["event"] == "log")
    there = [int(str(line["text"])) for line in write.lines if line["event"] == "session"]
    assert there == sorted(set(there))
    assert told + len(there) == events + len(moods) + 1


def test_loss_is_told_before_the_next_line() -> None:
    write = Flaky([True, False, False, False, True], FAULTS[0])
    log = Log(write, "json")
    for number in range(5):
        log.event("info", "session", str(number))
    assert [line["text"] for line in write.lines][:2] == ["0", "3 log lines were lost: the log could not be written"]
    assert [line["text"] for line in write.lines][2:] == ["4"]
    assert write.lines[1]["level"] == "warning"


# -- where it goes --------------------------------------------------------------------------------------


@contextlib.contextmanager
def stderr(descriptor: int | None) -> Iterator[None]:
    """Make this our descriptor 2, or close it, for a while."""
    kept = os.dup(2)
    try:
        if descriptor is None:
            os.close(2)
        else:
            os.dup2(descriptor, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@contextlib.contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    try:
        yield ends
    finally:
        for end in ends:
            with contextlib.suppress(OSError):
                os.close(end)


def fill(write_end: int, *, but: int = 0) -> None:
    """Make a pipe full, but for so many octets."""
    os.write(write_end, bytes(fcntl.fcntl(write_end, fcntl.F_GETPIPE_SZ) - but))


def new_log(form: Format = "text") -> Log:
    return Log(to_stderr(form), form)


def test_text_on_stderr_has_the_time(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    new_log().event("warning", "some", "hello")
    when, words = capfd.readouterr().err.split(" ", 1)
    assert datetime.fromisoformat(when).tzinfo is not None
    assert words == "hello\n"


def journal_stream(descriptor: int) -> str:
    """What systemd writes into JOURNAL_STREAM where this is the journal (systemd.exec(5))."""
    status = os.fstat(descriptor)
    return f"{status.st_dev}:{status.st_ino}"


@BOTH_FORMS
def test_journal_gets_the_priority(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, form: Format
) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", journal_stream(2))
    log = new_log(form)
    for level in LEVELS[:3]:
        log.event(level, "some", "hello")
    lines = capfd.readouterr().err.splitlines()
    assert [line[:3] for line in lines] == ["<4>", "<5>", "<6>"]
    if form == "text":
        assert [line[3:] for line in lines] == ["hello"] * 3
    else:
        assert all(json.loads(line[3:]) for line in lines)


@pytest.mark.parametrize("value", ["8:1", "", "journal", "8:1:1"])
def test_stderr_led_away_from_the_journal_gets_the_time(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """As `popover run 2>>popover.log` in a service's script, which inherits the variable."""
    monkeypatch.setenv("JOURNAL_STREAM", value)
    new_log().event("warning", "some", "hello")
    when, words = capfd.readouterr().err.split(" ", 1)
    assert datetime.fromisoformat(when).tzinfo is not None
    assert words == "hello\n"


@BOTH_FORMS
def test_full_pipe_does_not_hold_us_up(form: Format) -> None:
    with pipe() as (read_end, write_end), stderr(write_end):
        log = new_log(form)
        fill(write_end)
        for number in range(3):
            log.event("info", "session", str(number))
        os.read(read_end, 1 << 20)
        log.event("info", "session", "three")
        heard = os.read(read_end, 1 << 20).decode().splitlines()
    assert len(heard) == 2
    assert "3 log lines were lost" in heard[0]
    assert "three" in heard[1]


@BOTH_FORMS
@pytest.mark.parametrize("journal", [False, True])
def test_longest_line_does_not_wait_for_the_reader_of_a_pipe(
    monkeypatch: pytest.MonkeyPatch, form: Format, journal: bool
) -> None:
    """With one page free poll(2) says that the pipe takes something; more than PIPE_BUF octets would wait."""
    with pipe() as (read_end, write_end), stderr(write_end):
        monkeypatch.setenv("JOURNAL_STREAM", journal_stream(2) if journal else "")
        log = new_log(form)
        fill(write_end, but=select.PIPE_BUF)
        writing = threading.Thread(target=log.event, args=("info", "session", "x" * 10_000))
        writing.start()
        writing.join(2)
        waited = writing.is_alive()
        os.read(read_end, 1 << 20)  # which frees the thread in any case
        writing.join()
    assert not waited


@BOTH_FORMS
def test_reader_that_is_gone_changes_nothing(form: Format) -> None:
    with pipe() as (read_end, write_end), stderr(write_end):
        log = new_log(form)
        os.close(read_end)
        for _ in range(3):
            log.event("warning", "some", "nobody hears that")


def test_stderr_that_is_closed_changes_nothing() -> None:
    with stderr(None):
        log = new_log()
        log.event("warning", "some", "nobody hears that")


def test_disk_that_is_full_changes_nothing_and_is_told_once_there_is_room(capfd: pytest.CaptureFixture[str]) -> None:
    log = new_log()
    full = os.open("/dev/full", os.O_WRONLY)
    with stderr(full):
        os.close(full)
        log.event("info", "session", "one")
    log.event("info", "session", "two")
    lost, words = capfd.readouterr().err.splitlines()
    assert "1 log lines were lost" in lost
    assert words.endswith(" two")


@pytest.mark.parametrize("text", ["hello", "ü" * 10_000, "日" * 10_000, "\0\n\x1b", "100 %s %n"])
def test_syslog_gets_one_line_at_its_priority(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    told: list[tuple[int, str]] = []
    keep: Callable[[int, str], None] = lambda priority, line: told.append((priority, line))  # noqa: E731
    monkeypatch.setattr(syslog, "openlog", lambda *_words: None)
    monkeypatch.setattr(syslog, "syslog", keep)
    for more in range(4):
        Log(to_syslog()).event("notice", "some", "a" * more + text)
    assert [priority for priority, _ in told] == [5] * 4
    assert all(line.isprintable() for _, line in told)
