"""`popover setup` from the address to mail that is read: files, questions, units; against real mail servers."""

import errno
import json
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fakes.mail import mail
from fakes.scene import Stage, url
from parts.account import Account
from parts.dovecot import Dovecot
from parts.net import own_address
from parts.places import files_up_to, is_root
from parts.popover import Popover, run_popover
from parts.postfix import Postfix
from parts.screen import on_terminal
from parts.senders import send_by_curl
from popover.config import load
from popover.errors import StartError
from popover.setup import unit
from popover.setup.place import place_of

pytest_plugins = ["fakes.fixture"]

HERE = own_address()
ADDRESS = "alice@mail.example.test"


def words(stage: Stage, *servers: str) -> list[str]:
    named = [word for server in servers for word in ("--server", server)]
    return ["setup", ADDRESS, *named, *stage.trust, "--listen", HERE]


def looked(*arguments: str | Path, code: int = 0, **options: Any) -> dict[str, Any]:
    ended = run_popover(*arguments, "--json", **options)
    assert ended.returncode == code, ended.stdout + ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout)
    return told


def curl(account: Account, workdir: Path, what: str) -> bytes:
    place = f"pop3://{account.host}:{account.port}/{what}"
    command = ["curl", "-q", "-sS", "--user", f"{account.user}:{account.password}", place]
    return subprocess.run(command, cwd=workdir, capture_output=True, check=True).stdout


def test_from_an_address_to_mail_that_is_sent_and_read(stage: Stage, dovecot: Dovecot, postfix: Postfix) -> None:
    """What `setup --yes` writes is what `run` serves, and curl sends and reads mail through it."""
    user = dovecot.new_user()
    pop3, imap, smtp = (
        f"{kind}s://localhost:{port}"
        for kind, port in (("pop3", dovecot.pop3s_port), ("imap", dovecot.imaps_port), ("smtp", postfix.port))
    )
    conf = stage.directory / "conf"
    ended = run_popover(*words(stage, pop3, imap, smtp), "--yes", "-c", conf)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "What to type into the mail client, once popover runs" in ended.stdout
    assert f"the user name is {ADDRESS}, the password the provider's" in ended.stdout
    assert f"popover run -c {conf}" in ended.stdout
    with Popover("-c", conf) as popover:
        places = dict(zip(("pop3", "imap", "smtp"), popover.addresses, strict=True))
        message = b"Subject: hello\r\n\r\nWorld\r\n"
        sending = Account(places["smtp"], user, dovecot.password)
        send_by_curl(sending, stage.directory, postfix.mailbox(user), message)
        dovecot.wait_for_messages(user, 1)
        reading = Account(places["pop3"], user, dovecot.password)
        assert curl(reading, stage.directory, "1").endswith(b"World\r\n")


def test_without_a_yes_nothing_is_written(stage: Stage) -> None:
    server = stage.server(mail("pop3"))
    conf = stage.directory / "new" / "popover.toml"
    told = looked(*words(stage, url(server, "pop3")), "-c", conf)
    assert told["ok"]
    assert told["written"] is False
    assert told["services"] == [{"server": url(server, "pop3"), "listen": f"{HERE}:1110"}]
    assert not conf.parent.exists()


def test_who_signs_in_is_who_was_named_and_not_the_address(stage: Stage) -> None:
    server = stage.server(mail("pop3"))
    command = [*words(stage, url(server, "pop3")), "-c", str(stage.directory / "x.toml"), "--login", "boss"]
    assert looked(*command)["found"]["servers"][0]["login"] == "boss"
    ended = run_popover(*command, "--yes")
    assert "  user name boss, " in ended.stdout
    assert "the user name is boss, the password the provider's" in ended.stdout
    assert f"user name {ADDRESS}" not in ended.stdout


def test_a_port_that_another_program_holds_is_gone_round(stage: Stage) -> None:
    server = stage.server(mail("pop3"))
    with socket.create_server((HERE, 1110)):
        told = looked(*words(stage, url(server, "pop3")), "-c", stage.directory / "x.toml")
    assert told["services"][0]["listen"] == f"{HERE}:1111"


def test_a_check_that_fails_ends_it(stage: Stage) -> None:
    server = stage.server(mail("pop3"), stage.authority.issue("localhost", expired=True))
    conf = stage.directory / "popover.toml"
    told = looked(*words(stage, url(server, "pop3")), "-c", conf, "--yes", code=1)
    assert not told["check"]["ok"]
    assert not conf.exists()
    ended = run_popover(*words(stage, url(server, "pop3")), "-c", conf, "--yes")
    assert "ran out on" in ended.stdout
    assert "Nothing was written" in ended.stdout


OLD = '# mine, and it stays\r\n[[service]]\nserver = "pop3s://pop.example.com"'


