"""What is wanted of popover's own files is there before it becomes a user who cannot read them."""

import signal
from pathlib import Path

import pytest

from fakes.mail import mail
from fakes.scene import PARTING, Stage, greeted, rewrite
from fakes.wire import Wire
from parts.net import LOOPBACK, free_port
from parts.places import is_root, short_directory
from parts.shut import shut_in

pytest_plugins = ["fakes.fixture"]

USER = {"user": "nobody"} if is_root() else {}
ACCOUNT = """
[[account]]
name = "scans"
server = "smtps://localhost:9"
login = "scans@example.com"
secret_file = "nowhere"
"""


def test_sessions_of_dialects_that_come_by_a_reload_need_no_file_that_only_root_can_read(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = {dialect: free_port() for dialect in PARTING}
    with short_directory("open") as everybodys:
        monkeypatch.setattr(stage, "directory", everybodys)
        ca_file = everybodys / "ca.pem"
        ca_file.write_bytes(stage.authority.ca_file.read_bytes())
        services = [
            stage.service(stage.server(mail(dialect)), dialect, name=dialect, ca_file=str(ca_file),
                          listen=f"{LOOPBACK}:{port}") for dialect, port in ports.items()
        ]  # fmt: skip
        device = {"name": "device", "dialect": "smtp", "device": True, "accounts": ["scans"], "allow": LOOPBACK,
                  "listen": f"{LOOPBACK}:{free_port()}"}  # fmt: skip
        path = stage.config(services[0], **USER)
        popover = stage.popover("-c", path, env=shut_in(tmp_path) | {"STATE_DIRECTORY": str(everybodys)})
        greeted((LOOPBACK, ports["pop3"]), "pop3").close()
        rewrite(path, *services, device, **USER)
        path.write_text(path.read_text() + ACCOUNT)
        popover.signal(signal.SIGHUP)
        popover.wait_for_event("reloaded")
        for dialect, port in ports.items():
            with greeted((LOOPBACK, port), dialect) as client:
                assert client.ask(PARTING[dialect])
            popover.wait_for_event("session", service=dialect)
        with Wire.to((LOOPBACK, int(device["listen"].rpartition(":")[2]))) as scanner:  # type: ignore[attr-defined]
            assert scanner.line().startswith(b"220 ")
            assert scanner.ask(b"QUIT").startswith(b"221 ")
