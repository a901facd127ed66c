"""`popover account`: its verbs, its prompts, whose its files are; and no secret is ever shown."""

import json
import os
import pwd
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from parts.places import is_root, short_directory
from parts.popover import run_popover
from popover.accounts.scrypt import is_of_hash
from terminal import Terminal

ADD = ("account", "add", "Grandpa", "--also", "opa", "--provider", "gmail", "--login", "grandpa@gmail.com")
LOCAL, APP = "canary-local", "canary-app-password"

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def run(state: Path) -> Run:
    def run(*words: str | Path, said: str = "", secret: bool = False) -> subprocess.CompletedProcess[str]:
        env = os.environ | {"STATE_DIRECTORY": str(state), "PYTHONDEVMODE": "1"}
        ended = run_popover(*words, stdin=None, input=said, env=env)
        assert secret or "canary" not in ended.stdout + ended.stderr
        assert "Traceback" not in ended.stderr
        return ended

    return run


def added(run: Run, *more: str | Path, said: str = f"{LOCAL}\n{APP}\n") -> None:
    ended = run(*ADD, *more, said=said)
    assert (ended.returncode, ended.stderr) == (0, "")


def kept(state: Path, name: str = "grandpa") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((state / "accounts" / f"{name}.json").read_bytes())
    return found


def test_an_account_is_kept_with_a_hash_of_its_password(run: Run, state: Path) -> None:
    added(run)
    table = kept(state)
    assert is_of_hash(LOCAL.encode(), table.pop("password").encode())
    assert table == {
        "name": ["Grandpa", "opa"],
        "login": "grandpa@gmail.com",
        "provider": "gmail",
        "secret": APP,
    }


def test_the_password_itself_is_kept_for_apop(run: Run, state: Path) -> None:
    added(run, "--plain")
    assert kept(state)["password"] == LOCAL


def test_a_password_in_latin_1_is_hashed_as_it_will_be_compared(run: Run, state: Path, tmp_path: Path) -> None:
    (tmp_path / "pw").write_bytes("gr\u00fc\u00dfe\n".encode("latin-1"))
    added(run, "--password-file", tmp_path / "pw", said=APP)
    assert is_of_hash("gr\u00fc\u00dfe".encode(), kept(state)["password"].encode())


def test_servers_of_ones_own(run: Run, state: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{APP}\r\n")
    words = [
        "--server",
        "pop.example.com",
        "--server",
        "smtp+starttls://smtp.example.com",
        "--mailbox",
        "all@example.com",
    ]
    ended = run("account", "add", "s", "--device", "--login", "x", "--secret-file", tmp_path / "secret", *words)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert kept(state, "s") == {
        "name": "s",
        "login": "x",
        "mailbox": "all@example.com",
        "servers": {"pop3": "pop3s://pop.example.com:995", "smtp": "smtp+starttls://smtp.example.com:587"},
        "secret": APP,
    }


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--server", "mail.example.test"), "or issuer (--issuer)"),
        (("--provider", "fastmail", "--tenant", "example.test"), "oauth2: tenant: Fastmail has none"),
    ],
)
def test_oauth2_that_could_not_sign_in_is_not_kept(run: Run, state: Path, words: tuple[str, ...], told: str) -> None:
    ended = run("account", "add", "me", "--login", "me", "--client-id", "an-id", *words, said=f"{LOCAL}\n")
    assert ended.returncode == 2
    assert told in ended.stderr
    assert not (state / "accounts").exists()


def test_a_device_is_told_which_service_is_its_own(run: Run) -> None:
    words = ("account", "add", "scans", "--device", "--provider", "fastmail", "--login", "a@fastmail.com")
    said = run(*words, said=f"{APP}\n").stdout.splitlines()[0]
    assert said.endswith('for a service with device = true and accounts = ["scans"]')


