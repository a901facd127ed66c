"""The Debian packages: installed, run as a service, upgraded, removed and purged on machines of their own."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from machine import ROOT, Machine

USUAL = "popover_*popover1_all.deb"
BUNDLED = "popover_*~bundled_all.deb"


def built(pattern: str) -> Path:
    found = list((ROOT / "dist").glob(pattern))
    assert len(found) == 1, f"make deb comes first: dist/ has {found}"
    return found[0]


def install(machine: Machine, deb: Path) -> None:
    """Without any network."""
    machine.write("/root/popover.deb", "")
    (machine.root / "root" / "popover.deb").write_bytes(deb.read_bytes())
    machine.run("apt-get", "-qq", "install", "--yes", "/root/popover.deb")
    machine.run("rm", "/root/popover.deb")


def newer(deb: Path, directory: Path) -> Path:
    """The same package with a later version."""
    tree, later = directory / "tree", directory / "newer.deb"
    subprocess.run(("dpkg-deb", "-R", deb, tree), check=True)
    control = tree / "DEBIAN" / "control"
    control.write_text(re.sub(r"(?m)^Version: .*", "Version: 99", control.read_text()))
    subprocess.run(("dpkg-deb", "-b", tree, later), check=True, stdout=subprocess.DEVNULL)
    return later


def start_mail_server(machine: Machine) -> str:
    """The demo's: a server that speaks only TLS, with letters. Its URL; its certificate lies in /etc/popover."""
    command = "popover demo --listen 127.0.0.9 >/run/demo"
    machine.run("systemd-run", "--quiet", "--unit=demo", "sh", "-c", command)
    machine.wait_until(lambda: "Ctrl-C" in machine.said("cat", "/run/demo"), "the demo")
    machine.run("sh", "-c", "cp /tmp/popover-demo-*/demo-ca.pem /etc/popover/demo.pem")
    found = re.search(r"-> (pop3s://\S+)", machine.said("cat", "/run/demo"))
    assert found
    return found[1]


def configure(machine: Machine) -> None:
    """As the file itself says it: take the # away, and write the server."""
    server = start_mail_server(machine)
    text = re.sub(r"(?m)^#(\[\[service\]\]|server|listen)", r"\1", machine.read("/etc/popover/popover.toml"))
    text = text.replace("pop3s://pop.example.com", server)
    machine.write("/etc/popover/popover.toml", text + 'ca_file = "demo.pem"\n')


def fetched(machine: Machine) -> str:
    return machine.run("curl", "-sS", "--max-time", "20", "pop3://demo:popover@127.0.0.1:110/1")


@pytest.mark.parametrize(("suite", "package"), [("bookworm", BUNDLED), ("trixie", USUAL), ("trixie", BUNDLED)])
def test_life_of_a_package(suite: str, package: str, tmp_path: Path) -> None:
    with Machine(suite, tmp_path) as machine:
        before = machine.files()
        deb = built(package)
        is_installed(machine, deb)
        pid = serves(machine)
        is_upgraded(machine, newer(deb, tmp_path), pid)
        leaves_nothing(machine, before)


def is_installed(machine: Machine, deb: Path) -> None:
    install(machine, deb)
    assert machine.said("systemctl", "is-failed", "popover") != "failed"  # it has nothing to serve yet
    assert machine.said("systemctl", "is-enabled", "popover") == "enabled"
    assert "popover" in machine.run("id", "popover")
    assert "came back, octet for octet" in machine.run("popover", "demo", "--once")
    machine.run("test", "-e", "/usr/share/man/man1/popover.1.gz")
    (machine.root / "root" / "fetch").write_bytes((ROOT / "debian" / "tests" / "fetch").read_bytes())
    machine.run("env", "AUTOPKGTEST_TMP=/run", "sh", "/root/fetch")  # as Debian's own testers will
    machine.run("rm", "/root/fetch", "/run/demo")


