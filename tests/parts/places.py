"""Directories for servers that change their user, and that bind unix sockets."""

import os
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def short_directory(name: str) -> Iterator[Path]:
    """A fresh directory that every user may enter and whose path is short; removed with all in it.

    pytest's own directories are closed to the users that servers become after their start, and so deep that
    a socket in them exceeds the 107 bytes of a unix socket's path.
    """
    with tempfile.TemporaryDirectory(prefix=f"{name}-", ignore_cleanup_errors=True) as made:
        directory = Path(made)
        directory.chmod(0o755)
        yield directory


@contextmanager
def files_up_to(octets: int) -> Iterator[None]:
    """No file that we or our children write grows beyond so many: what is written is taken up to there, and the next
    write fails, as on a disk that is full.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def is_root() -> bool:
    """Whether the tests run as root, as in CI."""
    return os.geteuid() == 0
