"""What popover needs at run time, as it is installed in the environment that runs this."""

import tomllib
from collections.abc import Iterator
from importlib.metadata import PackagePath, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]


def needed() -> list[str]:
    """The distributions that pyproject.toml asks for, those that they ask for, and so on, in the order of their names.

    Only what is declared is found: a library that popover imports and does not name is missing from it.
    """
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    found: set[str] = set()
    queue = [Requirement(line) for line in wanted]
    for requirement in queue:
        if requirement.name not in found and (not requirement.marker or requirement.marker.evaluate({"extra": ""})):
            found.add(requirement.name)
            queue += [Requirement(line) for line in distribution(requirement.name).requires or ()]
    return sorted(found)


def files() -> Iterator[tuple[str, Path]]:
    """Each file of what is needed: its name below site-packages, and where it is."""
    for name in needed():
        for file in distribution(name).files or ():
            if _is_inside(file):
                yield file.as_posix(), Path(str(file.locate()))


def _is_inside(file: PackagePath) -> bool:
    """Scripts lie in ../../../bin, and what was compiled here is made anew there."""
    return ".." not in file.parts and file.suffix != ".pyc"
