"""Who checks passwords here before the server does: htpasswd's files, and PAM."""

import asyncio
import base64
import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from parts.places import short_directory
from parts.private import OWN, inside
from parts.residents import PASSWORD, Residents
from popover.config import load
from popover.config.desk import LocalCheck
from popover.config.flat import assemble, flatten
from popover.config.routes import Names
from popover.errors import ConfigError
from popover.protocols.login import NotFound, Password, Route, Unsure
from popover.routing import local
from popover.routing.local import CheckFailed, Htpasswd, LocalPasswords
from routing.stage import Stage, service, static


def hashed(kind: str) -> str:
    """Of "wonderland", made by what is not popover: openssl, and bcrypt's own library."""
    if kind == "bcrypt":
        import bcrypt  # noqa: PLC0415 - an extra

        return bcrypt.hashpw(b"wonderland", bcrypt.gensalt(4)).decode()
    if kind == "sha1":
        return "{SHA}" + base64.b64encode(hashlib.sha1(b"wonderland").digest()).decode()
    option = {"apr1": "-apr1", "sha256": "-5", "sha512": "-6"}[kind]
    done = subprocess.run(["openssl", "passwd", option, "wonderland"], check=True, capture_output=True, text=True)
    return done.stdout.strip()


Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def save(text: str) -> Path:
        path = tmp_path / "users"
        path.write_text(text)
        return path

    return save


@pytest.mark.parametrize("kind", ["bcrypt", "sha256", "sha512", "apr1", "sha1"])
def test_a_file_of_htpasswds(write: Write, kind: str) -> None:
    judge = Htpasswd(write(f"# the club\n\nalice:{hashed(kind)}\nbob:{hashed('apr1')}\n"))
    assert judge.is_right("alice", b"wonderland")
    assert not judge.is_right("alice", b"wonderland ")
    assert not judge.is_right("Alice", b"wonderland")
    assert not judge.is_right("alice", b"a\0b")
    assert not judge.is_right("alice", b"x" * 100)


