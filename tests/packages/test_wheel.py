"""The wheel: in a clean virtual environment, with nothing but what it asks for."""

import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from parts.building import ROOT, build_dist, copied, run
from popover import __version__

sys.path.insert(0, str(ROOT / "packaging"))
import installed  # the libraries, by what pyproject.toml declares


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the wheel and the sdist; the wheel is made of the sdist, as pip and Debian do."""
    directory = tmp_path_factory.mktemp("dist")
    names = [path.name for path in build_dist(ROOT, directory)]
    assert names == [f"popover-{__version__}-py3-none-any.whl", f"popover-{__version__}.tar.gz"]
    return directory


@pytest.fixture(scope="module")
def clean(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment that holds the wheel and the libraries it needs."""
    directory = tmp_path_factory.mktemp("clean") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", directory)
    pip = (sys.executable, "-m", "pip", "--python", str(directory / "bin" / "python"))
    run(*pip, "install", "--no-index", "--no-deps", "--quiet", next(built.glob("*.whl")))
    site = Path(sysconfig.get_path("purelib", vars={"base": str(directory), "platbase": str(directory)}))
    for name, path in installed.files():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, site / name)
    return directory


def test_two_builds_are_equal(built: Path, tmp_path: Path) -> None:
    others = build_dist(copied(tmp_path / "elsewhere"), tmp_path / "dist", TZ="Pacific/Auckland")
    assert [path.read_bytes() for path in others] == [path.read_bytes() for path in sorted(built.iterdir())]


def test_the_demo_goes_the_full_circle_in_a_clean_environment(clean: Path) -> None:
    command = [str(clean / "bin" / "popover"), "demo", "--once"]
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env={"PATH": "/usr/bin:/bin"}
    )
    assert ended.returncode == 0, ended.stderr
    assert "came back, octet for octet" in ended.stdout


def test_manual_and_completions_come_with_it(clean: Path) -> None:
    shared = {path.relative_to(clean / "share").as_posix() for path in (clean / "share").rglob("*") if path.is_file()}
    assert shared == {
        "bash-completion/completions/popover",
        "fish/vendor_completions.d/popover.fish",
        "man/man1/popover.1",
        "zsh/site-functions/_popover",
    }


def test_all_of_the_source_is_in_it(built: Path) -> None:
    source = ROOT / "src"
    wanted = {
        path.relative_to(source).as_posix()
        for path in (source / "popover").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted <= set(zipfile.ZipFile(next(built.glob("*.whl"))).namelist())


def test_the_source_distribution_has_what_a_packager_needs(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"CHANGELOG.md", "LICENSE", "README.md", "completions/popover.bash", "man/popover.1"} <= names
