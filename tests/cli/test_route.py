"""`popover route`: where a login would lead, for a person."""

from pathlib import Path

import pytest

from fakes.mail import GREETINGS, answer_pop3
from fakes.server import FakeServer
from fakes.tls import server_context
from fakes.wire import Talker
from parts.certificates import Authority
from parts.net import free_port
from parts.popover import run_popover

FILE = """
[[service]]
name = "pop3"
dialect = "pop3"
table = "users"
ca_file = "{ca_file}"
[[service]]
name = "imap"
server = "imaps://rest.example"
table = "users"
listen = "2"
[[table]]
name = "users"
kind = "chain"
tables = ["moved", "club"]
[[table]]
name = "moved"
kind = "static"
routes = {{ alice = {{ server = ["pop3s://localhost:{dead}", "pop3s://localhost:{port}"], user = "a@new" }} }}
[[table]]
name = "club"
kind = "popmap"
file = "popmap"
lower_case = true
keys = ["user", "domain"]
"""


@pytest.fixture
def file(tmp_path: Path, authority: Authority) -> Path:
    (tmp_path / "popmap").write_text("club.example:mail.club.example\n")
    path = tmp_path / "popover.toml"
    path.write_text(FILE.format(ca_file=authority.ca_file, dead=free_port(), port=free_port()))
    return path


def said(*words: str | Path, code: int = 0) -> list[str]:
    ended = run_popover("route", *words)
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended.stdout.splitlines()


def test_it_says_which_table_answers_and_where_it_leads(file: Path) -> None:
    assert said("Bob@Club.example", "-c", file) == [
        'service "pop3" (pop3):',
        "  table \"moved\": 'Bob@Club.example': not found in routes",
        f"  table \"club\": 'bob@club.example': not found in {file.parent}/popmap",
        f"  table \"club\": 'club.example': found ({file.parent}/popmap: line 1): mail.club.example",
        "  -> leads to pop3s://mail.club.example:995, as 'bob@club.example'",
        'service "imap" (imap):',
        "  table \"moved\": 'Bob@Club.example': not found in routes",
        f"  table \"club\": 'bob@club.example': not found in {file.parent}/popmap",
        f"  table \"club\": 'club.example': found ({file.parent}/popmap: line 1): mail.club.example",
        "  -> leads to imaps://mail.club.example:993, as 'bob@club.example'",
    ]


def test_one_service_only_and_its_default_server(file: Path) -> None:
    lines = said("nobody", "-c", file, "--service", "imap")
    assert lines[0] == 'service "imap" (imap):'
    assert lines[-2:] == [
        '  service "imap": server: imaps://rest.example:993, for all that are in no table',
        "  -> leads to imaps://rest.example:993, as 'nobody'",
    ]


def test_who_is_not_found_is_told_and_the_code_says_so(file: Path) -> None:
    lines = said("nobody", "-c", file, "--service", "pop3", code=1)
    assert lines[-1] == "  -> not found: the client is told what a wrong password is told"


def test_each_server_is_dialled_if_that_is_wanted(file: Path, authority: Authority) -> None:
    heard: list[bytes] = []

    def script(wire: Talker) -> None:
        wire.send(GREETINGS["pop3"])
        heard.append(wire.line())
        answer_pop3(wire)

    with FakeServer(script, server_context(authority.issue("localhost"))) as server:
        text = file.read_text()
        second = text.split("localhost:")[2].split('"')[0]
        file.write_text(text.replace(second, str(server.port)))
        lines = said("alice", "-c", file, "--service", "pop3", "--dial")
    assert lines[-3].endswith(", as 'a@new'")
    assert "FAIL" in lines[-2]
    assert lines[-1].endswith("TLSv1.3, it says: +OK a fake server greets you")
    assert heard == [b""]  # nobody has logged in


@pytest.mark.parametrize(
    ("words", "mistake"),
    [
        (("--service", "smtp"), '--service: "smtp" has no table; there are "pop3", "imap"'),
        (("--service", ""), "it is empty"),
    ],
)
def test_wrong_use(file: Path, words: tuple[str, ...], mistake: str) -> None:
    ended = run_popover("route", "alice", "-c", file, *words)
    assert ended.returncode == 2
    assert mistake in ended.stderr


COMMANDS = (("route", "alice"), ("run", "--check"), ("run",), ("check",))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_mistake_in_a_table_s_file_is_told_with_the_names_of_both_files(file: Path, words: tuple[str, ...]) -> None:
    """Of the one that names the other, and of the one that is wrong; there may be several of both."""
    (file.parent / "popmap").write_text("alice:\n")
    (file.parent / "users").write_text("alice:canary\n")
    text = file.read_text().replace("[[service]]", '[[service]]\nauthenticate = "htpasswd:users"', 1)
    more = '[[table]]\nname = "staff"\nkind = "http"\nurl = "https://x"\nca_file = "none.pem"\n'
    file.write_text(text + more)
    no_hash = 'user "alice": is no hash of htpasswd -B, -2, -5, -m or -s (plain text and crypt(3) are not taken)'
    ended = run_popover(*words, "-c", file)
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        f'{file}: table "club": {file.parent}/popmap: line 1: "" names no server: write [user@]host[:port]',
        f'{file}: table "staff": ca_file: {file.parent}/none.pem cannot be used: No such file or directory',
        f'{file}: service "pop3": authenticate: {file.parent}/users: line 1: {no_hash}',
    ]


@pytest.mark.parametrize("dialect", GREETINGS)
def test_a_server_of_any_dialect_is_dialled_and_told_no_login(
    tmp_path: Path, authority: Authority, dialect: str
) -> None:
    heard: list[bytes] = []

    def script(wire: Talker) -> None:
        wire.send(GREETINGS[dialect])
        heard.append(wire.line())

    with FakeServer(script, server_context(authority.issue("localhost"))) as server:
        file = tmp_path / "popover.toml"
        file.write_text(
            f'[[service]]\ndialect = "{dialect}"\ntable = "users"\nca_file = "{authority.ca_file}"\n'
            f'[[table]]\nname = "users"\nkind = "static"\nscheme = "{dialect}s"\n'
            f'routes = {{ alice = "localhost:{server.port}" }}\n'
        )
        lines = said("alice", "-c", file, "--dial")
    assert f"{dialect}s://localhost:{server.port}: ok, 127.0.0.1:{server.port}, TLSv1.3, it says: " in lines[-1]
    assert "a fake server greets you" in lines[-1]
    assert heard == [b""]


@pytest.mark.parametrize("option", ["--client", "--listen"])
def test_what_is_no_address_is_told(file: Path, option: str) -> None:
    ended = run_popover("route", "alice", "-c", file, option, "nonsense")
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", f'{option}: "nonsense" is no IP address\n')
