"""Secrets: from where they are read, what is refused, and with which words."""

import os
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from parts.places import is_root
from popover.accounts.secrets import KEY_LIMIT, SECRET_LIMIT, read_key, read_secret
from popover.config import SecretSource
from popover.errors import SecretFailure

CANARY = "canary-hunter2"


def file(path: Path, content: bytes | str = CANARY, mode: int = 0o600) -> SecretSource:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)
    return SecretSource("file", str(path))


def failure(source: SecretSource) -> SecretFailure:
    with pytest.raises(SecretFailure) as caught:
        read_secret(source)
    told = "".join(traceback.format_exception(caught.value))
    assert CANARY not in told
    assert "error" not in caught.value.cause.lower()
    assert source.where not in caught.value.cause  # the client's user need not know where
    return caught.value


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (b"secret", b"secret"),
        (b"secret\n", b"secret"),
        (b"secret\r\n", b"secret"),
        (b"secret\n\n", b"secret"),
        (b" se cret \n", b" se cret "),
        (b"\xef\xbb\xbfsecret\n", b"secret"),
        (b"gr\xfc\xdfe", b"gr\xfc\xdfe"),
        (b"x" * SECRET_LIMIT, b"x" * SECRET_LIMIT),
    ],
)
def test_a_files_one_line_is_the_secret(tmp_path: Path, content: bytes, secret: bytes) -> None:
    assert read_secret(file(tmp_path / "s", content)) == secret


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (CANARY.encode() + b"\nsecond\n", "holds more than one line"),
        (CANARY.encode() + b"\0", "holds more than one line, or a NUL"),
        (b"x" * (SECRET_LIMIT + 1), "has more than 4096 octets"),
    ],
)
def test_what_is_no_secret_of_one_line_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    assert told in failure(file(tmp_path / "s", content)).remedy


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_a_file_that_others_can_read_is_refused_with_the_command_that_mends_it(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a secret"
    told = failure(file(path, mode=mode)).remedy
    assert f"(its mode is {mode:04o}): chmod 600 '{path}'" in told
    subprocess.run(told.rpartition(": ")[2], shell=True, check=True)
    assert read_secret(SecretSource("file", str(path))) == CANARY.encode()


def test_a_change_is_seen_at_the_next_reading(tmp_path: Path) -> None:
    source = file(tmp_path / "s", b"one")
    assert read_secret(source) == b"one"
    file(tmp_path / "s", b"two")
    assert read_secret(source) == b"two"


def test_a_pipe_or_a_folder_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "is no ordinary file" in failure(SecretSource("file", str(tmp_path / "pipe"))).remedy
    assert "is no ordinary file" in failure(SecretSource("file", str(tmp_path))).remedy


def test_a_file_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = failure(SecretSource("file", "nowhere"))  # a long path would be cut
    assert told.remedy == 'the file "nowhere" does not exist'
    assert told.end == "no secret"


def test_a_file_of_somebody_else_is_told_with_what_mends_it(tmp_path: Path) -> None:
    """Root reads it all the same: so it is nobody who tries."""
    source = file(tmp_path / "s")
    tmp_path.chmod(0o755)
    for parent in list(tmp_path.parents)[:2]:
        parent.chmod(0o755)
    program = f"""
import os
if os.geteuid() == 0:
    os.setresuid(65534, 65534, 65534)
else:
    os.chmod({source.where!r}, 0)
from popover.accounts.secrets import read_secret
from popover.config import SecretSource
try:
    read_secret(SecretSource("file", {source.where!r}))
except Exception as failure:
    print(type(failure).__name__, failure.remedy)
"""
    loaded = "import popover.accounts.secrets, popover.config, encodings.idna\n"
    ended = subprocess.run([sys.executable, "-c", loaded + program], capture_output=True, text=True, check=False)
    assert "SecretFailure" in ended.stdout, ended.stderr
    assert f"chmod 600 {source.where}" in ended.stdout
    assert is_root() or "chown" in ended.stdout


def test_a_systemd_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd guards it, and shows its rights by an ACL: its mode may be 0440."""
    source = SecretSource("credential", "grandpa")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert "was not given to popover: write LoadCredential=grandpa:FILE in its unit" in failure(source).remedy
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert 'the credential "grandpa" does not exist' in failure(source).remedy
    file(tmp_path / "grandpa", mode=0o440)
    assert read_secret(source) == CANARY.encode()
    (tmp_path / "grandpa").unlink()
    file(tmp_path / "grandpa", b"x" * (SECRET_LIMIT + 1))
    assert "has more than" in failure(source).remedy


def test_a_variable_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    source = SecretSource("environment", "GRANDPA")
    monkeypatch.delenv("GRANDPA", raising=False)
    assert failure(source).remedy == 'the variable "GRANDPA" is not set'
    monkeypatch.setenv("GRANDPA", CANARY)
    assert read_secret(source) == CANARY.encode()


def test_a_key_is_read_with_all_its_lines(tmp_path: Path) -> None:
    pem = b"-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n"
    assert read_key(file(tmp_path / "key.pem", pem)) == pem
    with pytest.raises(SecretFailure, match="cannot read"):
        read_key(file(tmp_path / "key.pem", b"x" * (KEY_LIMIT + 1)))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"secret": "x"}', "holds no password any more"),
        ('{"password": 5}', "holds no password any more"),
        ('["password"]', "is no account's file any more"),
        ("{", "is no account's file any more"),
        ("[" * 50000, "is no account's file any more"),
        ('{"password": "' + "x" * 5000 + '"}', "holds more than 4096 octets as its password"),
    ],
)
def test_the_file_of_an_account_that_holds_no_secret_any_more(tmp_path: Path, content: str, told: str) -> None:
    path = Path(file(tmp_path / "a.json", content).where)
    assert told in failure(SecretSource("account", str(path), "password")).remedy


def test_the_file_of_an_account_holds_two_secrets(tmp_path: Path) -> None:
    path = Path(file(tmp_path / "a.json", '{"password": "one", "secret": "gr\\u00fc\\udcdf"}').where)
    assert read_secret(SecretSource("account", str(path), "password")) == b"one"
    assert read_secret(SecretSource("account", str(path), "secret")) == "gr\u00fc".encode() + b"\xdf"
