"""One line per event to stderr, as text or JSON; one id per session; never a secret.

The log must not stop the service: a line that cannot be written at once (the reader of the pipe is gone or
sleeps, the disk is full) is counted and dropped, and the count is told when lines go through again.
Everything from outside is escaped, so that a server's greeting cannot forge a line or paint the screen.
"""

from __future__ import annotations

import json
import os
import select
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Literal

Level = Literal["warning", "notice", "info", "debug"]
Value = str | int | float | bool | None
Format = Literal["text", "json"]

_PRIORITIES: dict[Level, int] = {"warning": 4, "notice": 5, "info": 6, "debug": 7}  # RFC 5424 section 6.2.1

LINE_LIMIT = 4096 - 64
"""Octets of a line: a pipe that has room at all takes 4,096 without blocking (pipe(7), PIPE_BUF); 64 are left for
the time or the priority before it."""

_VALUE_LIMIT = 600
"""Characters that are left of each long value of a line that is too long; `text`, `cause` and `remedy` are the long
ones, and with all three shortened a line stays within LINE_LIMIT unless they hold many escapes."""

Write = Callable[[bytes, int], None]


class Log:
    """Where events go. `write` takes a line and its syslog priority; it may raise OSError."""

    def __init__(self, write: Write, form: Format = "text", *, verbose: bool = False) -> None:
        self._write = write
        self._form = form
        self._verbose = verbose
        self._dropped = 0

    def event(self, level: Level, event: str, text: str, **fields: Value) -> None:
        """Log one event: `event` is its stable name, `text` the sentence for people, `fields` the details.

        In text, fields that are already in the sentence (all but `id` and `service`) are left out.
        """
        if level == "debug" and not self._verbose:
            return
        if self._dropped:
            lost, self._dropped = self._dropped, 0
            self._line("warning", "log", f"{lost} log lines were lost: the log could not be written", {"lost": lost})
            if self._dropped:
                self._dropped = lost + 1
                return
        self._line(level, event, text, fields)

    def _line(self, level: Level, event: str, text: str, fields: Mapping[str, Value]) -> None:
        form = _json if self._form == "json" else _text
        limit = _VALUE_LIMIT
        line = form(level, event, text, fields).encode("utf-8", "backslashreplace")
        while len(line) >= LINE_LIMIT and limit:
            short = {key: _cut(value, limit) for key, value in fields.items()}
            line = form(level, event, str(_cut(text, limit)), short).encode("utf-8", "backslashreplace")
            limit //= 2
        try:
            self._write(line + b"\n", _PRIORITIES[level])
        except OSError:
            self._dropped += 1


def _cut(value: Value, limit: int) -> Value:
    return value[:limit] + "..." if isinstance(value, str) and len(value) > limit else value


def escape(text: str) -> str:
    """Show control characters, line ends and bidi marks as escapes; letters of all languages stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _now() -> str:
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text(_level: Level, _event: str, text: str, fields: Mapping[str, Value]) -> str:
    head = " ".join(str(fields[key]) for key in ("id", "service") if fields.get(key) is not None)
    return escape(f"{head}: {text}" if head else text)


def _json(level: Level, event: str, text: str, fields: Mapping[str, Value]) -> str:
    return json.dumps({"time": _now(), "level": level, "event": event, "text": text, **fields})


def to_stderr(form: Format) -> Write:
    """Write to descriptor 2; to systemd's journal with its priority instead of our own time."""
    ready = select.poll()
    ready.register(2, select.POLLOUT)
    journal = _is_journal()

    def write(line: bytes, priority: int) -> None:
        states = ready.poll(0)
        if not states or not states[0][1] & select.POLLOUT or states[0][1] & (select.POLLERR | select.POLLNVAL):
            raise BlockingIOError
        if journal:
            line = b"<%d>" % priority + line
        elif form == "text":
            line = _now().encode() + b" " + line
        os.write(2, line)

    return write


def _is_journal() -> bool:
    """Whether descriptor 2 is the journal. The variable alone does not say so: whatever a service starts inherits it,
    also with its stderr led elsewhere, so it holds the journal's device and inode to compare (systemd.exec(5)).
    """
    try:
        stderr = os.fstat(2)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{stderr.st_dev}:{stderr.st_ino}"


def to_syslog() -> Write:
    """Write to syslog's mail facility: for a session whose stderr is the client (inetd)."""
    import syslog  # noqa: PLC0415 - only inetd needs it, and no other system than POSIX has it

    # NDELAY: connect now, for when there is no descriptor left it has most to tell.
    syslog.openlog("popover", syslog.LOG_PID | syslog.LOG_NDELAY, syslog.LOG_MAIL)

    def write(line: bytes, priority: int) -> None:
        syslog.syslog(priority, line.decode("utf-8", "replace").rstrip("\n"))

    return write
