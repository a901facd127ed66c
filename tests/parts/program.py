"""A program that runs beside the test, and ends with it."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from parts.net import wait_until


class Program:
    """Runs a command from `__init__` to the end of the `with` block, both its outputs going to a file.

    `handed` is a descriptor that it inherits, by its number here.
    """

    def __init__(
        self, *command: str | Path, output: Path, env: Mapping[str, str] | None = None, handed: int | None = None
    ) -> None:
        self._command = command
        self._output = output
        with output.open("wb") as file:
            self._process = subprocess.Popen(
                command,
                env=os.environ | dict(env or {}),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                pass_fds=() if handed is None else (handed,),
                # A session of its own: some servers signal their whole process group when they end.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def output(self) -> str:
        """All it wrote so far, to stdout and stderr."""
        return self._output.read_text(encoding="utf-8", errors="backslashreplace")

    def wait_until(self, true: Callable[[], object], what: str, timeout: float = 30) -> None:
        """Look until `true` is; RuntimeError with its output should the program end meanwhile."""

        def look() -> object:
            if self._process.poll() is not None:
                raise RuntimeError(f"{self._command[0]} ended, code {self._process.returncode}: {self.output()}")
            return true()

        wait_until(look, what, timeout)

    def up(
        self, true: Callable[[], object], what: str, timeout: float = 30, log: Callable[[], str] | None = None
    ) -> Self:
        """Itself, once `true` is; else it is ended, and the fault has its `log` (by default its output)."""
        try:
            self.wait_until(true, what, timeout)
        except BaseException as fault:
            self.end()
            fault.add_note((log or self.output)())
            raise
        return self

    def end(self) -> None:
        """SIGTERM, and SIGKILL after ten seconds; then SIGKILL for whatever it started and left behind.

        xinetd does leave its `wait = yes` servers behind, which have sessions of their own, and
        systemd-socket-activate all it started.
        """
        born = {pid: _birth(pid) for pid in descendants(self.pid)}
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._process.kill()
        self._process.wait()
        for pid, birth in born.items():
            with contextlib.suppress(ProcessLookupError):
                if birth and _birth(pid) == birth:
                    os.kill(pid, signal.SIGKILL)

    def kill(self) -> None:
        """SIGKILL for it and all it has started, as when the power fails."""
        for pid in [self.pid, *descendants(self.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()


def descendants(pid: int) -> list[int]:
    """The running processes that this one started, and those that they started."""
    parents = {int(path.name): _stat(int(path.name))[1] for path in Path("/proc").glob("[0-9]*")}
    found = [pid]
    for ancestor in found:
        found += [child for child, parent in parents.items() if parent == str(ancestor)]
    return found[1:]


def _birth(pid: int) -> str:
    """When a running process was started, in the kernel's own unit: a number may be given to another soon."""
    return _stat(pid)[19]


def _stat(pid: int) -> list[str]:
    """What /proc/PID/stat says after the name; empty words for a process that has ended, waited for or not."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text(errors="backslashreplace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        words = ["Z"]
    return words if words[0] != "Z" else [""] * 50
