"""`popover explain`: what a refusal of a provider means, and what to do about it."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from popover import __version__
from popover.cli.asking import is_terminal
from popover.cli.output import say
from popover.refusals import Explanation
from popover.refusals import explain as explained

_READ_LIMIT = 64 * 1024
"""Octets of stdin. A refusal has some hundreds; with a little log around it, it still fits."""

_UNKNOWN = (
    "popover does not know what that means.\n"
    "Give it the server's answer as it came, with its numbers and brackets: popover explain '535 5.7.8 ...'"
)


def explain(arguments: argparse.Namespace) -> int:
    """Say it: 0 it is known, 1 it is not."""
    found = explained(" ".join(arguments.refusal) or _asked())
    if arguments.json:
        say(json.dumps(_document(found), indent=2))
    elif found is None:
        say(_UNKNOWN)
    else:
        whose = f" ({found.provider})" if found.provider else ""
        say(f"It means{whose}: {found.cause}.\nWhat to do: {found.remedy}.\nSee: {found.source}")
    return 0 if found else 1


def _asked() -> str:
    if sys.stdin is None:
        return ""
    if is_terminal():
        print("What did the server say? (paste it, then Enter and Ctrl-D)", file=sys.stderr)  # noqa: T201
    return sys.stdin.buffer.read(_READ_LIMIT).decode(errors="replace")


def _document(found: Explanation | None) -> dict[str, object]:
    told = asdict(found) if found else {}
    return {"popover": __version__, "known": found is not None, **told}