def serves(machine: Machine) -> str:
    """With as few rights as the unit leaves it; the number of its process."""
    configure(machine)
    machine.run("systemctl", "restart", "popover")
    assert "Welcome to popover" in fetched(machine)
    machine.run("systemctl", "reload", "popover")
    assert machine.said("systemctl", "show", "-P", "User", "popover") == "popover"
    pid = machine.run("systemctl", "show", "-P", "MainPID", "popover")
    assert machine.run("stat", "-c", "%U", f"/proc/{pid}") == "popover"
    assert "Seccomp:\t2" in machine.run("cat", f"/proc/{pid}/status")
    assert machine.said("journalctl", "-u", "popover", "-p", "err", "-q") == ""
    exposure = re.search(r"exposure level for \S+: ([0-9.]+) ", machine.run("systemd-analyze", "security", "popover"))
    assert exposure
    assert float(exposure[1]) <= 2.0  # of 10
    return pid


def is_upgraded(machine: Machine, deb: Path, pid: str) -> None:
    settings = machine.read("/etc/popover/popover.toml")
    install(machine, deb)
    assert machine.read("/etc/popover/popover.toml") == settings
    assert machine.run("systemctl", "show", "-P", "MainPID", "popover") not in (pid, "0")
    assert "Welcome to popover" in fetched(machine)


def leaves_nothing(machine: Machine, before: set[str]) -> None:
    settings = machine.read("/etc/popover/popover.toml")
    machine.run("systemctl", "stop", "demo")
    machine.run("rm", "/etc/popover/demo.pem", "/run/demo")
    machine.run("dpkg", "--remove", "popover")
    assert machine.said("systemctl", "is-active", "popover") == "inactive"
    assert machine.read("/etc/popover/popover.toml") == settings
    machine.run("dpkg", "--purge", "popover")
    assert machine.call("id", "popover").returncode != 0
    assert sorted(machine.files() - before) == []


def test_one_process_for_each_core_on_one_socket(tmp_path: Path) -> None:
    with Machine("trixie", tmp_path) as machine:
        install(machine, built(USUAL))
        configure(machine)
        settings = machine.read("/etc/popover/popover.toml").replace('"127.0.0.1:110"', '"systemd:pop3"')
        machine.write("/etc/popover/popover.toml", settings)
        socket = (ROOT / "examples" / "popover.socket").read_text().replace("192.168.1.1", "127.0.0.1")
        socket = socket.replace("[Socket]", "[Socket]\nService=popover@1.service")
        machine.write("/etc/systemd/system/popover.socket", socket)
        machine.run("systemctl", "disable", "--now", "popover")
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "enable", "--now", "popover.socket", "popover@1", "popover@2")
        assert "Welcome to popover" in fetched(machine)
        machine.run("systemctl", "stop", "popover@1")
        assert "Welcome to popover" in fetched(machine)
        machine.run("dpkg", "--purge", "popover")
        assert machine.said("sh", "-c", "ls -d /var/lib/popover* /run/popover*") == ""


@pytest.mark.timeout(1200)
def test_two_builds_are_equal_and_lintian_is_content(tmp_path: Path) -> None:
    for name, zone in (("one", "UTC"), ("two", "Pacific/Auckland")):
        env = os.environ | {"SOURCE_DATE_EPOCH": "1700000000", "TZ": zone}
        subprocess.run(
            (ROOT / "packaging" / "builder", tmp_path / name), env=env, check=True, stdout=subprocess.DEVNULL
        )
    first = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert len(first) == 5
    assert first == {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()}


def test_a_machine_that_is_upgraded_gets_the_usual_package(tmp_path: Path) -> None:
    with Machine("trixie", tmp_path) as machine:
        install(machine, built(BUNDLED))
        configure(machine)
        machine.run("systemctl", "restart", "popover")
        install(machine, built(USUAL))
        assert "Welcome to popover" in fetched(machine)
        assert machine.call("test", "-e", "/usr/share/popover").returncode != 0


def test_old_libraries_are_refused_and_say_so(tmp_path: Path) -> None:
    """Debian 12 with the package for 13."""
    with Machine("bookworm", tmp_path) as machine:
        (machine.root / "root" / "popover.deb").write_bytes(built(USUAL).read_bytes())
        ended = machine.call("apt-get", "--simulate", "install", "--yes", "/root/popover.deb")
        assert ended.returncode != 0
        assert "python3-cattr" in ended.stdout + ended.stderr
