"""Disks on which things go wrong: the power fails, there is no room, the process is killed."""

import errno
import os
import signal
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from random import Random

from popover.process.queue.disk import Disk


class PowerCut(BaseException):
    """The power has failed: nothing is done any more, not even what clears away."""


class File:
    """`data`: what was written; `safe`: how much of it is on the disk."""

    def __init__(self) -> None:
        self.data = b""
        self.safe = 0


Entry = tuple[Path, File | None]


class Paper:
    """A disk in memory that keeps, when the power fails, no more than POSIX promises: the octets of a file up to its
    last sync and perhaps some more, and of what happened to names since the last sync of their directory anything or
    nothing. A rename happens or does not. `fails_after`: how many changes are made before the power does.
    """

    def __init__(self, fails_after: int = 10**9) -> None:
        self.names_of: dict[Path, File] = {}
        self.changes = 0
        self._safe: dict[Path, File] = {}
        self._pending: list[tuple[Entry, ...]] = []
        self._open: dict[int, File] = {}
        self._left = fails_after

    def _change(self) -> None:
        if self._left <= 0:
            raise PowerCut
        self._left -= 1
        self.changes += 1

    def _name(self, *entries: Entry) -> None:
        self._change()
        self._pending.append(entries)
        _apply(self.names_of, entries)

    def after_the_cut(self, random: Random) -> "Paper":
        """The disk as it is found then."""
        found = Paper()
        names = dict(self._safe)
        for entries in self._pending:
            if random.random() < 0.5:
                _apply(names, entries)
        for path, file in names.items():
            copy = found.names_of[path] = File()
            copy.data = file.data[: random.randint(file.safe, len(file.data))]
            copy.safe = len(copy.data)
        found._safe = dict(found.names_of)
        return found

    def make_folder(self, path: Path) -> None:
        pass

    def create(self, path: Path) -> int:
        if path in self.names_of:
            raise FileExistsError(errno.EEXIST, "File exists")
        file = File()
        self._name((path, file))
        self._open[len(self._open) + 3] = file
        return len(self._open) + 2

    def write(self, file: int, octets: bytes | memoryview) -> None:
        self._change()
        self._open[file].data += octets

    def sync(self, file: int) -> None:
        self._change()
        self._open[file].safe = len(self._open[file].data)

    def close(self, file: int) -> None:
        pass

    def rename(self, old: Path, new: Path) -> None:
        self._name((old, None), (new, self.names_of[old]))

    def unlink(self, path: Path) -> None:
        if path not in self.names_of:
            raise FileNotFoundError(errno.ENOENT, "No such file")
        self._name((path, None))

    def sync_folder(self, path: Path) -> None:
        self._change()
        for entries in [one for one in self._pending if any(name.parent == path for name, _ in one)]:
            _apply(self._safe, entries)
            self._pending.remove(entries)

    def names(self, path: Path) -> list[str]:
        return [name.name for name in self.names_of if name.parent == path]

    def read(self, path: Path) -> bytes:
        if path not in self.names_of:
            raise FileNotFoundError(errno.ENOENT, "No such file")
        return self.names_of[path].data

    def pieces(self, path: Path) -> Iterator[bytes]:
        yield self.read(path)

    def age(self, path: Path, now: float) -> float:  # noqa: ARG002 - nothing grows old here
        return 0.0


def _apply(names: dict[Path, File], entries: tuple[Entry, ...]) -> None:
    for path, file in entries:
        if file is None:
            names.pop(path, None)
        else:
            names[path] = file


class Faulty:
    """Another disk, with something done at its `at`-th change: by default, there is no room from there on."""

    def __init__(self, disk: Disk, at: int) -> None:
        self.calls = 0
        self._disk = disk
        self._at = at

    def _call(self) -> None:
        self.calls += 1
        if self.calls > self._at:
            self.happens()

    def happens(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def make_folder(self, path: Path) -> None:
        self._disk.make_folder(path)

    def create(self, path: Path) -> int:
        self._call()
        return self._disk.create(path)

    def write(self, file: int, octets: bytes | memoryview) -> None:
        self._call()
        self._disk.write(file, octets)

    def sync(self, file: int) -> None:
        self._call()
        self._disk.sync(file)

    def close(self, file: int) -> None:
        self._disk.close(file)

    def rename(self, old: Path, new: Path) -> None:
        self._call()
        self._disk.rename(old, new)

    def unlink(self, path: Path) -> None:
        self._disk.unlink(path)  # which needs no room

    def sync_folder(self, path: Path) -> None:
        self._call()
        self._disk.sync_folder(path)

    def names(self, path: Path) -> list[str]:
        return self._disk.names(path)

    def read(self, path: Path) -> bytes:
        return self._disk.read(path)

    def pieces(self, path: Path) -> Iterator[bytes]:
        return self._disk.pieces(path)

    def age(self, path: Path, now: float) -> float:
        return self._disk.age(path, now)


class Deadly(Faulty):
    """The process is killed behind that change, an unlink too; half of what is written gets through."""

    def happens(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def write(self, file: int, octets: bytes | memoryview) -> None:
        if self.calls == self._at:
            self._disk.write(file, octets[: len(octets) // 2])
        super().write(file, octets)

    def unlink(self, path: Path) -> None:
        self._call()
        super().unlink(path)


def copied(disk: Paper) -> Paper:
    """The same disk once more."""
    return deepcopy(disk)
