"""`popover demo`: see it work without an account anywhere."""

from __future__ import annotations

import argparse

from popover.cli.output import say
from popover.config import parse_ip
from popover.errors import ConfigError
from popover.log import Log, to_stderr


def demo(arguments: argparse.Namespace) -> int:
    """Serve the demo until stopped, or go its circle once. Raises ConfigError, StartError."""
    from popover.demo.show import once, show  # noqa: PLC0415 - raises StartError where the extra is missing

    if arguments.once:
        once(lambda line: say(f"ok    {line}"))
        return 0
    try:
        host = str(parse_ip("127.0.0.1" if arguments.listen == "localhost" else arguments.listen))
    except ConfigError as mistake:
        raise ConfigError(f"--listen: {mistake}") from None
    log = Log(to_stderr("text"), "text")
    show(host, log, say)
    return 0