def test_a_file_that_is_there_is_added_to_and_stays_as_it_is(stage: Stage) -> None:
    server = stage.server(mail("pop3"))
    file = stage.directory / "popover.toml"
    file.write_bytes(OLD.encode())
    file.chmod(0o640)
    ended = run_popover(*words(stage, url(server, "pop3")), "-c", file, "--yes")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f'+server = "{url(server, "pop3")}"' in ended.stdout
    new = file.read_bytes()
    assert new.startswith(OLD.encode() + b"\n\n# Made by `popover setup` for addresses of mail.example.test;")
    assert file.stat().st_mode & 0o777 == 0o640
    assert [str(service.listen[0]) for service in load(file).services] == ["127.0.0.1:1110", f"{HERE}:1111"]


def test_what_is_there_already_is_not_written_again(stage: Stage) -> None:
    server = stage.server(mail("pop3"))
    file = stage.directory / "popover.toml"
    command = [*words(stage, url(server, "pop3")), "-c", str(file), "--yes"]
    assert looked(*command)["written"] is True
    before = file.read_bytes()
    assert looked(*command)["written"] is None
    assert file.read_bytes() == before


def test_a_file_with_a_mistake_is_left_as_it_was(stage: Stage) -> None:
    server = stage.server(mail("pop3"))
    file = stage.directory / "popover.toml"
    file.write_bytes(OLD.encode() + b"\nmax_sesions = 5\n")
    before = file.read_bytes()
    ended = run_popover(*words(stage, url(server, "pop3")), "-c", file, "--yes")
    assert ended.returncode == 2
    assert "max_sesions" in ended.stderr
    assert file.read_bytes() == before


def test_in_a_directory_each_domain_has_a_file_of_its_own(stage: Stage) -> None:
    server = stage.server(mail("pop3"))
    conf = stage.directory / "conf"
    conf.mkdir()
    (conf / "other.toml").write_text(
        '[[service]]\nserver = "pop3s://pop.example.com"\nlisten = ["1110", "127.0.0.1:1111"]\n'
    )
    told = looked(*words(stage, url(server, "pop3")), "-c", conf, "--yes")
    assert told["file"] == str(conf / "mail.example.test.toml")
    assert told["services"][0]["listen"] == f"{HERE}:1112"
    assert len(load(conf).services) == 2


