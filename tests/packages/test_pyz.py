"""popover.pyz: the one file for routers, NAS and old distributions."""

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from parts.building import ROOT, build_pyz, copied
from parts.certificates import Authority
from parts.dovecot import Dovecot
from parts.net import LOOPBACK
from parts.program import Program
from parts.serving import see_it_serve
from popover import __version__

sys.path.insert(0, str(ROOT / "packaging"))
import installed

# No site-packages and no PYTHONPATH: all that is found is in the file, or in the standard library.
PYTHON = (sys.executable, "-IS")


@pytest.fixture(scope="module")
def pyz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_pyz(ROOT, tmp_path_factory.mktemp("pyz") / "popover.pyz")


def said(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_two_builds_are_equal(pyz: Path, tmp_path: Path) -> None:
    other = build_pyz(copied(tmp_path / "elsewhere"), tmp_path / "other.pyz", TZ="Pacific/Auckland")
    assert other.read_bytes() == pyz.read_bytes()


def test_it_is_a_program_of_its_own(pyz: Path) -> None:
    assert said(pyz, "--version").stdout == f"popover {__version__}\n"


def test_it_starts_quickly(pyz: Path) -> None:
    def cost() -> float:
        before = os.times()
        assert said(*PYTHON, pyz, "--version").returncode == 0
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    assert min(cost() for _ in range(3)) < 0.3  # CPU seconds; 0.08 on a PC


def test_the_demo_goes_the_full_circle(pyz: Path) -> None:
    ended = said(*PYTHON, pyz, "demo", "--once")
    assert ended.returncode == 0, ended.stderr
    assert "came back, octet for octet" in ended.stdout


def test_setup_finds_its_table_there_and_does_without_dnspython(pyz: Path, tmp_path: Path) -> None:
    ended = said(*PYTHON, pyz, "setup", "alice@gmail.com", "--json", "-c", tmp_path / "popover.toml")
    assert "pop3s://pop.gmail.com:995" in ended.stdout, ended.stderr
    ended = said(*PYTHON, pyz, "setup", "alice@nowhere.invalid", "--json")
    assert "popover[setup]" in ended.stdout, ended.stderr
    with zipfile.ZipFile(pyz) as archive:
        assert "popover/setup/ispdb.LICENSE" in archive.namelist()


def test_it_serves(pyz: Path, dovecot: Dovecot, authority: Authority, tmp_path: Path) -> None:
    see_it_serve((*PYTHON, pyz), dovecot, authority, tmp_path / "out")


def test_it_checks(pyz: Path, dovecot: Dovecot, authority: Authority) -> None:
    server = f"0=pop3s://localhost:{dovecot.pop3s_port}"
    ended = said(*PYTHON, pyz, "check", server, "--ca-file", authority.ca_file)
    assert ended.returncode == 0, ended.stdout
    assert "old clients" in ended.stdout  # which reads a file that lies beside the source


def test_a_running_one_is_recognised(pyz: Path, dovecot: Dovecot, authority: Authority, tmp_path: Path) -> None:
    words = (f"0=pop3s://{LOOPBACK}:{dovecot.pop3s_port}", "--ca-file", authority.ca_file)
    with Program(*PYTHON, pyz, "run", *words, output=tmp_path / "out") as program:
        program.wait_until(lambda: "listening" in program.output(), "it listens")
        port = program.output().split("listening 127.0.0.1:")[1].split(" ")[0]
        ended = said(*PYTHON, pyz, "check", f"{port}{words[0][1:]}", *words[1:])
    assert "is served by a running popover" in ended.stdout
    assert ended.returncode == 0, ended.stdout


def test_an_old_python_is_told_what_is_needed(pyz: Path) -> None:
    script = "import runpy, sys; sys.version_info = (3, 9, 2); runpy.run_path(sys.argv[1], run_name='__main__')"
    ended = said(*PYTHON, "-c", script, pyz)
    assert ended.stderr == "popover needs Python 3.11 or newer; this is 3.9\n"
    assert ended.returncode == 1


def test_what_comes_with_every_installation_is_inside(pyz: Path) -> None:
    names = set(zipfile.ZipFile(pyz).namelist())
    shared = {"completions/popover.bash", "man/popover.1", "examples/popover.toml", "examples/popover.service"}
    assert shared | {"LICENSE"} <= names


def test_each_library_brings_its_licence(pyz: Path) -> None:
    names = zipfile.ZipFile(pyz).namelist()
    libraries = {name.partition("/")[0] for name in names if ".dist-info/" in name}
    assert {name.partition("/")[0] for name in names if "/licenses/" in name} == libraries
    assert len(libraries) >= 4


def test_the_list_of_libraries_is_complete_and_new_enough() -> None:
    lines = [line for line in (ROOT / "packaging" / "vendored.txt").read_text().splitlines() if line[0] != "#"]
    pinned = dict(line.split(" ")[0].split("==") for line in lines)
    assert sorted(map(canonicalize_name, pinned)) == sorted(map(canonicalize_name, installed.needed()))
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert all(wanted.specifier.contains(pinned[wanted.name]) for wanted in map(Requirement, declared))


def test_nothing_of_it_is_compiled(pyz: Path) -> None:
    kinds = {
        Path(name).suffix for name in zipfile.ZipFile(pyz).namelist() if not name.startswith(("man", "completions"))
    }
    assert not kinds & {".so", ".pyc", ".pyi"}