def test_oauth2_needs_no_password_of_the_provider(run: Run, state: Path, tmp_path: Path) -> None:
    (tmp_path / "client").write_text("canary-client\n")
    words = ["--provider", "outlook", "--client-id", "id", "--client-secret-file", tmp_path / "client", "--tenant", "t"]
    ended = run("account", "add", "anna", "--login", "anna@outlook.com", *words, said=LOCAL)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "now sign in with the provider: popover account login anna" in ended.stdout
    table = kept(state, "anna")
    assert table["oauth2"] == {"client_id": "id", "tenant": "t"}
    assert table["client_secret"] == "canary-client"
    shown = json.loads(run("account", "show", "anna", "--json").stdout)
    assert (shown["signs_in"], shown["oauth2"]["state"]) == ("oauth2", "sign in")
    assert "oauth2              nobody has signed in yet" in run("account", "show", "anna").stdout
    assert "anna@outlook.com by OAuth2 (nobody has signed in yet) at" in run("account", "list").stdout
    tokens = state / "tokens"
    tokens.mkdir(mode=0o700)
    (tokens / "anna.json").write_text("{}")
    assert run("account", "remove", "ANNA").returncode == 0
    assert not (tokens / "anna.json").exists()


def test_list_and_show_tell_all_but_secrets(run: Run, state: Path) -> None:
    added(run)
    assert run("account", "list").stdout == (
        "Grandpa  grandpa@gmail.com at pop.gmail.com, imap.gmail.com, smtp.gmail.com\n"
    )
    shown = run("account", "show", "OPA").stdout
    for word, text in (("name", "Grandpa, opa"), ("password", "kept as a hash"), ("kept in", f"{state}/accounts/")):
        assert f"\n{word:<20}{text}" in f"\n{shown}"
    document = {
        "name": "Grandpa",
        "names": ["Grandpa", "opa"],
        "password": "hash",
        "servers": {
            "pop3": "pop3s://pop.gmail.com:995",
            "imap": "imaps://imap.gmail.com:993",
            "smtp": "smtps://smtp.gmail.com:465",
        },
        "login": "grandpa@gmail.com",
        "mailbox": None,
        "signs_in": "password",
        "client_id": None,
        "oauth2": None,
        "file": f"{state}/accounts/grandpa.json",
        "doubts": [],
    }
    assert json.loads(run("account", "show", "opa", "--json").stdout) == document
    assert json.loads(run("account", "list", "--json").stdout) == [document]


