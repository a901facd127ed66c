"""`popover check` as a command: its use, its lines, its document, its terminal."""

import asyncio
import errno
import io
import json
import os
import pty
import re
import shlex
import shutil
import signal
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.capable import capable
from fakes.mail import silent
from fakes.scene import Stage
from fakes.wire import Wire
from fakes.world import World
from parts.check import Checked, run_check
from parts.popover import Popover
from popover.check.here import check_ports
from popover.check.old_tls import Kind, works
from popover.check.providers import hint
from popover.check.report import Part, Report
from popover.check.settings import settings_of
from popover.check.table import Table
from popover.check.tls import check_trust_store
from popover.cli.check import next_command
from popover.cli.typed import parse
from popover.config import Address, Server
from popover.inside import listen
from popover.inside.machine import own_addresses
from services import service

pytest_plugins = ["fakes.fixture"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name one SERVER or more"),
        (("-c", "x.toml", "pop.example.com"), "name one SERVER or more"),
        (("pop3://pop.example.com",), "write pop3s://"),
        (("alice:canary@pop.example.com",), "no user name or password"),
        (("-c", "there-is-none.toml"), "there is no such file"),
        (("pop.example.com", "--login", "alice"), "POPOVER_PASSWORD"),
        (("pop.example.com", "--ca-file", "there-is-none.pem"), "ca_file"),
        (("pop.example.com", "--password", "canary"), "unrecognized arguments"),
    ],
)
def test_wrong_use_is_2_and_said_so(words: tuple[str, ...], said: str) -> None:
    ended = run_check(*words)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert ended.stdout == ""


@pytest.mark.parametrize("words", [(), ("--frobnicate", "pop.example.com")])
def test_wrong_use_of_a_command_shows_the_usage_of_that_command(words: tuple[str, ...]) -> None:
    assert run_check(*words).stderr.startswith("usage: popover check ")


def test_a_program_that_asks_for_json_gets_the_mistakes_of_a_file_as_json(tmp_path: Path) -> None:
    path = tmp_path / "popover.toml"
    path.write_text('[[service]]\nserver = "pop3s://x.example"\nlisten = "127.0.0.1:0"\nverify = false\nwarm = -1\n')
    ended = run_check("--json", "-c", path)
    assert ended.returncode == 2
    document = json.loads(ended.stdout)
    [part] = document["parts"]
    assert (document["ok"], part["name"]) == (False, str(path))
    assert [finding["text"] for finding in part["findings"]] == ended.stderr.splitlines()
    assert len(part["findings"]) == 2


def test_every_service_of_a_file_is_checked_and_the_file(stage: Stage) -> None:
    good = {"listen": "127.0.0.1:0", "ca_file": str(stage.authority.ca_file)}
    first = good | {"name": "first", "server": f"pop3s://localhost:{stage.server(capable).port}"}
    bad = stage.server(capable, stage.authority.issue("localhost", expired=True))
    second = good | {"name": "second", "server": f"pop3s://localhost:{bad.port}"}
    check = Checked("-c", stage.config(first, second))
    assert check.code == 1
    assert [(part["name"], part["ok"]) for part in check.parts] == [("first", True), ("second", False)]
    [step, *_] = [finding["step"] for part in check.document["parts"] for finding in part["findings"]]
    assert step == "file"


def test_a_file_with_mistakes_is_2_with_a_line_for_each(tmp_path: Path) -> None:
    path = tmp_path / "popover.toml"
    path.write_text(
        '[[service]]\nserver = "pop3s://x.example"\nlisten = "127.0.0.1:0"\nverify = false\nmax_sessions = -1\n'
    )
    ended = run_check("-c", path)
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 2
    assert "always verified" in ended.stderr


def test_several_servers_without_a_listen_are_no_mistake(stage: Stage) -> None:
    port = stage.server(capable).port
    check = Checked(*[f"pop3s://localhost:{port}"] * 2, "--ca-file", stage.authority.ca_file)
    assert len({*check.parts[0]["listen"], *check.parts[1]["listen"]}) == 2


def test_the_document_has_stable_keys(stage: Stage) -> None:
    check = Checked(f"0=localhost:{stage.server(capable).port}", "--ca-file", stage.authority.ca_file)
    assert set(check.document) == {"popover", "ok", "parts"}
    assert {frozenset(part) for part in check.document["parts"]} == {
        frozenset({"name", "server", "listen", "findings", "settings", "ok"})
    }
    assert {frozenset(finding) for finding in check.findings} == {
        frozenset({"step", "status", "text", "remedy", "facts"})
    }


