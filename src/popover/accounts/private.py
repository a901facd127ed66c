"""Files that nobody but their owner may read."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path


def check_mode(path: Path | str, found: os.stat_result) -> str:
    """Say why a file is no place for a secret, and what mends it; empty: it is one."""
    if not stat.S_ISREG(found.st_mode):
        return "is no ordinary file"
    if found.st_mode & 0o077:
        return f"can be read by others (its mode is {stat.S_IMODE(found.st_mode):04o}): chmod 600 {for_shell(path)}"
    return ""


def for_shell(path: Path | str) -> str:
    """Write a path as it stands in a command that mends something."""
    return shlex.quote(str(path))


def read_private(path: Path | str, limit: int) -> bytes:
    """Read a file that nobody else may read. Raises OSError, and ValueError with what is wrong with it."""
    # Without O_NONBLOCK a pipe would keep us until somebody writes into it.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        found = os.fstat(descriptor)
        if wrong := check_mode(path, found):
            raise ValueError(wrong)
        octets = piece = os.read(descriptor, min(found.st_size, limit) + 1)
        # One that has given as many as it has needs not be asked for more: each login reads two.
        while piece and len(octets) != found.st_size and len(octets) <= limit:
            octets += (piece := os.read(descriptor, limit + 1 - len(octets)))
    finally:
        os.close(descriptor)
    if len(octets) > limit:
        raise ValueError(f"has more than {limit} octets: this is no secret")
    return octets