def test_a_place_that_may_not_be_looked_at_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may look everywhere, so it is played."""

    def refuses(_path: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied")

    for look in ("exists", "is_dir", "mkdir"):
        monkeypatch.setattr(Path, look, refuses if look != "mkdir" else lambda path, **_how: refuses(path))
    with pytest.raises(StartError, match="cannot be written: Permission denied"):
        place_of(Path("/root/x/popover.toml"), "example.com").write("")
    assert place_of(Path("/root/x"), "example.com").servers() == set()


@pytest.mark.parametrize("old", ["", '[[service]]\nserver = "a.example"\n'])
def test_a_disk_that_takes_half_of_it_leaves_what_was_there(tmp_path: Path, old: str) -> None:
    place = place_of(tmp_path / "popover.toml", "example.com")
    if old:
        place.file.write_text(old)
    with files_up_to(len(old) + 20), pytest.raises(StartError, match="cannot be written: File too large"):
        place.write('[[service]]\nserver = "imaps://b.example"\n')
    assert (place.file.read_text() if place.file.exists() else "") == old
    assert place.file.exists() == bool(old)
    assert unit.existing("user") is None


def test_a_place_that_can_not_be_written_is_told(stage: Stage) -> None:
    server = stage.server(mail("pop3"))
    in_the_way = stage.directory / "file"
    in_the_way.write_text("")
    ended = run_popover(*words(stage, url(server, "pop3")), "-c", in_the_way / "popover.toml", "--yes")
    assert ended.returncode == 1
    assert f"{in_the_way}/popover.toml cannot be written: " in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["alice"], "is no address"),
        ([ADDRESS], "no terminal to ask at"),
        ([ADDRESS, "--yes", "--listen", "mail.example.com"], "--listen:"),
        ([ADDRESS, "--yes", "--server", "pop3://pop.example.com"], "plain text"),
        (["", "--yes"], "ADDRESS: it is empty"),
    ],
)
def test_wrong_use_is_told_in_one_line(arguments: list[str], said: str) -> None:
    ended = run_popover("setup", *arguments)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


AGREED = {"Set these up?": "yes", "Write this into": "y", "Shall systemd": "n", "Shall the mail program": "n"}


def test_somebody_at_a_terminal_is_asked_before_anything_is_written(stage: Stage) -> None:
    server = stage.server(mail("pop3"))
    file = stage.directory / "popover.toml"
    command = [*words(stage, url(server, "pop3")), "-c", str(file)]
    for no, last in (("Set these up?", "Nothing was done."), ("Write this into", "Nothing was written.")):
        seen, code = on_terminal(*command, answers={no: "n"} | AGREED | {no: "n"})
        assert code == 1
        assert seen.endswith(f"\n\n{last}\n")
        assert not file.exists(), seen
    seen, code = on_terminal(*command, answers=AGREED)
    assert code == 0, seen
    assert "SSL off" in seen
    assert len(load(file).services) == 1


SYSTEMCTL = """#!/bin/sh
echo "$@" >>"$(dirname "$0")/said"
[ ! -e "$(dirname "$0")/broken" ] || { echo 'Failed to connect to bus' >&2; exit 1; }
"""


def with_systemctl(directory: Path) -> dict[str, str]:
    """An environment with a home of its own, and a systemctl that only notes what it is told."""
    program = directory / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text(SYSTEMCTL)
    program.chmod(0o755)
    home = {"HOME": str(directory / "home"), "XDG_CONFIG_HOME": str(directory / "home" / ".config")}
    return os.environ | home | {"PATH": f"{program.parent}:{os.environ['PATH']}"}


def test_the_users_own_unit_starts_it(stage: Stage) -> None:
    env = with_systemctl(stage.directory)
    server = stage.server(mail("pop3"))
    conf = stage.directory / "my conf" / "popover.toml"
    command = [*words(stage, url(server, "pop3")), "-c", str(conf), "--yes", "--unit", "user"]
    told = looked(*command, env=env)
    assert told["started"]
    text = Path(told["unit"]).read_text()
    assert f'run -c "{conf}"\n' in text
    assert (stage.directory / "bin" / "said").read_text().splitlines() == [
        "--user daemon-reload",
        "--user enable --now popover.service",
    ]


def test_a_unit_that_is_there_stays_as_it_is(stage: Stage) -> None:
    env = with_systemctl(stage.directory)
    unit_file = Path(env["XDG_CONFIG_HOME"]) / "systemd" / "user" / unit.NAME
    unit_file.parent.mkdir(parents=True)
    unit_file.write_text("mine")
    server = stage.server(mail("pop3"))
    command = [*words(stage, url(server, "pop3")), "-c", str(stage.directory / "x.toml"), "--yes", "--unit", "user"]
    ended = run_popover(*command, env=env)
    assert ended.returncode == 0
    assert "stays as it is" in ended.stdout
    assert unit_file.read_text() == "mine"
    assert not (stage.directory / "bin" / "said").exists()


def test_no_unit_is_written_over_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even one that has come meanwhile."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = unit.install("user", "first")
    with pytest.raises(StartError, match="File exists"):
        unit.install("user", "second")
    assert file.read_text() == "first"


def test_a_disk_that_takes_half_of_a_unit_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with files_up_to(20), pytest.raises(StartError, match="cannot be written: File too large"):
        unit.install("user", "x" * 100)
    assert unit.existing("user") is None


def test_a_systemd_that_does_not_start_it_is_told(stage: Stage) -> None:
    env = with_systemctl(stage.directory)
    (stage.directory / "bin" / "broken").touch()
    server = stage.server(mail("pop3"))
    command = [*words(stage, url(server, "pop3")), "-c", str(stage.directory / "x.toml"), "--yes", "--unit", "user"]
    ended = run_popover(*command, env=env)
    assert ended.returncode == 1
    assert "not started: systemctl --user daemon-reload: Failed to connect to bus" in ended.stdout


def test_the_systems_unit_is_that_of_the_examples() -> None:
    example = (Path(__file__).parents[2] / "examples" / unit.NAME).read_text()
    assert unit.text_of("system", ["/usr/local/bin/popover"], Path("/etc/popover.toml")) == example


@pytest.mark.parametrize(
    ("command", "config", "fits"),
    [
        ("/usr/local/bin/popover", "/etc/popover.toml", True),
        ("/homes/popover", "/rooted/popover.toml", True),
        ("/home/anna/.local/bin/popover", "/etc/popover.toml", False),
        ("/usr/bin/popover", "/root/popover.toml", False),
    ],
)
def test_a_unit_of_the_system_starts_nothing_from_a_home(command: str, config: str, *, fits: bool) -> None:
    assert bool(unit.why_not("system", [command], Path(config))) is not fits
    assert unit.why_not("user", [command], Path(config)) == ""


def test_a_unit_of_the_system_for_a_file_in_a_home_is_refused_before_anything_is_done(stage: Stage) -> None:
    server = stage.server(mail("pop3"))
    ended = run_popover(*words(stage, url(server, "pop3")), "-c", "/root/none/x.toml", "--yes", "--unit", "system")
    assert ended.returncode == 1
    assert "somebody's home" in ended.stderr
    assert "ok    name" not in ended.stdout


def test_who_serves_can_read_the_file_whatever_roots_umask_is(stage: Stage) -> None:
    server = stage.server(mail("pop3"))
    file = stage.directory / "x.toml"
    assert run_popover(*words(stage, url(server, "pop3")), "-c", file, "--yes", umask=0o077).returncode == 0
    assert file.stat().st_mode & 0o777 == (0o644 if is_root() else 0o600)


def test_paths_are_written_as_systemd_reads_them() -> None:
    text = unit.text_of("user", ["/opt/50%/popover", "-m", "a b"], Path("/home/a b/$x.toml"))
    assert 'ExecStart=/opt/50%%/popover -m "a b" run -c "/home/a b/$$x.toml"\n' in text
