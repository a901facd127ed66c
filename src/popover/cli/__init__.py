"""What a person types. `main(argv)` returns the exit code: 0 stopped as asked, 1 could not run, 2 wrong use."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from popover.cli.arguments import parse
from popover.errors import ConfigError, StartError


def main(argv: Sequence[str] | None = None) -> int:
    """Run popover with these arguments (default: those of the process)."""
    arguments = parse(sys.argv[1:] if argv is None else argv)
    try:
        # The rooms below are imported when they are wanted: `popover --version` needs none of them.
        if arguments.command == "inetd":
            from popover.cli.inetd import inetd  # noqa: PLC0415

            return inetd(arguments)
        from popover.cli.run import run  # noqa: PLC0415

        return run(arguments)
    except ConfigError as mistake:
        print(mistake, file=sys.stderr)  # noqa: T201
        return 2
    except StartError as fault:
        print(f"popover: {fault}", file=sys.stderr)  # noqa: T201
        return 1
    except BrokenPipeError:  # whoever read our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
