"""The calls to the system by which a file is made to last; a test puts its own in their place, and cuts the power."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

PIECE = 64 * 1024
"""Octets of a mail that are read at once."""


class Disk(Protocol):
    """What is asked of a file system. Every method raises OSError."""

    def make_folder(self, path: Path) -> None:
        """Make a directory that only we may enter, and those above it, unless they are there; their names last."""

    def create(self, path: Path) -> int:
        """Make a file that only we may read; give its descriptor."""

    def write(self, file: int, octets: bytes | memoryview) -> None:
        """Write all of this."""

    def sync(self, file: int) -> None:
        """Let what was written be on the disk."""

    def close(self, file: int) -> None:
        """Give the descriptor back."""

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name, in the place of whatever has it."""

    def unlink(self, path: Path) -> None:
        """Take a file away."""

    def sync_folder(self, path: Path) -> None:
        """Let the names in a directory be on the disk."""

    def names(self, path: Path) -> list[str]:
        """Name what lies in a directory."""

    def read(self, path: Path) -> bytes:
        """Read a small file."""

    def pieces(self, path: Path) -> Iterator[bytes]:
        """Read a file piece by piece."""

    def age(self, path: Path, now: float) -> float:
        """Seconds since a file was last written to; `now`: since 1970."""


class SystemDisk:
    """The one there is. See `Disk`."""

    def make_folder(self, path: Path) -> None:  # noqa: D102 - Disk's
        if not path.parent.exists():
            self.make_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
        self.sync_folder(path.parent)  # also if it is there: who made it may have been killed before this

    def create(self, path: Path) -> int:  # noqa: D102
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def write(self, file: int, octets: bytes | memoryview) -> None:  # noqa: D102
        view = memoryview(octets)
        while view:
            view = view[os.write(file, view) :]

    def sync(self, file: int) -> None:  # noqa: D102
        os.fsync(file)

    def close(self, file: int) -> None:  # noqa: D102
        os.close(file)

    def rename(self, old: Path, new: Path) -> None:  # noqa: D102
        old.replace(new)

    def unlink(self, path: Path) -> None:  # noqa: D102
        path.unlink()

    def sync_folder(self, path: Path) -> None:  # noqa: D102
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def names(self, path: Path) -> list[str]:  # noqa: D102
        return os.listdir(path)  # noqa: PTH208 - their names are all that is asked

    def read(self, path: Path) -> bytes:  # noqa: D102
        return path.read_bytes()

    def pieces(self, path: Path) -> Iterator[bytes]:  # noqa: D102
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece

    def age(self, path: Path, now: float) -> float:  # noqa: D102
        return now - path.stat().st_mtime
