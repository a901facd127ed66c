"""The accounts that the command keeps, as the command sees them: added, changed, removed, one at a time.

A file is written beside its place, brought to disk, and takes the place then: whoever reads sees the old one or the new
one, whole, and so does who starts after a power cut.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from popover.accounts.kept import KEPT_LIMIT, account_of, file_name, read_kept
from popover.accounts.private import read_private
from popover.accounts.shelf import Shelf
from popover.config import Account, fold, quote
from popover.errors import ConfigError, StartError


class Store:
    """Accounts in files below `folder`, which comes to be with the first. All methods raise StartError where the files
    or the folder don't let them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def tokens(self) -> Path:
        """Where the tokens of OAuth2 are kept, beside it."""
        return self._folder.parent / "tokens"

    def accounts(self) -> tuple[Account, ...]:
        """Give all that can be read, in the order of their names."""
        return self._looked().accounts

    def broken(self) -> tuple[str, ...]:
        """Say which files are none that we can take, and why, a line each."""
        return tuple(self._looked().broken.values())

    def find(self, name: str) -> Account | None:
        """Find one by any of its names."""
        folded = fold(name)
        return next((one for one in self.accounts() if folded in map(fold, one.names)), None)

    def path(self, name: str) -> Path:
        """Where an account of this name, its first, is kept. Raises ConfigError for a name that no file can have."""
        return self._folder / file_name(name)

    def add(self, name: str, table: Mapping[str, Any]) -> Account:
        """Keep a new one. Raises ConfigError for what is no account, too."""
        with self._locked():
            account = self.check_new(name, table)
            self._write(self.path(name), table)
        return account

    def check_new(self, name: str, table: Mapping[str, Any]) -> Account:
        """Make sure that this is an account, and that nobody has its names. Raises ConfigError, StartError."""
        account = _checked(table, self.path(name))
        for one in account.names:
            if (other := self.find(one)) is not None or self.path(one).exists():
                whose = f"the account {quote(other.name)} has" if other else f"{self.path(one)} has"
                first = other.name if other else one
                raise StartError(f"the name {quote(one)} is taken, {whose} it: popover account remove {first} first")
        return account

    def change(
        self, account: Account, changes: Mapping[str, str | None], oauth2: Mapping[str, object] | None = None
    ) -> None:
        """Change keys of one, and of its `oauth2`; None takes a key out."""
        path = self.path(account.name)
        with self._locked():
            try:
                table = read_kept(read_private(path, KEPT_LIMIT)) | dict(changes)
                if oauth2:
                    table["oauth2"] = {**table.get("oauth2", {}), **oauth2}
            except (OSError, ValueError) as fault:
                raise StartError(f"{path}: {_told(fault)}") from None
            table = {key: value for key, value in table.items() if value is not None}
            _checked(table, path)
            self._write(path, table)

    def remove(self, name: str) -> str:
        """Remove one by any of its names, or a broken file by its first; give the first name."""
        found = self.find(name)
        first = name if found is None else found.name
        with self._locked():
            try:
                self.path(first).unlink()
                self._sync()
            except FileNotFoundError:
                raise StartError(f"there is no account {quote(name)}: popover account list shows all") from None
            except OSError as fault:
                raise StartError(f"{self.path(first)} cannot be removed: {_told(fault)}") from None
        return first

    def _looked(self) -> Shelf:
        shelf = Shelf(self._folder)
        shelf.look()
        if shelf.trouble:
            raise StartError(shelf.trouble)
        return shelf

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Be the only one, of all processes, who changes something."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as fault:
            raise StartError(f"{self._folder} cannot be used: {_told(fault)}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _write(self, path: Path, table: Mapping[str, Any]) -> None:
        octets = json.dumps(table, indent=1).encode() + b"\n"
        if len(octets) > KEPT_LIMIT:
            raise ConfigError("the account has more to say than a file of it may hold")
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            draft.unlink(missing_ok=True)  # of a process that had our number, and was killed
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:  # noqa: PTH123 - a descriptor
                file.write(octets)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
            self._sync()
        except OSError as fault:
            raise StartError(f"{path} cannot be written: {_told(fault)}") from None
        finally:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)

    def _sync(self) -> None:
        """Bring to disk which names there are, and the folder's own: who made it may have been killed behind that."""
        for folder in (self._folder, self._folder.parent):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _checked(table: Mapping[str, Any], path: Path) -> Account:
    """Make sure that it can be read again. Raises ConfigError."""
    try:
        return account_of(dict(table), path)
    except ValueError as wrong:
        raise ConfigError(str(wrong)) from None


def _told(fault: OSError | ValueError) -> str:
    return (fault.strerror or str(fault)) if isinstance(fault, OSError) else str(fault)
