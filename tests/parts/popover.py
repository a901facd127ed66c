"""popover itself, as a process of its own: started, listened to, measured and ended.

with Popover("0=pop3s://localhost:10995", "--ca-file", str(authority.ca_file)) as popover:
    fetch(popover.addresses[0])
    ended = popover.wait_for_event("session", end="client closed")
"""

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, ClassVar, Self

from parts.net import Address

Event = dict[str, Any]

COMMAND = (sys.executable, "-m", "popover")

_LISTENING = re.compile(r"listening (?:\[(?P<six>[^]]+)\]|(?P<four>[^:\s]+)):(?P<port>\d+) -> (?P<server>\S+)")
_WITH_VALUE = {"--ca-file", "--allow", "--max-sessions", "--user", "--log-format", "-c"}


class Popover:
    """`popover run --log-format json ARGS`, from the moment it accepts to the end of the `with` block.

    `env` is added to the environment; `listeners` is how many `listening` lines to wait for, counted from
    `args` (and the file they name) unless given. A start that fails raises `StartError` with what popover
    wrote. The block's end stops the process, whatever happened, and fails the test if the log holds a
    traceback or an `internal` event: nothing a client or a server does may cause one.
    """

    program: ClassVar[Sequence[str]] = ()  # in the place of COMMAND

    def __init__(
        self,
        *args: str | Path,
        env: Mapping[str, str] | None = None,
        listeners: int | None = None,
        timeout: float = 30,
    ) -> None:
        words = [str(arg) for arg in args]
        command = [*(self.program or COMMAND), "run", "--log-format", "json", *words]
        self._process = subprocess.Popen(
            command,
            env=os.environ | dict(env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._out = _Lines(self._process.stdout)
        self._err = _Lines(self._process.stderr)
        self._events: list[Event | None] = []
        try:
            self._wait_until_ready(count_listeners(words) if listeners is None else listeners, timeout)
        except BaseException:
            self.end()
            raise

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def addresses(self) -> list[Address]:
        """Where it listens, in the order it said so."""
        found = [match for line in self._out.lines for match in [_LISTENING.match(line)] if match]
        return [(match["six"] or match["four"], int(match["port"])) for match in found]

    @property
    def ports(self) -> list[int]:
        """The ports of `addresses`."""
        return [port for _, port in self.addresses]

    @property
    def is_over(self) -> bool:
        """It has ended; a successor that it started may write on where it wrote."""
        return self._process.poll() is not None

    def out_lines(self) -> list[str]:
        """All it wrote to stdout so far."""
        return list(self._out.lines)

    def log_lines(self) -> list[str]:
        """All it wrote to stderr so far."""
        return list(self._err.lines)

    def events(self, event: str | None = None, **match: object) -> list[Event]:
        """The log's JSON objects so far, those of this name and with all of these values."""
        if event is not None:
            match["event"] = event
        # A log of thousands of lines is asked for many times: each line is parsed once.
        self._events += map(_parse, self._err.lines[len(self._events) :])
        return [found for found in self._events if found and match.items() <= found.items()]

    def wait_for_event(self, event: str, timeout: float = 30, **match: object) -> Event:
        """The first such event, as soon as there is one; AssertionError with the log when none comes."""
        return self.wait_for_events(event, 1, timeout, **match)[0]

    def wait_for_events(self, event: str, count: int, timeout: float = 30, **match: object) -> list[Event]:
        """All such events, as soon as there are `count`; AssertionError with the log when there are fewer."""
        deadline = time.monotonic() + timeout
        while True:
            over = self._err.ended or time.monotonic() > deadline
            found = self.events(event, **match)
            if len(found) >= count:
                return found
            if over:
                log = "\n".join(self.log_lines())
                raise AssertionError(f"{len(found)} of {count} events {event!r} with {match}; the log:\n{log}")
            time.sleep(0.01)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; ProcessLookupError is not raised for a process that has ended."""
        self._process.send_signal(number)

    def wait(self, timeout: float = 60) -> int:
        """The exit code, once it has ended by itself and its last line is read."""
        code = self._process.wait(timeout)
        self._out.join()
        self._err.join()
        return code

    def stop(self, timeout: float = 60) -> int:
        """SIGTERM; the exit code once the sessions have ended or `drain_timeout` is over."""
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def fds(self) -> int:
        """How many descriptors it holds open."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def rss(self) -> int:
        """Resident memory in KiB."""
        return self._memory("status", "VmRSS")

    def peak(self) -> int:
        """The most resident memory that it ever had, in KiB."""
        return self._memory("status", "VmHWM")

    def pss(self) -> int:
        """Resident memory in KiB, pages shared with other processes counted by their share."""
        return self._memory("smaps_rollup", "Pss")

    def cpu(self) -> float:
        """CPU seconds used so far, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        """Stop at once: twice SIGTERM, which waits for no session, and SIGKILL if that does not help."""
        for number, patience in ((signal.SIGTERM, 1), (signal.SIGTERM, 10), (signal.SIGKILL, 10)):
            self.signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.wait(patience)
                return

    def _memory(self, file: str, key: str) -> int:
        text = Path(f"/proc/{self.pid}/{file}").read_text()
        found = re.search(rf"^{key}:\s+(\d+) kB$", text, re.MULTILINE)
        assert found
        return int(found[1])

    def _wait_until_ready(self, listeners: int, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while len(self.addresses) < listeners:
            if self._out.ended or time.monotonic() > deadline:
                self.end()
                raise StartError(self._process.returncode, self.out_lines(), self.log_lines())
            time.sleep(0.01)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        log = "\n".join(self.log_lines())
        if error is not None:
            error.add_note(f"popover's log:\n{log}")
        elif self.events("internal") or "Traceback (most recent call last)" in log:
            raise AssertionError(f"popover logged a bug of its own:\n{log}")


class StartError(Exception):
    """popover ended, or did not say `listening` often enough in time; holds its exit code and its words."""

    def __init__(self, code: int, out: list[str], log: list[str]) -> None:
        super().__init__(f"exit code {code}\n" + "\n".join([*out, *log]))
        self.code = code
        self.out = out
        self.log = log


class _Lines:
    """Reads one pipe in a thread of its own, so that popover never waits for a test to read. Who looks reads what is
    there, too: popover writes a line before it goes on, and so what it has written is seen.
    """

    def __init__(self, pipe: IO[bytes]) -> None:
        self.ended = False
        self._pipe = pipe
        self._lines: list[str] = []
        self._rest = b""
        self._one = threading.Lock()
        os.set_blocking(pipe.fileno(), False)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def lines(self) -> list[str]:
        """All whole lines so far, without their ends."""
        self._take()
        return self._lines

    def _read(self) -> None:
        poll = select.poll()
        poll.register(self._pipe, select.POLLIN)
        while not self.ended:
            poll.poll()
            self._take()
        self._pipe.close()

    def _take(self) -> None:
        with self._one:
            while not self.ended:
                try:
                    found = os.read(self._pipe.fileno(), 64 * 1024)
                except BlockingIOError:
                    return
                self.ended = not found
                *lines, self._rest = (self._rest + (found or b"\n" * bool(self._rest))).split(b"\n")
                self._lines += (line.decode(errors="backslashreplace") for line in lines)

    def join(self) -> None:
        self._thread.join(10)


def run_popover(*args: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """`popover ARGS` until it ends by itself, at most 60 s: its exit code, stdout and stderr."""
    command = [*COMMAND, *(str(arg) for arg in args)]
    options = {"stdin": subprocess.DEVNULL, "timeout": 60, **options}
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False, **options)


def count_listeners(words: list[str]) -> int:
    """How many `listening` lines `popover run WORDS` will print."""
    count = 0
    rest = iter(words)
    for word in rest:
        value = next(rest, "") if word in _WITH_VALUE else ""
        if word == "-c":
            count += _count_in_file(Path(value))
        elif not word.startswith("-"):
            count += 1
    return count


def _count_in_file(path: Path) -> int:
    files = sorted(path.glob("*.toml")) if path.is_dir() else [path]
    services = [service for file in files for service in tomllib.loads(file.read_text()).get("service", [])]
    return sum(map(_count_of, services))


def _count_of(service: dict[str, Any]) -> int:
    listen, dialects = service.get("listen", ""), service.get("dialect")
    if isinstance(dialects, list):
        places = listen if isinstance(listen, dict) else {}
        return sum(_count_of({"listen": places.get(one, "")}) for one in dialects)
    return len(listen) if isinstance(listen, list) else 1


def _parse(line: str) -> Event | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
