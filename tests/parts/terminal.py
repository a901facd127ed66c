"""Programs that believe to have a person before them."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import tempfile
import termios
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from parts.account import TIMEOUT, ClientError

_ROWS, _COLUMNS = 24, 80
_AT_REST = (
    0.2  # seconds without anything being painted: a program that paints a question may throw away what comes then
)
_UNHEARD = 2.0  # likewise, behind keys: it has thrown them away


Steps = Sequence[Mapping[str, str]]
"""What is typed, one after the other: where one of these words is painted, what stands behind them."""


class _Person:
    """Sits at a terminal and types; what was `painted`."""

    def __init__(self, terminal: int, steps: Steps) -> None:
        self.painted = bytearray()
        self._terminal = terminal
        self._steps = list(steps)
        self._seen = 0  # octets up to the words that were answered last
        self._next = self._typed = b""

    def sit(self) -> None:
        """Read and type until the last one who had the terminal open is gone."""
        try:
            while True:
                patience = _AT_REST if self._next else _UNHEARD if self._typed else None
                if select.select([self._terminal], [], [], patience)[0]:
                    self.painted += os.read(self._terminal, 4096)
                    self._look()
                else:
                    self._type()
        except OSError:
            pass

    def _look(self) -> None:
        """See whether something is asked."""
        self._typed = b""
        if not self._steps or self._next:
            return
        for words, keys in self._steps[0].items():
            if (at := self.painted.find(words.encode(), self._seen)) >= 0:
                self._seen, self._next = at + len(words), keys.encode()
                del self._steps[0]
                return

    def _type(self) -> None:
        self._typed, self._next = self._next or self._typed, b""
        os.write(self._terminal, self._typed)


def run_on_a_terminal(
    workdir: Path, *command: str | Path, steps: Steps = (), env: Mapping[str, str] | None = None
) -> bytes:
    """Run a program to its end; what it has painted. Raises ClientError."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
    environ = {
        "HOME": str(workdir),
        "PATH": os.environ["PATH"],
        "LANG": "C",
        "TERM": "vt100",
        "TMPDIR": tempfile.gettempdir(),
        **(env or {}),
    }
    person = _Person(ours, steps)
    reader = threading.Thread(target=person.sit)
    try:
        with subprocess.Popen(command, cwd=workdir, env=environ, stdin=its, stdout=its, stderr=its) as process:
            os.close(its)
            reader.start()
            try:
                code = process.wait(TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                code = -1
        reader.join(TIMEOUT)
    finally:
        os.close(ours)
    if code:
        raise ClientError(str(command[0]), code, person.painted.decode(errors="backslashreplace"))
    return bytes(person.painted)
