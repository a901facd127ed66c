"""How popover is started on this machine: the words for the next command, and for a unit of systemd's."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

_NAMES = ("popover", "popover.pyz")


def program() -> str:
    """How whoever typed this command can type the next: a checkout's popover is in no PATH."""
    this = Path(sys.argv[0])
    found = shutil.which("popover")
    is_found = found is not None and this.resolve() == Path(found).resolve()
    return str(this) if this.name in _NAMES and not is_found else "popover"


def executable() -> list[str]:
    """What systemd is to start: the words of a command that needs no PATH."""
    this = Path(sys.argv[0])
    if this.name in _NAMES and this.exists():
        return [str(this.absolute())]
    found = shutil.which("popover")
    return [found] if found else [sys.executable, "-m", "popover"]