def test_a_check_that_is_all_well_ends_with_the_next_command_which_works(stage: Stage) -> None:
    ended = run_check(f"0=localhost:{stage.server(capable).port}", *stage.trust)
    *_, blank, title, command = ended.stdout.splitlines()
    assert (blank, title) == ("", "The next command:")
    assert command.startswith("  popover run ")
    with Popover(*shlex.split(command)[2:]) as popover, Wire.to(popover.addresses[0]) as client:
        assert client.line().startswith(b"+OK")


def test_the_next_command_is_what_was_checked(stage: Stage) -> None:
    """In a network of its own: somebody may have a popover on port 1110 here."""
    with World(stage.directory / "world") as world:
        port = stage.server(capable, listener=world.listen("127.0.0.1")).port
        path = stage.config(stage.service(port))
        assert run_check("-c", path, prefix=world.prefix).stdout.endswith(f"\n  popover run -c {path}\n")
        twice = [f"localhost:{port}"] * 2
        *_, command = run_check(*twice, *stage.trust, prefix=world.prefix).stdout.splitlines()
    assert command == f"  popover run localhost:{port} 1111=localhost:{port} --ca-file {stage.authority.ca_file}"


def test_a_check_that_failed_names_no_command(stage: Stage) -> None:
    bad = stage.server(capable, stage.authority.issue("localhost", expired=True))
    assert "popover run" not in run_check(f"0=localhost:{bad.port}", *stage.trust).stdout


def test_a_checkout_without_an_installation_is_called_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = parse(["check", "pop.example.com"])
    monkeypatch.setattr(sys, "argv", [".venv/bin/popover"])
    assert next_command(arguments) == ".venv/bin/popover run pop.example.com"
    monkeypatch.setattr(shutil, "which", lambda _: str(Path(".venv/bin/popover").resolve()))
    assert next_command(arguments) == "popover run pop.example.com"


def test_what_failed_comes_with_what_to_do(stage: Stage) -> None:
    bad = stage.server(capable, stage.authority.issue("localhost", unknown_ca=True))
    ended = run_check(f"0=localhost:{bad.port}", "--ca-file", stage.authority.ca_file)
    assert ended.returncode == 1
    said, _, todo = ended.stdout.partition("What to do:")
    assert re.search(r"(?m)^FAIL +tls +.*Authority nobody knows", said)
    assert "--ca-file" in todo


def test_what_failed_is_first_to_be_mended() -> None:
    out = io.StringIO()
    table = Table(out, {})
    report = table.report()
    report.begin(Part("example", "pop3s://pop.example.com"))
    report.add("tls", "warn", "the certificate ends soon", "tell its operator")
    report.add("here", "fail", "the port is taken", "stop the other")
    report.add("session", "warn", "no ticket", "nothing to do")
    table.conclude(report)
    todo = [line.strip()[:6] for line in out.getvalue().partition("What to do:")[2].splitlines()[1:]]
    assert todo == ["1. the", "2. the", "3. no "]
    assert "1. the port is taken: stop the other\n" in out.getvalue()


def test_what_is_to_be_done_is_said_once() -> None:
    out = io.StringIO()
    table = Table(out, {})
    report = table.report()
    for server in ("pop3s://one.example.com", "pop3s://two.example.com"):
        report.begin(Part("example", server))
        report.add("tls", "warn", "no trust store", "install ca-certificates")
        report.add("tls", "fail", "it cannot be judged", "the trust store is empty: install ca-certificates")
    table.conclude(report)
    todo = out.getvalue().partition("What to do:")[2]
    assert re.findall(r"\d\. pop3s://(\w+)\S+ it cannot be judged: the trust", todo) == ["one", "two"]
    assert "no trust store" not in todo


def on_terminal(stage: Stage, words: list[str], env: dict[str, str], typed: bytes = b"") -> tuple[int, str]:
    """Run `popover check` on a terminal of its own; its exit code, and all that was on the screen."""
    server = f"0=localhost:{stage.server(capable).port}"
    command = [sys.executable, "-m", "popover", "check", server, "--ca-file", str(stage.authority.ca_file), *words]
    pid, screen = pty.fork()
    if pid == 0:
        os.execve(command[0], command, os.environ | {"TERM": "xterm"} | env)
    seen = b""
    try:
        while piece := os.read(screen, 4096):
            seen += piece
            if typed and b"Password" in seen:
                os.write(screen, typed)
                typed = b""
    except OSError:  # EIO: the other side of the terminal is closed (pty(7))
        pass
    finally:
        os.close(screen)
        _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), seen.decode()


def test_colours_on_a_terminal(stage: Stage) -> None:
    code, seen = on_terminal(stage, [], {})
    assert code == 0
    assert "\x1b[32mok" in seen


