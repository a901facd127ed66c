"""Stdout as the commands see it: what cannot be written ends a command in one line, not in a traceback.

Its reader may have gone (`| head`), its disk may be full, or it may have been closed before we began (`>&-`), which
Python tells by having none. Python's own way is a traceback, or a complaint after the last line of ours.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Iterator
from typing import TextIO, TypeVar, cast

from popover.errors import StartError

T = TypeVar("T")

INTERRUPTED = 130
"""The exit code after Ctrl-C: 128 and the number of SIGINT, as shells have it."""


class OutputError(StartError):
    """What a command says cannot be written. `unread`: its reader has gone, which is no fault (`| head`)."""

    def __init__(self, fault: OSError) -> None:
        super().__init__(f"the output cannot be written: {fault.strerror}")
        self.unread = isinstance(fault, BrokenPipeError)


class Output:
    """Stands before stdout, and raises OutputError where that raises OSError."""

    def __init__(self, out: TextIO | None) -> None:
        self._out = out

    def write(self, text: str) -> int:
        """Write to stdout."""
        return self._try(lambda out: out.write(text))

    def flush(self) -> None:
        """Write what waits. A stdout that was closed has nothing that waits."""
        if self._out is not None:
            self._try(lambda out: out.flush())

    def isatty(self) -> bool:
        """Whether somebody looks at it."""
        return self._out is not None and self._out.isatty()

    def _try(self, act: Callable[[TextIO], T]) -> T:
        if self._out is None:
            raise OutputError(OSError(errno.EBADF, os.strerror(errno.EBADF)))
        try:
            return act(self._out)
        except OSError as fault:
            raise OutputError(fault) from None


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Let all that is printed go through an Output, to its last octet. Raises OutputError."""
    with contextlib.redirect_stdout(cast("TextIO", Output(sys.stdout))):
        try:
            yield
        finally:
            sys.stdout.flush()  # what waits there would fail at the interpreter's end


def give_up() -> None:
    """Let stdout lead nowhere from now on: what waits there still would fail again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def say(text: str) -> None:
    """Say a line, or a few, on stdout, at once. Raises OutputError."""
    print(text, flush=True)  # noqa: T201 - what was asked for


def warn(text: str) -> None:
    """Say a line beside what was asked for."""
    print(f"popover: {text}", file=sys.stderr)  # noqa: T201
