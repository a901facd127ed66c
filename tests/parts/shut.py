"""popover where its user cannot read it: in a clone below root's home, or below anybody's of mode 0700."""

import shutil
from pathlib import Path

import popover


def shut_in(directory: Path) -> dict[str, str]:
    """A copy that its owner alone can read; the environment in which every Python finds that one."""
    shut = directory / "shut"
    shut.mkdir(mode=0o700)
    shutil.copytree(Path(popover.__file__).parent, shut / "popover", ignore=shutil.ignore_patterns("__pycache__"))
    return {"PYTHONPATH": str(shut)}
