"""popover.pyz with a Python that is linked with musl, as a router's is. It is built of Debian's sources, once."""

import subprocess
from pathlib import Path

import pytest

from circle import PYZ, letter_goes_round
from machine import ROOTS


@pytest.fixture(scope="module")
def python() -> str:
    program = ROOTS / "musl" / "bin" / "python3"
    if not program.exists():
        subprocess.run((Path(__file__).parent / "musl-python", ROOTS / "musl"), check=True)
    return str(program)


@pytest.mark.timeout(3600)
def test_a_letter_goes_round(python: str, tmp_path: Path) -> None:
    letter_goes_round((python,), "a router", tmp_path)


def test_a_name_that_there_is_not_is_told(python: str) -> None:
    """musl has a resolver of its own."""
    command = (python, PYZ, "check", "pop.nowhere.invalid")
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "FAIL  name" in ended.stdout
