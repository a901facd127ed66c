"""One attempt at a time for each account, in all processes: a lock on a file; it goes with its holder."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def held(folder: Path, account: str) -> Iterator[bool]:
    """Hold an account's lock; False: somebody else does. Raises OSError."""
    name = hashlib.sha256(account.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    file = os.open(folder / f".lock-{name}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(file)
