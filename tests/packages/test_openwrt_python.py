"""What popover needs of a router's Python: what OpenWrt's package asks for, and no more and no less."""

import ast
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from parts import router
from parts.building import ROOT, build_pyz
from parts.certificates import Authority
from parts.dovecot import Dovecot
from parts.serving import see_it_serve

ROUTER = """
[[service]]
name = "house"
server = "pop3s://pop.example.com"
listen = "192.168.1.1:110"
"""


@pytest.fixture(scope="module")
def pyz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_pyz(ROOT, tmp_path_factory.mktemp("openwrt") / "popover.pyz")


def test_it_serves(pyz: Path, dovecot: Dovecot, authority: Authority, tmp_path: Path) -> None:
    see_it_serve(router.python(pyz), dovecot, authority, tmp_path / "out")


def test_it_checks(pyz: Path, dovecot: Dovecot, authority: Authority) -> None:
    server = f"0=pop3s://localhost:{dovecot.pop3s_port}"
    assert "All is well." in router.said(pyz, "check", server, "--ca-file", authority.ca_file)


def test_other_commands_work_and_all_that_is_asked_for_is_needed(pyz: Path, tmp_path: Path) -> None:
    (tmp_path / "popover.toml").write_text(ROUTER)
    loaded = tmp_path / "loaded"
    env = {"LOADED": str(loaded), "STATE_DIRECTORY": str(tmp_path)}
    assert "came back, octet for octet" in router.said(pyz, "demo", "--once", env=env)
    assert '"found": null' in router.said(pyz, "setup", "alice@nowhere.invalid", "--json", code=1, env=env)
    assert "services: 1" in router.said(pyz, "run", "-c", tmp_path / "popover.toml", "--check", env=env)
    assert "Microsoft" in router.said(pyz, "explain", "535 5.7.139 Authentication unsuccessful", env=env)
    assert "waiting: 0" in router.said(pyz, "queue", "list", env=env)
    used = {router.PACKAGE_OF[name] for name in loaded.read_text().split() if name in router.PACKAGE_OF}
    assert used == router.asked_for()


def imports(source: str) -> Iterator[str]:
    """Each module that is imported anywhere in it, by the first part of its name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


def test_nothing_else_of_the_standard_library_is_imported_at_any_time(pyz: Path) -> None:
    """But for readline, which is done without where it is missing. What the libraries import is tried above."""
    with zipfile.ZipFile(pyz) as archive:
        ours = [name for name in archive.namelist() if name.startswith("popover/") and name.endswith(".py")]
        found = {(name, module) for name in ours for module in imports(archive.read(name).decode())}
    missing = {each for each in found if router.PACKAGE_OF.get(each[1], "") not in {"", *router.asked_for()}}
    assert missing == {("popover/cli/account/login.py", "readline")}
