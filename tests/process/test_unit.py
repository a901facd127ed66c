"""The units in examples/: what systemd does with them, without systemd."""

import shlex
import subprocess
from pathlib import Path

from fakes.mail import mail
from fakes.scene import Stage
from parts.popover import COMMAND, Popover

pytest_plugins = ["fakes.fixture"]

EXAMPLES = Path(__file__).parents[2] / "examples"


def unit(name: str) -> dict[str, list[str]]:
    """The keys of a unit, each with all its values in their order (systemd.syntax(7))."""
    keys: dict[str, list[str]] = {}
    for line in (EXAMPLES / name).read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            keys.setdefault(key, []).append(value)
    return keys


def systemd_reloads(popover: Popover, path: Path) -> bool:
    """As `systemctl reload` does: one command after the other, until one fails (systemd.service(5), ExecReload=)."""
    for line in unit("popover.service")["ExecReload"]:
        words = shlex.split(line.replace("$MAINPID", str(popover.pid)).replace("/etc/popover.toml", str(path)))
        if words[0] == "/usr/local/bin/popover":
            words[:1] = COMMAND
        if subprocess.run(words, capture_output=True, check=False).returncode:
            return False
    return True


def test_reload_of_a_file_with_a_mistake_fails_and_changes_nothing(stage: Stage) -> None:
    server = stage.server(mail("pop3"))
    path = stage.config(stage.service(server))
    popover = stage.popover("-c", path)
    good = path.read_text()
    for wrong in (good.replace("listen", "lisen"), good.replace("ca.pem", "no.pem"), "[[service]"):
        assert wrong != good
        path.write_text(wrong)
        assert not systemd_reloads(popover, path)
    path.write_text(good)
    assert systemd_reloads(popover, path)
    popover.wait_for_event("reloaded")
    assert len(popover.events("reloaded")) == 1
    assert not [event for event in popover.events("warning") if "not in force" in event["text"]]


def test_boot_that_goes_wrong_is_tried_again_without_end() -> None:
    """Five starts in 10 s are systemd's limit, after which a service stays dead (systemd.unit(5))."""
    service = unit("popover.service")
    assert service["StartLimitIntervalSec"] == ["0"]
    assert service["Restart"] == ["on-failure"]
    assert int(service["RestartSec"][0]) >= 1
    assert service["RestartPreventExitStatus"] == ["2"]  # a mistake in the file does not mend itself
    assert unit("popover.socket")["FreeBind"] == ["yes"]
