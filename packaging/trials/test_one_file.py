"""popover.pyz where the libraries are too old or missing: Debian 12 and 13 with nothing but their Python."""

from pathlib import Path

import pytest

from machine import ROOT, Machine


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_one_file_is_all_there_is(suite: str, tmp_path: Path) -> None:
    pyz = ROOT / "dist" / "popover.pyz"
    assert pyz.exists(), "make pyz comes first"
    with Machine(suite, tmp_path) as machine:
        program = machine.root / "usr" / "local" / "bin" / "popover"
        program.write_bytes(pyz.read_bytes())
        program.chmod(0o755)
        assert "came back, octet for octet" in machine.run("popover", "demo", "--once")
        # As docs/install.md says: the unit of examples/ and a file.
        machine.run("systemd-run", "--quiet", "--unit=demo", "sh", "-c", "popover demo --listen 127.0.0.9 >/run/demo")
        machine.wait_until(lambda: "Ctrl-C" in machine.said("cat", "/run/demo"), "the demo")
        machine.run("sh", "-c", "cp /tmp/popover-demo-*/demo-ca.pem /etc/demo.pem")
        server = machine.said("sed", "-n", "s/.*-> \\(pop3s:[^ ]*\\).*/\\1/p", "/run/demo")
        text = f'[[service]]\nserver = "{server}"\nlisten = "127.0.0.1:110"\nca_file = "demo.pem"\n'
        machine.write("/etc/popover.toml", text)
        machine.write("/etc/systemd/system/popover.service", (ROOT / "examples" / "popover.service").read_text())
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "enable", "--now", "popover")
        fetch = ("curl", "-sS", "--max-time", "20", "pop3://demo:popover@127.0.0.1:110/1")
        assert "Welcome to popover" in machine.run(*fetch)
        machine.run("systemctl", "reload", "popover")
        assert "Welcome to popover" in machine.run(*fetch)
        machine.write("/etc/popover.toml", text.replace("listen", "lisen"))
        assert machine.call("systemctl", "reload", "popover").returncode != 0
        assert "Welcome to popover" in machine.run(*fetch)
