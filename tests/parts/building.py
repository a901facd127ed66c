"""Builds popover.pyz and the wheel as `make` does, but of the libraries that are here already: no network."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

DATE = "1700000000"
"""What SOURCE_DATE_EPOCH is for the tests: any date will do."""

PARTS = (
    ".gitignore",
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "completions",
    "docs",
    "examples",
    "man",
    "packaging",
    "pyproject.toml",
    "src",
)
"""All of the tree that goes into a package, or is needed to build one."""


def copied(directory: Path) -> Path:
    """The parts of the tree at another place, with other dates; for builds that must not depend on these."""
    directory.mkdir()
    for name in PARTS:
        path = ROOT / name
        if path.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(path, directory / name, copy_function=shutil.copyfile, ignore=ignored)
        else:
            shutil.copyfile(path, directory / name)
    return directory


def run(*command: str | Path, **env: str) -> str:
    """Run a command that must succeed; what it says."""
    ended = subprocess.run(command, env=os.environ | env, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def build_pyz(tree: Path, output: Path, **env: str) -> Path:
    """popover.pyz of a tree."""
    run(sys.executable, tree / "packaging" / "pyz.py", output, SOURCE_DATE_EPOCH=DATE, **env)
    return output


def build_dist(tree: Path, output: Path, **env: str) -> list[Path]:
    """The wheel and the sdist of a tree, in the order of their names."""
    command = (sys.executable, "-m", "build", "--no-isolation", "--outdir", str(output), str(tree))
    run(*command, SOURCE_DATE_EPOCH=DATE, **env)
    return sorted(output.iterdir())
