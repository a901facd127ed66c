"""A mail that is being written down, under a name that makes it none yet."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from popover.process.queue.disk import Disk

MAIL = ".mail"

Complain = Callable[[OSError], None]


class Sheet:
    """A mail that is being written down. See `device.Draft`. `complain`: is told why it cannot be."""

    def __init__(self, disk: Disk, folder: Path, name: str, complain: Complain) -> None:
        self.name = name
        self.path = folder / f".{name}{MAIL}"
        self._disk = disk
        self._file = disk.create(self.path)
        self._is_open = True
        self._complain = complain

    def write(self, octets: bytes | memoryview) -> None:
        """See `device.Draft`."""
        try:
            self._disk.write(self._file, octets)
        except OSError as fault:
            self._complain(fault)
            raise

    def finish(self) -> None:
        """Let all of it be on the disk. Raises OSError."""
        self._disk.sync(self._file)
        self._close()

    def drop(self) -> None:
        """See `device.Draft`."""
        with contextlib.suppress(OSError):
            self._close()
        with contextlib.suppress(OSError):
            self._disk.unlink(self.path)

    def _close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._disk.close(self._file)
