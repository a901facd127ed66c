"""`make run` and `make test` before anything is set up: what is missing is named, and nothing is asked or installed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from popover import __version__

ROOT = Path(__file__).parents[2]


def make(*words: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Make in this checkout, with none of what an outer make says."""
    outer = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", "-C", str(ROOT), *words], capture_output=True, text=True, check=False, env=outer | dict(env or {})
    )


def planned(*words: str, env: Mapping[str, str] | None = None) -> str:
    """What make would do in a checkout that is not set up."""
    ended = make("--dry-run", "VENV=/nowhere/venv", *words, env=env)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A PATH with the usual programs, but none that could install or become root, and no Python."""
    for name in ("sh", "id", "dirname", "stat", "echo", "true"):
        found = shutil.which(name)
        assert found
        (tmp_path / name).symlink_to(found)
    for name in ("apt-get", "sudo"):
        program(tmp_path / name, f"touch {tmp_path}/was-called-{name}")
    return tmp_path


def program(path: Path, text: str) -> None:
    """Write a small program, in place of a link to this machine's own, and never through it."""
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def python(path: Path, version: str, *, has_venv: bool = True) -> None:
    """An interpreter that knows its version, and whether there is a venv module."""
    new = int(version.split(".")[1]) >= 11
    answers = {"print": f"echo {version}", "sys.exit": f"exit {int(not new)}", "venv": f"exit {int(not has_venv)}"}
    cases = "\n".join(f"*{word}*) {answer}; exit ;;" for word, answer in answers.items())
    program(path, f'case "$2" in\n{cases}\nesac\nexit 0')


def ready(machine: Path, name: str = "python3", *targets: str) -> tuple[int, list[str]]:
    ended = subprocess.run(
        ["/bin/sh", str(ROOT / "scripts" / "ready"), name, *targets],
        capture_output=True, text=True, check=False, env={"PATH": str(machine)}, stdin=subprocess.DEVNULL
    )  # fmt: skip
    assert not list(machine.glob("was-called-*")), "nothing may be installed, and no password asked for"
    assert ended.stdout == ""
    return ended.returncode, ended.stderr.splitlines()


def test_a_machine_that_has_all_is_told_nothing(machine: Path) -> None:
    python(machine / "python3", "3.11")
    assert ready(machine) == (0, [])


def test_an_old_python_is_told_at_once_with_what_to_do(machine: Path) -> None:
    python(machine / "python3", "3.9")
    code, [what, advice] = ready(machine)
    assert code == 1
    assert what == "popover needs Python 3.11 or newer, and python3 is 3.9."
    assert "Debian 12" in advice


def test_a_newer_python_beside_it_is_named(machine: Path) -> None:
    python(machine / "python3", "3.9")
    python(machine / "python3.12", "3.12")
    words = "This machine has a newer one, too:  make"
    assert ready(machine)[1][1] == f"{words} run PYTHON=python3.12"
    assert ready(machine, "python3", "test")[1][1] == f"{words} test PYTHON=python3.12"


@pytest.mark.parametrize(
    ("name", "package"), [("python3", "python3-venv"), ("python3.13", "python3.13-venv"), ("", "python3 python3-venv")]
)
def test_what_is_missing_is_named_with_the_line_that_installs_it(machine: Path, name: str, package: str) -> None:
    if name:
        python(machine / name, "3.13", has_venv=False)
    code, [_, line] = ready(machine, name or "python3")
    assert code == 1
    words = {True: f"apt install {package}", False: f"sudo apt install {package}"}
    assert line == f"This installs it:  {words[os.geteuid() == 0]}"


def test_the_first_thing_that_make_does_is_to_ask(machine: Path) -> None:
    python(machine / "python3.9", "3.9")
    for target in ("run", "test"):
        ended = make(target, f"VENV={machine}/venv", f"PYTHON={machine}/python3.9")
        assert ended.returncode == 2
        assert "needs Python 3.11 or newer" in ended.stderr
        assert not (machine / "venv").exists()