def test_a_user_that_there_is_not_costs_as_much_as_a_wrong_password(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = Htpasswd(write(f"alice:{hashed('bcrypt')}\n"))
    made: list[str] = []
    monkeypatch.setattr(judge._context, "dummy_verify", lambda: made.append("hash"))  # noqa: SLF001
    assert not judge.is_right("nobody", b"wonderland")
    assert made == ["hash"]


def test_what_is_no_such_file_is_told_line_by_line_without_its_secrets(write: Write, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        Htpasswd(write(f"alice:canary\nbob\nab:lh1Z9ZkMzNVFc\ncarol:{hashed('apr1')}\n"))
    assert [line.partition("users: ")[2] for line in caught.value.mistakes] == [
        'line 1: user "alice": is no hash of htpasswd -B, -2, -5, -m or -s (plain text and crypt(3) are not taken)',
        "line 2: is no user and hash with a colon between them",
        'line 3: user "ab": is no hash of htpasswd -B, -2, -5, -m or -s (plain text and crypt(3) are not taken)',
    ]
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        Htpasswd(tmp_path / "none")


def test_a_right_login_is_known_again_for_a_while_and_no_other(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    passwords = LocalPasswords(LocalCheck("htpasswd", str(write(f"alice:{hashed('apr1')}\n"))), lambda: now)
    asked: list[bytes] = []
    real = Htpasswd.is_right

    def counted(self: Htpasswd, user: str, password: bytes) -> bool:
        asked.append(password)
        return real(self, user, password)

    monkeypatch.setattr(Htpasswd, "is_right", counted)
    for password, is_right in [(b"wonderland", True), (b"wonderland", True), (b"wrong", False), (b"wrong", False)]:
        assert asyncio.run(passwords.is_right("alice", password)) is is_right
    assert asked == [b"wonderland", b"wrong", b"wrong"]
    now += local.KNOWN_FOR
    assert asyncio.run(passwords.is_right("alice", b"wonderland"))
    assert len(asked) == 4
    assert b"wonderland" not in repr(vars(passwords)).encode()
    passwords.close()


# -- at a service


def test_a_login_is_checked_here_before_the_table_is_asked(write: Write) -> None:
    at = assemble(
        flatten(service()) | {"authenticate": LocalCheck("htpasswd", str(write(f"alice:{hashed('sha1')}\n")))}
    )
    stage = Stage(static(("alice@a", "mail.a.example"), names=Names(strip_domain=("check",))))
    assert isinstance(stage.find_now("alice@a", at, Password(b"wonderland")), Route)
    assert stage.late == []
    for name, password in [("alice@a", b"wrong"), ("bob@a", b"wonderland"), ("", b""), ("carol", b"")]:
        stage.notes.clear()
        assert isinstance(stage.find_now(name, at, Password(password)), NotFound)
        assert not any("table" in note for note in stage.notes)
    assert stage.late == [2.0] * 4
    assert "wonderland" not in "".join(stage.notes)


def test_if_nobody_can_say_it_is_no_wrong_password(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    at = assemble(flatten(service()) | {"authenticate": LocalCheck("htpasswd", str(write("")))})

    def fails(*_: object) -> bool:
        raise CheckFailed("PAM is out of order")

    monkeypatch.setattr(Htpasswd, "is_right", fails)
    found = Stage(static(("*", "mail.a.example"))).find_now("alice", at)
    assert isinstance(found, Unsure)
    assert found.remedy == "authenticate: PAM is out of order"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("pam", LocalCheck("pam", "popover")),
        ("pam:dovecot", LocalCheck("pam", "dovecot")),
        ("htpasswd:users", LocalCheck("htpasswd", "{directory}/users")),
    ],
)
def test_how_it_is_written(tmp_path: Path, text: str, wanted: LocalCheck) -> None:
    file = tmp_path / "popover.toml"
    file.write_text(
        f'[[service]]\ntable = "users"\ndialect = "pop3"\nauthenticate = "{text}"\n'
        '[[table]]\nname = "users"\nkind = "static"\nroutes = {}\n'
    )
    [found] = load(file).services
    assert found.desk.authenticate == LocalCheck(wanted.kind, wanted.where.format(directory=tmp_path))


@pytest.mark.parametrize(
    ("keys", "mistake"),
    [
        ('server = "a"\nauthenticate = "pam"', "authenticate: goes with accounts or a table, and there is none"),
        (
            'accounts = true\ndialect = "pop3"\nauthenticate = "pam"',
            "authenticate: goes with a table; accounts have passwords of their own",
        ),
        (
            'table = "users"\ndialect = "pop3"\nauthenticate = "ldap"',
            'authenticate: "ldap" is no such check: write "htpasswd:FILE", "pam" or "pam:SERVICE"',
        ),
    ],
)
def test_mistakes(tmp_path: Path, keys: str, mistake: str) -> None:
    file = tmp_path / "popover.toml"
    file.write_text(f"[[service]]\n{keys}\n")
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert caught.value.mistakes[0].partition("service ")[2].partition(": ")[2] == mistake


# -- PAM, in a root of its own

_ASK = """
import ctypes.util, json, sys
ctypes.util.find_library = lambda name: f"lib{name}.so.0"  # it asks ldconfig, whose cache no package brings
from popover.routing.local import PAM, CheckFailed
told = []
for service, user, password in json.load(sys.stdin):
    try:
        told.append(PAM(service).is_right(user, password.encode()))
    except CheckFailed as failed:
        told.append(str(failed))
print(json.dumps(told))
"""


def test_pam_says_right_wrong_and_that_it_can_not_say() -> None:
    import pam  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra

    source = Path(local.__file__).parents[2]
    with short_directory("pam") as directory:
        residents = Residents(directory)
        user = residents.add()
        (directory / "popover").write_text("auth required pam_unix.so\naccount required pam_unix.so\n")
        (directory / "broken").write_text("auth required pam_none.so\n")
        binds = residents.binds | {  # names that the packages of mail servers bring: nothing is written below .parts
            "/etc/pam.d/dovecot": directory / "popover",
            "/etc/pam.d/imap": directory / "broken",
            "/opt/popover": source,
            "/opt/pam/pam": Path(pam.__file__).parent,
        }
        asked = [("dovecot", user, PASSWORD), ("dovecot", user, "wrong"), ("dovecot", "nobody-here", PASSWORD),
                 ("imap", user, PASSWORD)]  # fmt: skip
        done = subprocess.run(
            inside(OWN, "env", "PYTHONPATH=/opt/popover:/opt/pam", "python3", "-c", _ASK, binds=binds),
            input=json.dumps(asked), capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    right, wrong, nobody, broken = json.loads(done.stdout)
    assert (right, wrong, nobody) == (True, False, False)
    assert isinstance(broken, str)
