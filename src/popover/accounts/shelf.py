"""The accounts that the command keeps, as the gateway sees them: read again when something in their folder has changed,
which costs one stat a login. So `popover account` needs nobody's leave: no signal, no restart, no session is touched.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from popover.accounts.kept import KEPT_LIMIT, account_of, name_of, read_kept
from popover.accounts.private import for_shell, read_private
from popover.config import Account

SETTLED = 2.0
"""Seconds after which a folder's time is believed: two changes within one tick of the kernel's clock (10 ms at most, on
FAT 2 s) leave the same time, and the second would never be seen."""

Stamp = tuple[int, ...]
Files = dict[str, tuple[Stamp, Account | str]]
"""By file name: when it was as it is, and the account in it, or why there is none."""


class Shelf:
    """Accounts below `folder` (None: there are none), by `look`.

    `broken`: folded names whose files are none that we can take, and why. `trouble`: why none can be read at all.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._where = str(folder)
        self._stamp: Stamp = ()
        self._settled = False
        self._files: Files = {}
        self.accounts: tuple[Account, ...] = ()
        self.broken: dict[str, str] = {}
        self.trouble = ""

    def forget(self) -> None:
        """Read all of it anew next time, whatever its times say."""
        self._stamp, self._settled = (), False
        self._files.clear()

    def look(self) -> bool:
        """Look whether something has changed, and read it; tell whether it had."""
        if self._folder is None:
            return False
        files: Files = {}
        trouble = ""
        try:
            found = os.stat(self._where)  # noqa: PTH116 - at each login and each greeting, and half the time
            stamp: Stamp = (found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev, found.st_mode)
            if stamp == self._stamp and self._settled:
                return False
            self._settled = _is_settled(found)
            if found.st_mode & 0o022:
                raise PermissionError(f"others can write there: chmod 700 {for_shell(self._folder)}")
            files = self._read(self._folder)
        except FileNotFoundError:
            stamp = ()
        except OSError as fault:
            stamp, trouble = (), _told(self._folder, fault)
        self._stamp = stamp
        if files == self._files and trouble == self.trouble:
            return False
        self._become(files, trouble)
        return True

    def _read(self, folder: Path) -> Files:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries]
        return {name: self._file(folder / name) for name in sorted(names) if _is_accounts(name)}

    def _file(self, path: Path) -> tuple[Stamp, Account | str]:
        try:
            found = path.stat()
            stamp = (found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size, found.st_mode, found.st_uid)
            known = self._files.get(path.name)
            if known is not None and known[0] == stamp and _is_settled(found):
                return known
            return stamp, account_of(read_kept(read_private(path, KEPT_LIMIT)), path)
        except OSError as fault:
            return (), f"{path} cannot be read: {fault.strerror}"
        except ValueError as wrong:
            return (), f"{path} {wrong}"

    def _become(self, files: Files, trouble: str) -> None:
        self._files, self.trouble = files, trouble
        self.accounts = tuple(account for _, account in files.values() if isinstance(account, Account))
        self.broken = {name_of(name): why for name, (_, why) in files.items() if isinstance(why, str)}


def _is_settled(found: os.stat_result) -> bool:
    return time.time() - max(found.st_mtime, found.st_ctime) > SETTLED


def _is_accounts(name: str) -> bool:
    return name.endswith(".json") and not name.startswith(".")


def _told(folder: Path, fault: OSError) -> str:
    if fault.strerror is None:  # ours
        return f"the accounts in {folder} are not taken: {fault}"
    return (
        f"the accounts in {folder} cannot be read ({fault.strerror}): make popover's user their owner: "
        f"chown -R USER {for_shell(folder)}"
    )