def test_sudo_make_test_leaves_nothing_of_roots_in_the_tree(machine: Path, tmp_path: Path) -> None:
    """As root in somebody else's tree, or so it is told: no bytecode, no cache, none of what hypothesis has found."""
    program(machine / "id", "echo 0")
    program(machine / "stat", "echo 4711")
    tree = tmp_path / "tree"
    for name in ("src", "tests"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tree)
    before = set(tree.rglob("*"))
    tests = ("tests/outside/test_chain.py", "tests/cli/test_completion.py")  # hypothesis; popover as a process
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHON", "HYPOTHESIS"))}
    env |= {"PYTHONPATH": str(tree / "src"), "PATH": f"{machine}:{env['PATH']}"}
    words = [f"{tree}/tests/run", sys.executable, "-q", "-k", "breaks_nothing or help_has", *tests]
    ended = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert " passed" in ended.stdout
    assert sorted(set(tree.rglob("*")) - before) == []


def test_run_sets_up_the_gateway_and_its_demo_and_no_tools_of_developers() -> None:
    plan = planned("run")
    assert "--editable .\n" in plan
    assert "[dev]" not in plan
    assert "'.[dev]'" in planned("check")


@pytest.mark.parametrize("name", ["SERVER", "server"])
def test_run_with_a_server_is_no_demo(name: str) -> None:
    plan = planned("run", f"{name}=pop.example.com")
    assert "popover run pop.example.com\n" in plan
    assert "popover demo" not in plan


def test_run_without_a_server_is_the_demo_whatever_else_is_called_server() -> None:
    assert "popover demo\n" in planned("run", env={"server": "somebody else's"})
    assert "popover demo" not in planned("run", "SERVER=")  # a script's variable that was not set: popover says so


def test_run_with_a_server_for_a_target_is_told_how_to_write_it() -> None:
    ended = make("--dry-run", "VENV=/nowhere/venv", "run", "pop.example.com", "smtps://smtp.example.com")
    assert ended.returncode == 2
    assert 'write it as: make run SERVER="pop.example.com smtps://smtp.example.com"' in ended.stderr


def test_help_lists_each_target_that_a_person_may_want() -> None:
    offered = {line.split()[0] for line in make("help").stdout.splitlines()}
    assert {"run", "demo", "test", "pyz", "deb", "image", "clean", "help"} <= offered


def test_release_is_of_the_version_that_its_tag_says(tmp_path: Path) -> None:
    (tmp_path / "src" / "popover").mkdir(parents=True)
    shutil.copy(ROOT / "src" / "popover" / "__init__.py", tmp_path / "src" / "popover")
    shutil.copy(ROOT / "Makefile", tmp_path)

    def git(*words: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
        subprocess.run(("git", *who, *words), cwd=tmp_path, check=True, capture_output=True)

    git("init")
    git("add", ".")
    git("commit", "-m", "all")
    assert make("-C", str(tmp_path), "tagged").returncode == 0
    git("tag", f"v{__version__}")
    assert make("-C", str(tmp_path), "tagged").returncode == 0
    git("tag", "--delete", f"v{__version__}")
    git("tag", "v99")
    ended = make("-C", str(tmp_path), "tagged")
    assert ended.returncode == 2
    assert f"this commit's tag is v99, and src/popover/__init__.py says {__version__}" in ended.stderr
    plan = planned("release")
    assert plan.index("git describe") < plan.index("packaging/pyz.py")


def test_each_python_of_a_machine_is_found_once_and_those_that_cannot_run_popover_are_not(tmp_path: Path) -> None:
    """By the list that CI goes through: `make test-pythons`."""
    folder, pyenv = tmp_path / "bin", tmp_path / "pyenv"
    for place in (folder, *(pyenv / f"versions/{one}/bin" for one in ("3.98.1", "3.97.0"))):
        place.mkdir(parents=True)
    for path, version in (
        (folder / "python3.97", "3.97.0"),
        (folder / "python3.96", ""),  # it is too old, or fails: a shim of pyenv's that nobody has chosen
        (pyenv / "versions/3.97.0/bin/python3", "3.97.0"),
        (pyenv / "versions/3.98.1/bin/python3", "3.98.1"),
    ):
        program(path, f'[ -n "{version}" ] && echo "{version} $3"')
    named = tmp_path / "named"
    program(named, 'echo "3.99.10 $3"')
    env = {"PATH": f"{folder}:{os.environ['PATH']}", "PYENV_ROOT": str(pyenv)}
    said = subprocess.run([ROOT / "tests/pythons", named], env=env, capture_output=True, text=True, check=True).stdout
    lines = [line.split() for line in said.splitlines()]
    assert lines[-3:] == [
        ["3.97.0", str(folder / "python3.97")],
        ["3.98.1", str(pyenv / "versions/3.98.1/bin/python3")],
        ["3.99.10", str(named)],
    ]
    assert len({version for version, _ in lines}) == len(lines)
