"""Programs that believe to have a person before them."""

import fcntl
import os
import pty
import struct
import subprocess
import tempfile
import termios
import threading
from collections.abc import Mapping
from pathlib import Path

from parts.account import TIMEOUT, ClientError

_ROWS, _COLUMNS = 24, 80


def run_on_a_terminal(
    workdir: Path, *command: str | Path, types: Mapping[str, str] | None = None, env: Mapping[str, str] | None = None
) -> bytes:
    """Run a program to its end; what it has painted. `types`: the first time that these words are painted, that is
    typed. Raises ClientError.
    """
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
    painted, waiting = bytearray(), dict(types or {})

    def read() -> None:
        try:
            while piece := os.read(ours, 4096):
                painted.extend(piece)
                for words in [words for words in waiting if words.encode() in painted]:
                    os.write(ours, waiting.pop(words).encode())
        except OSError:  # the last one who had the terminal open is gone
            pass

    reader = threading.Thread(target=read)
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
        raise ClientError(str(command[0]), code, painted.decode(errors="backslashreplace"))
    return bytes(painted)
