"""The file into which a set-up is written. What stands in one stays as it is, octet for octet: lines are added behind
it, or there is a new file.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from popover.config import Address, DialectName, Listen, load, parse_listen, parse_server
from popover.config.places import default_listen
from popover.errors import ConfigError, StartError
from popover.setup.found import DIALECT_ORDER

SYSTEM = (Path("/etc/popover/popover.toml"), Path("/etc/popover.toml"))
"""Where the unit of the Debian package looks, and that of examples/; the first that is there."""


@dataclass(frozen=True, slots=True)
class Place:
    """`path`: what `popover run -c` is told, a file or a directory of them; `file`: the one that is written."""

    path: Path
    file: Path

    def services(self) -> tuple[dict[str, Any], ...]:
        """What stands there already, as far as it can be read; mistakes are told when it is loaded."""
        return tuple(service for file in self._files() for service in _services(file))

    def taken(self) -> Iterator[Address]:
        """The addresses at which it listens."""
        for service in self.services():
            dialect = service.get("dialect", "pop3")
            with contextlib.suppress(ConfigError):
                dialect = parse_server(str(service["server"])).dialect if "server" in service else dialect
            usual = default_listen(dialect if dialect in DIALECT_ORDER else "pop3")
            yield from (place for place in _listens(service, usual) if isinstance(place, Address))

    def desks(self) -> dict[DialectName, Address]:
        """Where who logs in is asked, of all own logins, by dialect."""
        found: dict[DialectName, Address] = {}
        for service in self.services():
            dialect = next((one for one in DIALECT_ORDER if service.get("dialect", "pop3") == one), None)
            if service.get("accounts") is not True or dialect is None:
                continue
            places = [at for at in _listens(service, default_listen(dialect)) if isinstance(at, Address)]
            if places:
                found.setdefault(dialect, places[0])
        return found

    def servers(self) -> set[str]:
        """Where it leads to."""
        found = set()
        for service in self.services():
            try:
                found.add(str(parse_server(str(service.get("server", "")))))
            except ConfigError:
                continue
        return found

    def difference(self, text: str) -> str:
        """What writing would change, as diff -u shows it."""
        old = self._old()
        new = _joined(old, text)
        lines = difflib.unified_diff(
            old.splitlines(keepends=True),
            new.splitlines(keepends=True),
            "/dev/null" if not old else str(self.file),
            str(self.file),
        )
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)

    def write(self, text: str) -> None:
        """Add the text, whole or not at all, and take it away again if the whole is no configuration then. Raises
        ConfigError with what is wrong, StartError if nothing can be written.
        """
        try:
            size = self._append(text)
        except OSError as fault:
            raise StartError(f"{self.file} cannot be written: {fault.strerror}") from None
        try:
            load(self.path)
        except ConfigError:
            self._take_away(size)
            raise

    def _append(self, text: str) -> int | None:
        """The size that it had; None: there was no such file."""
        old = self._old()
        self.file.parent.mkdir(parents=True, exist_ok=True)
        is_there = _exists(self.file)
        size = self.file.stat().st_size if is_there else None
        added = _joined(old, text).encode()[len(old.encode()) :]
        with self.file.open("ab" if is_there else "xb", buffering=0) as file:
            try:
                if not is_there and os.geteuid() == 0:
                    os.fchmod(file.fileno(), 0o644)  # whatever root's umask is: who serves is another user
                left = memoryview(added)
                while left:
                    left = left[file.write(left) :]
                os.fsync(file.fileno())
            except OSError:  # a full disk has taken some of it
                self._take_away(size)
                raise
        return size

    def _take_away(self, size: int | None) -> None:
        """Make the file what it was."""
        if size is None:
            self.file.unlink()
        else:
            os.truncate(self.file, size)

    def _old(self) -> str:
        try:
            return self.file.read_text(encoding="utf-8") if _exists(self.file) else ""
        except (OSError, UnicodeDecodeError) as fault:
            raise StartError(f"{self.file} cannot be read: {fault}") from None

    def _files(self) -> list[Path]:
        return sorted(self.path.glob("*.toml")) if _exists(self.path, directory=True) else [self.path]


def place_of(path: Path | None, domain: str) -> Place:
    """Where to write: a file that ends in .toml, or DOMAIN.toml in a directory. None: the usual place."""
    if path is None:
        path = _usual()
    if path.suffix == ".toml" and not _exists(path, directory=True):
        return Place(path, path)
    return Place(path, path / f"{domain}.toml")


def _usual() -> Path:
    """Root's is the machine's; else the user's own directory (XDG Base Directory Specification)."""
    if os.geteuid() == 0:
        return next((path for path in SYSTEM if _exists(path)), SYSTEM[-1])
    return config_home() / "popover"


def config_home() -> Path:
    """Where a user's own settings lie. Raises StartError where there is no such place."""
    if given := os.environ.get("XDG_CONFIG_HOME"):
        return Path(given)
    try:
        return Path.home() / ".config"
    except RuntimeError:
        raise StartError("this user has no home directory: name a file with -c, or set HOME") from None


def _exists(path: Path, *, directory: bool = False) -> bool:
    """Whether it is there, as far as we may look: what cannot be looked at is told when it is written."""
    try:
        return path.is_dir() if directory else path.exists()
    except OSError:
        return False


def _joined(old: str, text: str) -> str:
    if not old:
        return text
    return old + ("" if old.endswith("\n") else "\n") + "\n" + text


def _listens(service: dict[str, Any], usual: Address) -> Iterator[Listen]:
    """Where a service listens, as far as it can be read."""
    told = service.get("listen")
    if told is None:
        yield usual
        return
    for word in told if isinstance(told, list) else [told]:
        with contextlib.suppress(ConfigError):
            yield parse_listen(str(word))


def _services(file: Path) -> list[dict[str, Any]]:
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8")).get("service", [])
    except (OSError, ValueError):
        return []
    return [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []
