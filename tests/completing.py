"""The shells' completions, made of the command line itself by shtab: what scripts/complete writes."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import shtab

from popover.cli.arguments import make_parser

DIRECTORY = Path(__file__).parents[1] / "completions"

FILES = {"bash": "popover.bash", "zsh": "_popover", "fish": "popover.fish"}


def completion(shell: str) -> str:
    """The script for a shell."""
    parser = make_parser()
    for action in _actions(parser):
        if action.metavar == "FILE":
            action.complete = shtab.FILE  # type: ignore[attr-defined]
    return shtab.complete(parser, shell).rstrip("\n") + "\n"


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to ask
        yield action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for command in action.choices.values():
                yield from _actions(command)


def main() -> None:
    """Write all of them."""
    DIRECTORY.mkdir(exist_ok=True)
    for shell, name in FILES.items():
        (DIRECTORY / name).write_text(completion(shell))
