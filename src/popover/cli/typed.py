"""The command line as it is typed: words -> what they mean, or wrong use."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence

from popover.cli.arguments import make_parser

_WORDS = {
    ("", "refusal"): "REFUSAL",
    ("", "address"): "ADDRESS",
    ("", "name"): "NAME",
    ("", "names"): "NAME",
    ("", "services"): "SERVER",
    ("inetd", "server"): "SERVER",
    ("route", "user"): "USER",
}
"""What stands without an option, by command and name: another command may have an option of that name."""

_LISTS = {"run": "services", "check": "services", "queue": "names"}
"""Where several words may stand without an option, and between options."""


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the arguments. Exits with 2, and a line that says why, for wrong use."""
    parser = make_parser()
    arguments, strange = parser.parse_known_args(_as_option(argv))
    name = arguments.command
    if (words := _LISTS.get(name)) and not any(word.startswith("-") for word in strange):
        # argparse takes one row of words, and calls those behind a further option strange.
        setattr(arguments, words, [*getattr(arguments, words), *strange])
        strange = []
    if not strange and (name is None or (name == "account" and arguments.action is None)):
        arguments.explained(sys.stderr)
        sys.exit(2)
    for option, value in vars(arguments).items():
        if "" in (value if isinstance(value, list) else [value]):
            shown = _WORDS.get((name, option)) or _WORDS.get(("", option)) or f"--{option.replace('_', '-')}"
            arguments.misused(f"{shown}: it is empty (a variable of a script that was not set?)")
    if strange:
        arguments.misused(f"unrecognized arguments: {' '.join(strange)}{_meant(strange, arguments.usage())}")
    if name in ("run", "check") and bool(arguments.config) == bool(arguments.services):
        both = ", not both" if arguments.config else ""
        arguments.misused(f"name one SERVER or more, or a file with -c{both} (see popover {name} --help)")
    if name == "queue" and (bool(arguments.names) == (arguments.action == "list")) and arguments.action != "retry":
        wants = "no NAME" if arguments.action == "list" else "a NAME, or more"
        arguments.misused(f"{arguments.action} wants {wants} (see popover queue --help)")
    return arguments


def _meant(strange: Sequence[str], usage: str) -> str:
    """Which options of this usage may have been meant, the first of them that are one."""
    from difflib import get_close_matches  # noqa: PLC0415 - for mistakes alone

    options = re.findall(r"--[a-z-]+", usage)
    for word in strange:
        typed = word.partition("=")[0].lower()
        begun = [option for option in options if len(typed) > len("--") and option.startswith(typed)]
        if near := begun[:1] or get_close_matches(typed, options, 1):
            return f"; did you mean {near[0]}?"
    return ""


def _as_option(argv: Sequence[str]) -> Sequence[str]:
    """`popover help`, `popover help run` and `popover version` are what many other programs have for the options."""
    match argv:
        case ["version"]:
            return ["--version"]
        case ["help", *command]:
            return [*command, "--help"]
        case ["explain", *words] if "--" not in words:  # `-ERR` is no option
            options = [word for word in words if word in {"-h", "--help", "--json"}]
            return ["explain", *options, "--", *(word for word in words if word not in options)]
    return argv