def test_no_colours_where_they_are_not_wanted(stage: Stage) -> None:
    code, seen = on_terminal(stage, [], {"NO_COLOR": "1"})
    assert code == 0
    assert not re.search("\x1b\\[[0-9;]*m", seen)


def test_the_password_is_asked_for_and_not_shown(stage: Stage) -> None:
    code, seen = on_terminal(stage, ["--login", "alice"], {}, b"canary-XqZ17\n")
    assert code == 0
    assert "alice is logged in" in seen
    assert "canary" not in seen


class Terminal(io.StringIO):
    def __init__(self) -> None:
        super().__init__()
        self.shown = asyncio.Event()

    def isatty(self) -> bool:
        return True

    def flush(self) -> None:
        self.shown.set()


def test_the_step_in_progress_shows_where_seconds_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("popover.check.table._PATIENCE", 0.001)
    screen = Terminal()

    async def wait() -> None:
        async with Table(screen, {}).report().waiting("connecting to mail.example.com"):
            await screen.shown.wait()

    asyncio.run(asyncio.wait_for(wait(), 30))
    assert "connecting to mail.example.com" in screen.getvalue()
    assert screen.getvalue().endswith("\r\x1b[K")


def test_what_servers_say_can_not_paint_the_screen() -> None:
    out = io.StringIO()
    report = Table(out, {}).report()
    report.begin(Part("x", "pop3s://x:995"))
    report.add("dialect", "fail", "greeting: \x1b[2J\u202e", "do \x1b]0;x\x07")
    assert out.getvalue().isascii()
    assert "\x1b" not in out.getvalue()


def test_old_tls_is_found_by_trying() -> None:
    assert works(Kind("TLS 1.2", ssl.TLSVersion.TLSv1_2, "ALL"))
    assert works(Kind("RSA", ssl.TLSVersion.TLSv1_2, "AES128-SHA"))
    assert not works(Kind("no encryption is no old TLS", ssl.TLSVersion.TLSv1_3, "no-such-cipher"))
    assert works(Kind("SSL 3", ssl.TLSVersion.SSLv3, "ALL")) is ssl.HAS_SSLv3


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("pop.gmail.com", "app password"),
        ("outlook.office365.com", "OAuth2"),
        ("pop.gmx.net", "web settings"),
        ("mail.example.com", "user name"),
        ("notgmail.com", "user name"),
    ],
)
def test_what_is_known_of_the_provider_is_said(host: str, words: str) -> None:
    assert words in hint(host)


def test_what_to_type_names_every_address_of_this_machine() -> None:
    one = service(listen=(Address("0.0.0.0", 110),), server=Server("pop3", "pop.example.com", 995))
    [entry] = settings_of(one)
    assert entry["port"] == 110
    assert entry["tls"] == "off"
    assert entry["server"] == [*(one for one in own_addresses() if ":" not in one), "127.0.0.1"]


def test_a_port_that_only_root_may_have_comes_with_the_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(_sock: object, _address: Address) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(listen, "_bind", refuses)
    report = Report()
    report.begin(Part("x"))
    one = service(listen=(Address("127.0.0.1", 110),), server=Server("pop3", "pop.example.com", 995))
    asyncio.run(check_ports(report, one))
    [finding] = report.parts[0].findings
    assert finding.facts["outcome"] == "not allowed"
    for way in ("as root with `user`", "systemd", "net.ipv4.ip_unprivileged_port_start", "higher port"):
        assert way in finding.remedy


def test_a_machine_without_a_trust_store_is_told_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nothing = ssl.DefaultVerifyPaths("", "", "SSL_CERT_FILE", str(tmp_path / "no.pem"), "SSL_CERT_DIR", str(tmp_path))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nothing)
    report = Report()
    report.begin(Part("x"))
    check_trust_store(report, service(listen=(Address("127.0.0.1", 0),), server=Server("pop3", "pop.example.com", 995)))
    [finding] = report.parts[0].findings
    assert finding.status == "warn"
    assert "ca-certificates" in finding.remedy


def test_ctrl_c_ends_it_with_the_usual_code(stage: Stage) -> None:
    command = [sys.executable, "-m", "popover", "check", f"0=localhost:{stage.server(silent).port}"]
    command += ["--ca-file", str(stage.authority.ca_file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8") as check:
        assert check.stdout is not None
        assert check.stderr is not None
        try:
            while not check.stdout.readline().startswith("ok    tls"):
                assert check.poll() is None
            check.send_signal(signal.SIGINT)
            assert check.wait(30) == 130
            assert check.stderr.read() == ""
        finally:
            check.kill()
