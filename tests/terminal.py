"""A terminal, and somebody who reads and types there."""

import os
import pty
import select
import sys
from pathlib import Path


class Terminal:
    """A popover with somebody at it; `seen`: what it shows, behind what was waited for last."""

    def __init__(self, state: Path, *words: str) -> None:
        self.seen = b""
        self._pid, self._screen = pty.fork()
        if self._pid == 0:
            os.environ["STATE_DIRECTORY"] = str(state)
            os.execv(sys.executable, [sys.executable, "-m", "popover", *words])

    def reads(self, words: bytes) -> None:
        """Wait until these words are shown."""
        while words not in self.seen:
            assert select.select([self._screen], [], [], 60)[0], self.seen
            self.seen += os.read(self._screen, 4096)
        self.seen = self.seen.partition(words)[2]

    def types(self, words: bytes) -> None:
        """Type them."""
        os.write(self._screen, words)

    def ends(self) -> int:
        """Wait until it has ended; its exit code."""
        rest = b""
        try:
            while piece := os.read(self._screen, 4096):
                rest += piece
        except OSError:
            pass  # Linux's way to say that nobody is there any more
        self.seen += rest
        os.close(self._screen)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
