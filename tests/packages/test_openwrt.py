"""OpenWrt's package: what is in it, and what its init script tells procd."""

import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from parts import router
from parts.building import DATE, ROOT, build_pyz, copied, run
from popover import __version__

PACKAGE = ROOT / "packaging" / "openwrt"


@pytest.fixture(scope="module")
def pyz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_pyz(ROOT, tmp_path_factory.mktemp("openwrt") / "popover.pyz")


def build(tree: Path, pyz: Path, output: Path) -> Path:
    run(sys.executable, tree / "packaging" / "ipk.py", pyz, output, SOURCE_DATE_EPOCH=DATE)
    return output / f"popover_{__version__}-r1_all.ipk"


@pytest.fixture(scope="module")
def ipk(pyz: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, pyz, tmp_path_factory.mktemp("ipk"))


def inside(ipk: Path, part: str) -> dict[str, tuple[int, bytes]]:
    """The files of one part: the mode of each, and what is in it."""
    with tarfile.open(ipk) as outer:
        packed = outer.extractfile(f"./{part}.tar.gz")
        assert packed
        with tarfile.open(fileobj=io.BytesIO(packed.read())) as archive:
            opened = {member: archive.extractfile(member) for member in archive}
            return {member.name: (member.mode, file.read()) for member, file in opened.items() if file}


def test_two_builds_are_equal(pyz: Path, ipk: Path, tmp_path: Path) -> None:
    other = build(copied(tmp_path / "elsewhere"), pyz, tmp_path / "other")
    assert other.read_bytes() == ipk.read_bytes()


def test_it_has_what_a_router_needs(pyz: Path, ipk: Path) -> None:
    data = inside(ipk, "data")
    assert data["./usr/bin/popover"] == (0o755, pyz.read_bytes())
    assert {name: mode for name, (mode, _) in data.items()} == {
        "./etc/config/popover": 0o600,
        "./etc/init.d/popover": 0o755,
        "./etc/popover.toml": 0o644,
        "./usr/bin/popover": 0o755,
    }
    control = {name: content.decode() for name, (_, content) in inside(ipk, "control").items()}
    assert f"Version: {__version__}-r1\n" in control["./control"]
    assert "Require-User: popover:popover\n" in control["./control"]
    assert control["./conffiles"].splitlines() == ["/etc/config/popover", "/etc/popover.toml", "/etc/popover/"]
    for script in ("./postinst", "./prerm"):
        subprocess.run(("busybox", "ash", "-n"), input=control[script].encode(), check=True)


# What /etc/rc.common and procd.sh are to the script; each call is a line of output.
ROUTER = """
config_load() { :; }
config_get_bool() { eval "$1=$ENABLED"; }
procd_open_instance() { echo open; }
procd_set_param() { echo "$@"; }
procd_close_instance() { echo close; }
procd_add_reload_trigger() { echo "on $*"; }
procd_running() { [ "$RUNNING" = 1 ]; }
procd_send_signal() { echo "signal $*"; }
chown() { :; }
start() { start_service; }
. "$SCRIPT"
STATE=$SANDBOX/state KEPT=$SANDBOX/kept PROG=$SANDBOX/popover
"$@"
"""


def on_the_router(
    directory: Path, *command: str, enabled: bool = True, running: bool = False, right: bool = True
) -> str:
    """What the script tells procd."""
    program = directory / "popover"
    program.write_text(f'#!/bin/sh\necho "popover $*"\nexit {int(not right)}\n')
    program.chmod(0o755)
    env = {"ENABLED": str(int(enabled)), "RUNNING": str(int(running)), "SANDBOX": str(directory)}
    env |= {"SCRIPT": str(PACKAGE / "files" / "popover.init"), "PATH": os.environ["PATH"]}
    ended = subprocess.run(
        ("busybox", "ash", "-c", ROUTER, "sh", *command), env=env, capture_output=True, text=True, check=False
    )
    assert not ended.stderr
    return ended.stdout.replace(str(directory), "")


def test_the_service_starts_once_it_is_enabled(tmp_path: Path) -> None:
    assert on_the_router(tmp_path, "start", enabled=False) == ""
    said = on_the_router(tmp_path, "start").splitlines()
    assert (said[0], said[-1]) == ("open", "close")
    assert "command /popover run -c /etc/popover.toml" in said
    assert "env STATE_DIRECTORY=/state" in said
    assert "respawn 3600 10 0" in said  # without end
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_accounts_outlive_a_reboot(pyz: Path, tmp_path: Path) -> None:
    """Also those of before the first start; what the command writes then lies on flash at once."""
    state = tmp_path / "state"
    words = ("--device", "--server", "smtps://smtp.example.com", "--login", "anna@example.com")

    def account(*command: str, said: str = "") -> str:
        return router.said(pyz, "account", *command, text=said, env={"STATE_DIRECTORY": str(state)})

    account("add", "before", *words, said="secret\n")
    on_the_router(tmp_path, "start")
    account("add", "after", *words, said="secret\n")
    for _ in range(2):
        shutil.rmtree(state)
        on_the_router(tmp_path, "start")
        assert [line.split()[0] for line in account("list").splitlines()] == ["after", "before"]
    for name in ("accounts", "tokens"):
        assert (tmp_path / "kept" / name).stat().st_mode & 0o777 == 0o700


def test_the_service_outlives_its_sessions(tmp_path: Path) -> None:
    found = re.search(r"term_timeout (\d+)", on_the_router(tmp_path, "start"))
    assert found
    assert int(found[1]) > 30  # drain_timeout


def test_a_reload_disturbs_nobody_and_a_mistake_changes_nothing(tmp_path: Path) -> None:
    checked = "popover run -c /etc/popover.toml --check\n"
    assert on_the_router(tmp_path, "reload_service", running=True) == f"{checked}signal popover * HUP\n"
    assert on_the_router(tmp_path, "reload_service", running=True, right=False) == checked
    assert on_the_router(tmp_path, "reload_service", running=True, enabled=False) == ""  # and so procd stops it
    assert on_the_router(tmp_path, "reload_service").startswith("open\n")
    assert on_the_router(tmp_path, "service_triggers") == "on popover\n"


def test_what_is_installed_is_a_right_file_once_it_names_a_server(pyz: Path, tmp_path: Path) -> None:
    text = re.sub(r"(?m)^#(\[\[service\]\]|server|listen)", r"\1", (PACKAGE / "files" / "popover.toml").read_text())
    file = tmp_path / "popover.toml"
    file.write_text(text)
    assert "services: 1" in run(sys.executable, "-IS", pyz, "run", "-c", file, "--check")


def test_it_is_of_this_version() -> None:
    assert f"PKG_VERSION:={__version__}\n" in (PACKAGE / "Makefile").read_text()