def test_list_and_show_know_the_accounts_of_a_file_too(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "popover.toml"
    path.write_text(
        '[[service]]\naccounts = true\ndialect = "pop3"\n[[account]]\nname = "anna"\nlogin = "a@example.com"\n'
        'server = "m"\npassword_file = "pw"\nsecret_file = "s"\n'
    )
    (tmp_path / "pw").write_text(LOCAL)
    (tmp_path / "pw").chmod(0o644)
    added(run)
    assert [line.split()[0] for line in run("account", "list", "-c", path).stdout.splitlines()] == ["anna", "Grandpa"]
    shown = json.loads(run("account", "show", "ANNA", "-c", path, "--json").stdout)
    assert (shown["password"], shown["file"]) == ("unknown", None)
    assert f"chmod 600 {tmp_path}/pw" in shown["doubts"][0]
    assert "does not exist" in shown["doubts"][1]


def test_passwd_changes_one_of_the_two(run: Run, state: Path) -> None:
    added(run)
    before = kept(state)
    assert run("account", "passwd", "opa", said="new\n").returncode == 0
    assert is_of_hash(b"new", kept(state)["password"].encode())
    assert run("account", "passwd", "grandpa", "--plain", said="new\n").returncode == 0
    assert run("account", "passwd", "grandpa", "--secret", said="new-app\n").returncode == 0
    assert kept(state) == before | {"password": "new", "secret": "new-app"}


def test_passwd_hash_prints_the_line_for_a_password_file(run: Run, state: Path) -> None:
    ended = run("account", "passwd", "--hash", said=f"{LOCAL}\n")
    assert is_of_hash(LOCAL.encode(), ended.stdout.strip().encode())
    assert not state.exists()


def test_remove_takes_the_file_away(run: Run, state: Path) -> None:
    added(run)
    assert run("account", "remove", "OPA").returncode == 0
    assert list((state / "accounts").iterdir()) == []
    ended = run("account", "remove", "opa")
    assert ended.returncode == 1
    assert ended.stderr == 'popover: there is no account "opa": popover account list shows all\n'
    assert run("account", "list", "--json").stdout == "[]\n"
    shown = f"there is no account yet in {state / 'accounts'}: popover account add makes one\n"
    assert run("account", "list").stdout == shown


def test_what_a_provider_wants_is_told_with_the_new_account(run: Run) -> None:
    words = ("account", "add", "aunt", "--provider", "outlook", "--login", "aunt@outlook.com")
    ended = run(*words, said=f"{LOCAL}\n{APP}\n")
    assert ended.returncode == 0
    assert "\nbefore the first login: this provider takes only OAuth2 logins" in ended.stdout


def test_a_local_password_that_is_the_providers_is_warned_of(run: Run) -> None:
    ended = run(*ADD, said="canary-same\ncanary-same\n")
    assert ended.returncode == 0
    assert "the local password is the provider's" in ended.stderr


@pytest.mark.parametrize(
    ("words", "said", "code", "told"),
    [
        (ADD, "", 2, "stdin has no line for it, and is no terminal"),
        (ADD, f"{LOCAL}\n", 2, "Password of grandpa@gmail.com at the provider: stdin has no line for it"),
        (ADD, f"\n{APP}\n", 2, "is empty"),
        (ADD, "$scrypt$canary\nx\n", 2, "is a hash; the password itself is wanted"),
        (ADD, "x" * 5000, 2, "has more than 4096 octets"),
        ((*ADD, "--server", "x"), "", 2, "name one SERVER or more, or a PROVIDER"),
        ((*ADD, "--device", "--plain"), "", 2, "--device: nobody logs in as it"),
        ((*ADD, "--tenant", "x"), "", 2, "go with --client-id"),
        ((*ADD, "--client-id", "x", "--secret-file", "x"), "", 2, "with OAuth2 (--client-id) there is no password"),
        ((*ADD, "--password-file", "/nowhere"), "", 1, "/nowhere cannot be read: No such file or directory"),
        (("account", "add", "a", "--login", "x", "--server", "me:canary@m"), "", 2, "--server: a server holds no user"),
        (("account", "add", "a", "--login", "x", "--server", "m", "--server", "n"), "", 2, "there is one for pop3"),
        (("account", "add", "a", "--login", "x", "--provider", "gmial"), "a\nb\n", 2, "did you mean gmail?"),
        (("account", "add", "a\nb", "--login", "x", "--provider", "gmail"), "a\nb\n", 2, "name: must be at most"),
        (("account", "add", "a", "--provider", "gmail"), "", 2, "--login"),
        (("account", "show", "nobody"), "", 1, 'there is no account "nobody"'),
        (("account", "passwd", "nobody"), "", 1, 'there is no account "nobody"'),
        (("account", "remove", ""), "", 2, "NAME: it is empty"),
        (("account", "passwd"), "", 2, "name the account"),
        (("account", "passwd", "x", "--hash"), "", 2, "--hash: only prints"),
        (("account", "passwd", "x", "--secret", "--plain"), "", 2, "--plain: what the provider takes"),
        (("account", "list", "-c", "/nowhere"), "", 2, "there is no such file"),
        (("account",), "", 2, "VERB"),
        (("account", "frobnicate"), "", 2, "invalid choice"),
    ],
)
def test_wrong_use_is_2_and_what_can_not_be_is_1(
    run: Run, state: Path, words: tuple[str, ...], said: str, code: int, told: str
) -> None:
    ended = run(*words, said=said)
    assert ended.returncode == code
    assert told in ended.stderr
    assert ended.stdout == ""
    assert not list(state.glob("accounts/*"))


def test_a_name_that_is_taken_is_1_and_changes_nothing(run: Run, state: Path) -> None:
    added(run)
    before = kept(state)
    ended = run("account", "add", "OPA", "--provider", "gmail", "--login", "x")  # no password is asked for first
    assert ended.returncode == 1
    assert 'the name "OPA" is taken, the account "Grandpa" has it' in ended.stderr
    assert kept(state) == before


def test_a_broken_file_is_told_by_list(run: Run, state: Path) -> None:
    added(run)
    (state / "accounts" / "anna.json").write_text("{canary")
    (state / "accounts" / "anna.json").chmod(0o600)
    ended = run("account", "list")
    assert ended.returncode == 1
    assert ended.stdout.startswith("Grandpa")
    assert "anna.json is no account's file any more" in ended.stderr
    assert run("account", "remove", "anna").returncode == 0
    assert run("account", "list").returncode == 0


# On a terminal


def test_a_terminal_is_asked_without_an_echo_and_twice_for_what_is_new(state: Path) -> None:
    terminal = Terminal(state, *ADD)
    terminal.reads(b'Local password of "Grandpa" (what the mail program will send): ')
    terminal.types(LOCAL.encode() + b"\n")
    terminal.reads(b"Once more: ")
    terminal.types(LOCAL.encode() + b"\n")
    terminal.reads(b"Password of grandpa@gmail.com at the provider: ")
    terminal.types(APP.encode() + b"\n")
    assert terminal.ends() == 0
    assert b"canary" not in terminal.seen
    assert is_of_hash(LOCAL.encode(), kept(state)["password"].encode())


def test_two_that_are_not_the_same_change_nothing(state: Path) -> None:
    terminal = Terminal(state, *ADD)
    terminal.reads(b"send): ")
    terminal.types(b"one\n")
    terminal.reads(b"Once more: ")
    terminal.types(b"two\n")
    assert terminal.ends() == 1
    assert b"the two are not the same; nothing was changed" in terminal.seen
    assert not state.exists()


@pytest.mark.parametrize(("key", "code"), [(b"\x03", 130), (b"\x04", 1)], ids=["Ctrl-C", "Ctrl-D"])
def test_who_does_not_want_to_after_all_changes_nothing(state: Path, key: bytes, code: int) -> None:
    terminal = Terminal(state, *ADD)
    terminal.reads(b"send): ")
    terminal.types(key)
    assert terminal.ends() == code
    assert b"Traceback" not in terminal.seen
    assert not state.exists()


# Whose the files are


@pytest.fixture
def theirs() -> Iterator[Path]:
    """A state directory below one that only its owner, and root, may pass: as DynamicUser= has it."""
    with short_directory("popover") as directory:
        private = directory / "private"
        state = private / "popover"
        state.mkdir(parents=True, mode=0o700)
        link = directory / "popover"
        link.symlink_to(state)
        if is_root():
            nobody = pwd.getpwnam("nobody")
            os.chown(state, nobody.pw_uid, nobody.pw_gid)
            private.chmod(0o700)
        yield link


def owners(path: Path) -> set[tuple[int, int, str]]:
    found = [one.stat() for one in (path, *path.rglob("*"))]
    return {(one.st_uid, one.st_gid, oct(stat.S_IMODE(one.st_mode))) for one in found}


def test_files_belong_to_the_owner_of_the_state_directory_whoever_adds_them(theirs: Path, tmp_path: Path) -> None:
    """As root they are another one's, with what only root could read in them; as anybody else they are one's own."""
    (tmp_path / "secret").write_text(APP)
    (tmp_path / "secret").chmod(0o600)
    env = os.environ | {"STATE_DIRECTORY": str(theirs)}
    words = (*ADD, "--secret-file", tmp_path / "secret")
    assert run_popover(*words, stdin=None, input=LOCAL, env=env).returncode == 0
    owner = theirs.stat()
    assert owners(theirs / "accounts") == {
        (owner.st_uid, owner.st_gid, "0o700"),
        (owner.st_uid, owner.st_gid, "0o600"),
    }
    assert (owner.st_uid != os.getuid()) == is_root()
    shown = run_popover("account", "show", "opa", "--json", env=env).stdout
    assert json.loads(shown)["file"] == f"{theirs}/accounts/grandpa.json"
    assert json.loads(shown)["password"] == "hash"
    assert run_popover("account", "passwd", "opa", stdin=None, input="x\n", env=env).returncode == 0
    assert run_popover("account", "passwd", "opa", "--password-file", tmp_path / "secret", env=env).returncode == 0
    assert run_popover("account", "remove", "opa", env=env).returncode == 0


def test_a_link_in_a_state_directory_of_somebody_elses_leads_root_nowhere(theirs: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (theirs / "accounts").symlink_to(elsewhere)
    env = os.environ | {"STATE_DIRECTORY": str(theirs)}
    ended = run_popover(*ADD, stdin=None, input=f"{LOCAL}\n{APP}\n", env=env)
    if is_root():
        assert ended.returncode == 1
        # He cannot look where it leads; from Python 3.14 on that is what pathlib calls no directory.
        assert any(words in ended.stderr for words in ("Permission denied", "File exists"))
        assert list(elsewhere.iterdir()) == []
    else:  # then it is one's own link
        assert ended.returncode == 0


def test_no_secret_is_an_argument() -> None:
    ended = run_popover("account", "add", "--help")
    assert "--password-file" in ended.stdout
    for option in ("--password ", "--secret ", "--client-secret "):
        assert option not in ended.stdout
