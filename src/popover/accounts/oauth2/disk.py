"""How a token's file is opened, read, written and made to last: ours alone, and, where root made it, its owner's.

All of it may raise OSError.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

FILE_LIMIT = 64 * 1024
"""Octets of a file: two tokens of 8 KiB, three times over. So many are reserved before a refresh: a full disk must not
be found out once the old refresh token is spent."""


def make_directory(directory: Path) -> None:
    """Make it, if need be, and the state directory around it. Made by root, it belongs to whom the state belongs."""
    state = directory.parent
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=0o700)
        if os.geteuid() == 0:
            owner = state.stat()
            os.chown(directory, owner.st_uid, owner.st_gid)


def open_own(path: Path) -> int:
    """Open for writing, made if need be, ours alone. Made by root, it belongs to whom its directory belongs."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        if os.geteuid() == 0:
            owner = path.parent.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def contents(path: Path) -> tuple[int, bytes]:
    """Read a file: its mode, and what is in it."""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:  # noqa: PTH123
        return stat.S_IMODE(os.fstat(file.fileno()).st_mode), file.read(FILE_LIMIT + 1) or b""


def write(descriptor: int, octets: bytes) -> None:
    """Write all of it."""
    view = memoryview(octets)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_names(directory: Path) -> None:
    """Let its names last, and its own: whoever made it may have been killed before that was done."""
    for one in (directory, directory.parent):
        descriptor = os.open(one, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def close(descriptor: int) -> None:
    """Close it, whatever the disk says to that: what had to last was synced before."""
    with contextlib.suppress(OSError):
        os.close(descriptor)
