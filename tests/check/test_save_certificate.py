"""`popover check --save-certificate`: a server of one's own is trusted with two commands, and nobody else is."""

import os
import shlex
import ssl
from pathlib import Path
from typing import Any

import pytest

from fakes.capable import capable
from fakes.mail import pop3
from fakes.scene import UNHURRIED, Gateway, Stage
from fakes.server import FakeServer
from fakes.world import World
from parts.certificates import Faults
from parts.check import Checked, run_check
from parts.places import files_up_to

pytest_plugins = ["fakes.fixture"]
SERVICE_KEYS = UNHURRIED


def server_with(stage: Stage, *names: str, **faults: Any) -> FakeServer:
    return stage.server(capable, stage.authority.issue(*(names or ("localhost", "127.0.0.1")), **faults))


def save(server: FakeServer, path: Path) -> Checked:
    return Checked("--save-certificate", path, f"0=pop3s://localhost:{server.port}")


def saved(path: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert(path.read_text())


def told(check: Checked) -> dict[str, Any]:
    """What the first part of the check says: the one about the certificate."""
    part = check.document["parts"][0]
    assert part["name"] == "the certificate of localhost"
    [finding] = part["findings"]
    found: dict[str, Any] = finding
    return found


def test_the_command_that_the_log_names_makes_the_server_trusted(stage: Stage) -> None:
    """From the refusal over the command that it offers to mail that comes: with nothing typed but what was said."""
    with World(stage.directory / "world") as world:  # where nobody else has a popover on port 1110
        certificate = stage.authority.issue("localhost", self_signed=True)
        server = stage.server(pop3, certificate, listener=world.listen("127.0.0.1"))
        # Who enters a world begins at its root (setns(2)).
        prefix = (*world.prefix, "sh", "-c", 'cd "$0" && exec "$@"', str(stage.directory))
        remedy = stage.gateway(server, prefix=prefix, connect=world.connect).refuses("self-signed")["remedy"]
        command = shlex.split(remedy.split("`")[1])
        assert command[:2] == ["popover", "check"]
        assert " --ca-file localhost.pem (ca_file)" in remedy
        server.script = capable
        ended = run_check(*command[2:], prefix=prefix)
        assert ended.returncode == 0, ended.stdout
        assert (stage.directory / "localhost.pem").exists()
        command = shlex.split(ended.stdout.splitlines()[-1])
        assert command[1:] == ["run", f"pop3s://localhost:{server.port}", "--ca-file", "localhost.pem"]
        server.script = pop3
        Gateway(stage.popover(*command[2:], prefix=prefix), "pop3", world.connect).serves()


def test_of_a_self_made_certificate_itself_is_saved_and_what_that_means_is_said(stage: Stage, tmp_path: Path) -> None:
    server = server_with(stage, self_signed=True)
    path = tmp_path / "mail.pem"
    check = save(server, path)
    assert check.code == 0
    own = stage.authority.issue("localhost", "127.0.0.1", self_signed=True)
    assert saved(path) == ssl.PEM_cert_to_DER_cert(own.cert_file.read_text())
    finding = told(check)
    assert "that one certificate and no other is trusted" in finding["text"]
    assert own.pin in finding["remedy"]
    assert "compare its public key" in finding["remedy"]


def test_nobody_else_is_trusted_by_it(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "mail.pem"
    server = server_with(stage, self_signed=True)
    save(server, path)
    for faults in (Faults(self_signed=True, rsa_bits=2048), Faults()):
        server.context = stage.context(stage.authority.issue("localhost", "127.0.0.1", **faults))
        assert Checked("--ca-file", path, f"0=pop3s://localhost:{server.port}").code == 1


def test_of_an_own_authority_that_is_shown_its_certificate_is_saved(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "mail.pem"
    server = server_with(stage, with_root=True)
    check = save(server, path)
    assert check.code == 0
    assert path.read_text() == stage.authority.ca_file.read_text()
    assert "whatever this authority vouches for" in told(check)["text"]
    server.context = stage.context(stage.authority.issue("localhost", "127.0.0.1", rsa_bits=2048))
    assert Checked("--ca-file", path, f"0=pop3s://localhost:{server.port}").code == 0


@pytest.mark.parametrize("faults", [{}, {"intermediate": True}], ids=str)
def test_what_does_not_vouch_for_itself_is_not_saved(stage: Stage, tmp_path: Path, faults: Any) -> None:
    """Its authority is not shown, so nothing is there that could be trusted."""
    path = tmp_path / "mail.pem"
    check = save(server_with(stage, **faults), path)
    check.failed("tls", "which this machine does not know")
    assert "not saved" in told(check)["text"]
    assert not path.exists()


def test_what_is_trusted_already_is_not_saved(stage: Stage, tmp_path: Path) -> None:
    server, path = server_with(stage), tmp_path / "mail.pem"
    env = os.environ | {"SSL_CERT_FILE": str(stage.authority.ca_file)}
    ended = run_check("--save-certificate", path, f"0=pop3s://localhost:{server.port}", env=env)
    assert ended.returncode == 0
    assert "nothing to save: the certificate of localhost is trusted already" in ended.stdout
    assert not path.exists()


def test_trust_mends_no_other_fault(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "mail.pem"
    save(server_with(stage, "other.example.com", self_signed=True), path).failed("tls", "another name")


def test_what_stands_in_the_file_is_not_overwritten(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "mail.pem"
    path.write_text("precious")
    ended = run_check("--save-certificate", path, f"0=pop3s://localhost:{server_with(stage, self_signed=True).port}")
    assert ended.returncode == 2
    assert ended.stderr == f"--save-certificate: {path} is there already: remove it, or name another file\n"
    assert path.read_text() == "precious"


def test_a_disk_that_takes_half_of_it_keeps_none_of_it(stage: Stage, tmp_path: Path) -> None:
    path, server = tmp_path / "mail.pem", server_with(stage, self_signed=True)
    with files_up_to(100):
        ended = run_check("--save-certificate", path, f"0=pop3s://localhost:{server.port}")
    assert ended.stderr == f"--save-certificate: {path} cannot be written: File too large\n"
    assert not path.exists()


@pytest.mark.parametrize("words", [("-c", "x.toml"), ("--ca-file", "x.pem", "localhost"), ("localhost", "127.0.0.1")])
def test_it_is_for_one_server(stage: Stage, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(stage.directory)
    Path("x.pem").write_text(stage.authority.ca_file.read_text())
    stage.config(stage.service(1)).rename("x.toml")
    ended = run_check("--save-certificate", "mail.pem", *words)
    assert ended.returncode == 2
    assert "for one SERVER" in ended.stderr


def test_of_a_server_that_can_not_be_reached_only_that_is_told(tmp_path: Path) -> None:
    check = Checked("--save-certificate", tmp_path / "mail.pem", "0=pop3s://127.0.0.1:1")
    check.failed("connect", "refuses connections")
    assert check.document["parts"][0]["name"] == "127.0.0.1"
