"""Programs that tests/install-parts has unpacked below the checkout, each run with a root of its own.

An ordinary user's program is told by `pretend` that it is root, for servers that give rights up after the login.
"""

from collections.abc import Mapping
from pathlib import Path

from parts import pretend
from parts.places import is_root

_ROOTS = Path(__file__).parents[2] / ".parts"
_BIN = _ROOTS / "bin"  # a command of the same name for each program that this machine lacks
_SYSTEM = "/usr/local/sbin:/usr/sbin:/sbin"  # what Debian leaves out of an ordinary user's PATH
_ENTER = Path(__file__).with_name("enter")

OWN = "own"  # the release of this machine
TRIXIE = "trixie"  # Debian 13


def search_path(path: str) -> str:
    """Where the programs of the tests are found; `path` is where the user finds his own."""
    return f"{_BIN}:{path}:{_SYSTEM}"


def is_brought(program: str) -> bool:
    """Whether this machine lacks the program."""
    return (_BIN / program).exists()


def resident(user: str) -> tuple[int, int]:
    """The user and group ids of one that a package would have added."""
    lines = (_ROOTS / OWN / "etc/passwd.parts").read_text().splitlines()
    [(uid, gid)] = [line.split(":")[2:4] for line in lines if line.startswith(f"{user}:")]
    return int(uid), int(gid)


def inside(release: str, *command: str | Path, binds: Mapping[str, Path] | None = None) -> list[str | Path]:
    """The command that runs `command` in this release's root, where `binds` are found at the places they name.

    Temporary files, processes and the network are the machine's.
    """
    places = [word for place, path in (binds or {}).items() for word in ("--bind", path, place)]
    return [_ENTER, _ROOTS / release, *places, "--", *command]


def as_root(*command: str | Path) -> list[str | Path]:
    """The command for within a root, run as root, or by an ordinary user as one who takes himself for root."""
    return list(command) if is_root() else ["/usr/bin/python3", Path(pretend.__file__), *command]
