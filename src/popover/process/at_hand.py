"""popover's own files, where only root can read them: in a clone below a home that is its owner's alone (Debian makes
them so). Some rooms are entered only when they are wanted, by a reload for instance, and then root has become somebody
else.
"""

from __future__ import annotations

import contextlib
import pkgutil
import pwd
import stat
from importlib import import_module
from pathlib import Path

import popover

_TYPED = frozenset(("cli", "check", "setup", "demo", "__main__"))  # what a person types; no gateway enters them
_BORROWED = ("encodings.idna", "encodings.punycode", "stringprep")  # by socket, for names; Python may lie there, too


def have_at_hand(user: str) -> None:
    """Import all that a gateway may ever want, if `user` could not. It costs 0.2 s, and some MB."""
    try:
        entry = pwd.getpwnam(user)
    except KeyError:  # told by whoever becomes he
        return
    if is_open(Path(popover.__path__[0]), entry):
        return
    names = [found.name for found in pkgutil.walk_packages(popover.__path__, "popover.")]
    for name in (*_BORROWED, *(name for name in names if name.split(".")[1] not in _TYPED)):
        with contextlib.suppress(ImportError):  # of an extra that is not there
            import_module(name)


def is_open(place: Path, entry: pwd.struct_passwd) -> bool:
    """Whether he, with his own group alone, may read there. Within popover.pyz nothing has rights of its own."""
    place = place.resolve()
    there = next(part for part in (place, *place.parents) if part.exists())
    wanted = stat.S_IROTH | stat.S_IXOTH if there.is_dir() else stat.S_IROTH
    return all(_has(part, entry, stat.S_IXOTH) for part in there.parents) and _has(there, entry, wanted)


def _has(path: Path, entry: pwd.struct_passwd, rights: int) -> bool:
    found = path.stat()
    shift = 6 if found.st_uid == entry.pw_uid else 3 if found.st_gid == entry.pw_gid else 0
    return entry.pw_uid == 0 or (found.st_mode >> shift) & rights == rights
