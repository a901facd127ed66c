"""What a gateway takes of the machine: it has the rooms in memory that its services need, and no others."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from parts.net import wait_until
from popover.protocols import DIALECTS

# A gateway that says at its end which modules it has that Python itself did not need.
PROGRAM = """
import sys
before = set(sys.modules)
from popover.cli import main
code = main(sys.argv[1:])
print(*sorted(set(sys.modules) - before), sep="\\n")
sys.exit(code)
"""


def modules(directory: Path, *words: str, change: Callable[[], object] | None = None) -> set[str]:
    """What `popover run WORDS` has loaded, once it listens, and has read its file again after the change."""
    said = directory / "said"
    with said.open("w") as file:
        command = [sys.executable, "-c", PROGRAM, "run", *words]
        popover = subprocess.Popen(command, stdout=file, stderr=file, env=os.environ | {"PYTHONUNBUFFERED": "1"})
    try:
        wait_until(lambda: "listening" in said.read_text() or popover.poll() is not None, "it listens")
        if change is not None:
            change()
            popover.send_signal(signal.SIGHUP)
            wait_until(lambda: "in force" in said.read_text(), "it has read its file again")
        popover.terminate()
        assert popover.wait(60) == 0, said.read_text()
    finally:
        popover.kill()
        popover.wait()
    return set(said.read_text().splitlines())


def rooms(loaded: set[str], package: str) -> set[str]:
    """Which rooms of a package were entered: what stands right below its name."""
    begin = f"{package}."
    return {name.removeprefix(begin).split(".")[0] for name in loaded if name.startswith(begin)}


@pytest.mark.parametrize("dialect", [*DIALECTS])
def test_a_gateway_loads_the_dialect_that_it_serves_and_no_other(dialect: str, tmp_path: Path) -> None:
    loaded = modules(tmp_path, f"127.0.0.1:0={dialect}s://localhost")
    assert rooms(loaded, "popover.protocols") & {*DIALECTS} == {dialect}
    assert rooms(loaded, "popover.protocols.starttls") & {*DIALECTS} == {dialect}


def test_a_gateway_that_leads_to_one_server_loads_no_desk_no_queue_and_no_status_page(tmp_path: Path) -> None:
    loaded = modules(tmp_path, "127.0.0.1:0=pop3s://localhost")
    assert not rooms(loaded, "popover.session") & {"desk", "device", "sign_in", "entrance", "courier"}
    assert rooms(loaded, "popover.process.queue") == {"opened"}
    assert rooms(loaded, "popover.process.status") == {"figures", "served"}
    assert not loaded & {"popover.accounts", "popover.routing", "popover.refusals", "popover.config.file"}
    # Nor what others of the standard library bring along: some 100 kB each.
    assert not loaded & {"cattrs", "http.client", "email", "tempfile", "random", "difflib", "xml", "ctypes"}


def test_a_reload_that_asks_for_another_dialect_loads_it(tmp_path: Path) -> None:
    file = tmp_path / "popover.toml"
    text = '[[service]]\nname = "{0}"\nlisten = "127.0.0.1:0"\nserver = "{0}s://localhost"\n'
    before, after = text.format("pop3"), text.format("pop3") + text.format("imap")
    file.write_text(before)
    assert "popover.protocols.imap" not in modules(tmp_path, "-c", str(file))
    assert "popover.protocols.imap" in modules(tmp_path, "-c", str(file), change=lambda: file.write_text(after))
