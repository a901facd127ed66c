"""Tokens on disk: one file an account, whole or not at all, nobody else's to read. It blocks.

StateDirectory/tokens/        0700
    grandpa.json              0600, see kept.py
    .grandpa.lock             who holds it may refresh, and write; never removed
    .grandpa.new              the next one, before it takes the other's place; who finds a whole one puts it there:
                              its writer was killed
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from popover.accounts.oauth2 import disk
from popover.accounts.oauth2.kept import Kept, from_json, to_json
from popover.accounts.oauth2.vault import Key
from popover.errors import ProviderFailure

_NAME_LIMIT = 120  # characters of an account's name in a file's name, which has 255 octets at most

LOCK_PATIENCE = 30.0  # seconds; whoever holds it waits for a provider, 20 at most
_LOOK_AGAIN = 0.02  # seconds between two tries: flock itself knows no time-out

Stamp = tuple[int, int, int]
"""What changes when a file was replaced: inode, time of change in ns, size."""


class TokenFile:
    """One account's. `key`: what seals and opens it, if it is sealed; without it that stays closed. It is changed only
    while the file is locked.
    """

    def __init__(self, directory: Path, account: str, key: Key | None = None) -> None:
        name = _file_name(account)
        self.key = key
        self._directory = directory
        self.path = directory / f"{name}.json"
        self._draft = directory / f".{name}.new"
        self._lock = directory / f".{name}.lock"
        self._unwritten: tuple[bytes, Stamp | None] | None = None  # what the disk has not taken; in place of which file

    def stamp(self) -> Stamp | None:
        """Look whether it is another than before; None: there is none."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def read(self) -> Kept | None:
        """Read it; None: there is none, or it is no use any more. Raises ProviderFailure for one that may not be read,
        or that others could have read.
        """
        try:
            mode, octets = disk.contents(self.path)
        except FileNotFoundError:
            return None
        except OSError as fault:
            raise _unreadable(self.path, fault) from None
        if mode & 0o077:
            raise ProviderFailure(
                "the gateway does not use a token that others on its machine could have read",
                f"chmod 600 {self.path}; if somebody may have read it, sign in again",
            )
        return _read(octets, self.key)

    @contextlib.contextmanager
    def locked(self, is_stopped: Callable[[], bool] = lambda: False) -> Iterator[None]:
        """Be the only one, of all processes, who refreshes and writes. `is_stopped`: whether to wait no more. Raises
        ProviderFailure.
        """
        try:
            disk.make_directory(self._directory)
            descriptor = disk.open_own(self._lock)
        except OSError as fault:
            raise _unwritable(self._directory, fault) from None
        try:
            deadline = time.monotonic() + LOCK_PATIENCE
            while not self._taken(descriptor):
                if time.monotonic() > deadline or is_stopped():
                    raise ProviderFailure("another popover is asking for the same token, and waits long for it")
                time.sleep(_LOOK_AGAIN)
            self._catch_up()
            yield
        finally:
            disk.close(descriptor)  # gives the lock back

    @contextlib.contextmanager
    def writing(self) -> Iterator[Callable[[Kept], None]]:
        """Make room for the next file, and yield what puts it in its place: on disk, file and name, when it returns.
        Only while it is locked. Raises ProviderFailure, for too little room before anything is yielded.
        """
        with self._room() as descriptor:
            yield lambda kept: self._replace(descriptor, to_json(kept, self.key))

    @contextlib.contextmanager
    def _room(self) -> Iterator[int]:
        try:
            descriptor = disk.open_own(self._draft)
        except OSError as fault:
            raise _unwritable(self._directory, fault) from None
        try:
            try:
                os.ftruncate(descriptor, 0)
                disk.write(descriptor, bytes(disk.FILE_LIMIT))
            except OSError as fault:
                raise _unwritable(self._directory, fault) from None
            yield descriptor
        finally:
            disk.close(descriptor)
            with contextlib.suppress(OSError):
                self._draft.unlink(missing_ok=True)

    def remove(self) -> bool:
        """Forget it; whether there was one. Only while it is locked. Raises ProviderFailure."""
        self._unwritten = None
        try:
            self._draft.unlink(missing_ok=True)
            self.path.unlink()
            disk.sync_names(self._directory)
        except FileNotFoundError:
            return False
        except OSError as fault:
            raise _unwritable(self._directory, fault) from None
        return True

    def _catch_up(self) -> None:
        """Put in its place what has not come there: its refresh token's predecessor is spent. A process may have been
        killed when it was all but done, or the disk was full after all: where old octets stay when they are written
        over (btrfs, ZFS), room cannot be reserved.
        """
        if self._unwritten is not None:
            octets, before = self._unwritten
            if self.stamp() == before:
                with self._room() as descriptor:
                    self._replace(descriptor, octets)
            self._unwritten = None
        with contextlib.suppress(OSError):  # there is none, nearly always
            mode, octets = disk.contents(self._draft)
            whole = octets.rstrip(b"\0")  # the room behind it
            if not mode & 0o077 and _read(whole) is not None:
                os.truncate(self._draft, len(whole))
                self._draft.replace(self.path)
                disk.sync_names(self._directory)

    def _replace(self, descriptor: int, octets: bytes) -> None:
        self._unwritten = octets, self.stamp()
        try:
            os.lseek(descriptor, 0, os.SEEK_SET)
            disk.write(descriptor, octets)  # into the room that it has
            os.ftruncate(descriptor, len(octets))
            os.fsync(descriptor)
            self._draft.replace(self.path)
            disk.sync_names(self._directory)
        except OSError as fault:
            raise _unwritable(self._directory, fault) from None
        self._unwritten = None

    def _taken(self, descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as fault:  # ENOLCK: a file system of the network's that has none
            raise _unwritable(self._directory, fault) from None
        return True


def _file_name(account: str) -> str:
    """Make a file's name of an account's: readable where it can be, never another's, never beyond the directory."""
    safe = quote(account.encode("utf-8", "surrogateescape"), safe="@+ ")
    if safe.startswith("."):
        safe = f"%2E{safe[1:]}"
    if len(safe) <= _NAME_LIMIT:
        return safe
    digest = hashlib.sha256(account.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return f"{safe[:_NAME_LIMIT]}%{digest}"


def _read(octets: bytes, key: Key | None = None) -> Kept | None:
    try:
        return from_json(octets, key)
    except ValueError:
        return None


def _unreadable(path: Path, fault: OSError) -> ProviderFailure:
    return ProviderFailure(
        "the gateway cannot read the token that it has kept",
        f"{path}: {fault.strerror}; it must belong to the user that popover runs as",
    )


def _unwritable(directory: Path, fault: OSError) -> ProviderFailure:
    return ProviderFailure(
        "the gateway cannot keep a new token, so it asks for none",
        f"{directory}: {fault.strerror}; give popover a StateDirectory=, or set STATE_DIRECTORY, with room in it",
    )
