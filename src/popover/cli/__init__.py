"""What a person types. `main(argv)` returns the exit code: 0 stopped as asked, 1 could not run, 2 wrong use, 130
Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from popover.cli.output import INTERRUPTED, OutputError, give_up, guarded, warn
from popover.cli.typed import parse
from popover.errors import ConfigError, StartError


def main(argv: Sequence[str] | None = None) -> int:
    """Run popover with these arguments (default: those of the process)."""
    words = sys.argv[1:] if argv is None else list(argv)
    while (free := os.open(os.devnull, os.O_RDWR)) <= 2:  # noqa: PLR2004 - stderr
        pass  # a closed 0, 1 or 2 would be taken by a socket, and the log would be written into that
    os.close(free)
    if words[:1] == ["inetd"]:
        shield = import_module("popover.cli.shield")
        serve = shield.shielded if same_file(0, 2) else shield.unshielded
        return int(serve(lambda: _run(words), words))
    return _run(words)


def same_file(one: int, other: int) -> bool:
    """Whether two descriptors are one thing: xinetd makes the client's socket descriptor 0, 1 and 2."""
    try:
        return os.path.samestat(os.fstat(one), os.fstat(other))
    except OSError:
        return True  # there is no stderr at all


def _run(words: Sequence[str]) -> int:
    try:
        with guarded():
            return _obey(words)
    except ConfigError as mistake:
        print(mistake, file=sys.stderr)  # noqa: T201
        return 2
    except OutputError as fault:
        give_up()
        if not fault.unread:
            warn(f"{fault}")
    except StartError as fault:
        warn(f"{fault}")
    except KeyboardInterrupt:
        return INTERRUPTED
    return 1


def _obey(words: Sequence[str]) -> int:
    arguments = parse(words)
    # The rooms below are imported when they are wanted: `popover --version` needs none of them.
    command = import_module(f"popover.cli.{arguments.command}")
    code: int = getattr(command, arguments.command)(arguments)
    return code
