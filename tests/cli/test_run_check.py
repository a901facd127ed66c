"""`popover run --check`: whether a file, or the words, would be taken; nothing is served."""

from pathlib import Path

import pytest

from fakes.scene import toml
from parts.certificates import Authority
from parts.net import free_port, is_listening
from parts.popover import run_popover


def write(path: Path, **keys: object) -> Path:
    path.write_text(toml(({"server": "pop.example.com", "listen": f"127.0.0.1:{free_port()}"} | keys,), {}))
    return path


def test_a_file_as_it_should_be_is_0(tmp_path: Path, authority: Authority) -> None:
    path = write(tmp_path / "popover.toml", ca_file=str(authority.ca_file))
    ended = run_popover("run", "-c", path, "--check")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"{path}: well-formed, services: 1\n", "")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"verify": False}, "always verified"),
        ({"ca_file": "there-is-none.pem"}, "there-is-none.pem"),
        ({"listen": "mail:110"}, "a name before the port"),
    ],
)
def test_a_file_with_a_mistake_is_2_and_a_line(tmp_path: Path, keys: dict[str, object], said: str) -> None:
    ended = run_popover("run", "-c", write(tmp_path / "popover.toml", **keys), "--check")
    assert (ended.returncode, ended.stdout) == (2, "")
    [line] = ended.stderr.splitlines()
    assert said in line


def test_words_of_the_command_line_may_be_asked_about_too() -> None:
    port = free_port()
    ended = run_popover("run", f"{port}=pop.example.com", "--check")
    assert (ended.returncode, ended.stdout) == (0, "command line: well-formed, services: 1\n")
    assert not is_listening(port)
    assert run_popover("run", "pop3://pop.example.com", "--check").returncode == 2
