"""What a command prints, where it cannot be printed: one line says so, and never a traceback."""

import re
import subprocess

import pytest

from parts.popover import COMMAND, run_popover
from popover import __version__

COMMANDS = [
    *("--help", "--version", "help", "version", "help run"),
    *("run --check 0=localhost", "inetd --help", "check localhost:1", "check --json localhost:1", "demo --once"),
    *("explain 535", "explain --json 535", "setup a@example.com --json --server pop3s://localhost:1"),
    *("account --help", "route --help", "queue --help"),
]


def ended(words: str, redirection: str) -> subprocess.CompletedProcess[str]:
    script = f'exec "$@" {words} {redirection}'
    return subprocess.run(["sh", "-c", script, "sh", *COMMAND], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("words", COMMANDS)
@pytest.mark.parametrize(("redirection", "why"), [(">/dev/full", "No space left"), (">&-", "Bad file descriptor")])
def test_output_that_can_not_be_written_is_told_in_one_line(words: str, redirection: str, why: str) -> None:
    end = ended(words, redirection)
    assert end.returncode == 1
    [line] = end.stderr.splitlines()
    assert line.startswith(f"popover: the output cannot be written: {why}")


@pytest.mark.parametrize("words", COMMANDS)
def test_whoever_reads_the_output_may_go_and_nothing_is_said(words: str) -> None:
    with subprocess.Popen([*COMMAND, *words.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_no_command_is_left_out() -> None:
    offered = re.search(r"(?m)^positional arguments:\n  COMMAND\n((?:    .*\n)+)", run_popover("--help").stdout)
    assert offered
    names = set(re.findall(r"(?m)^    (\w+)", offered[1]))
    assert "run" in names
    assert names <= {words.split()[0] for words in COMMANDS}


def test_wrong_use_is_told_whatever_became_of_the_output() -> None:
    end = ended("check --frobnicate", ">/dev/full")
    assert end.returncode == 2
    assert "name one SERVER or more" in end.stderr or "--frobnicate" in end.stderr


def test_help_and_version_are_words_too() -> None:
    assert run_popover("version").stdout == f"popover {__version__}\n"
    assert run_popover("help").stdout == run_popover("--help").stdout
    assert run_popover("help", "check").stdout == run_popover("check", "--help").stdout
    assert run_popover("help", "frobnicate").returncode == 2


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        ("explain", 1, "does not know what that means"),
        ("check mail.example.com --login anna", 2, "there is no terminal to ask for the password"),
        ("setup alice@example.com", 2, "there is no terminal to ask at"),
    ],
)
def test_stdin_that_was_closed_is_nobody_to_ask(words: str, code: int, why: str) -> None:
    end = ended(words, "<&-")
    assert end.returncode == code, end.stderr
    assert why in end.stdout + end.stderr
    assert "Traceback" not in end.stderr


def test_who_says_nothing_is_shown_what_there_is_and_where_to_begin() -> None:
    end = run_popover()
    assert (end.returncode, end.stdout, end.stderr) == (2, "", run_popover("--help").stdout)
    assert "Begin with `popover demo`" in end.stderr
    end = run_popover("account")
    assert (end.returncode, end.stdout, end.stderr) == (2, "", run_popover("account", "--help").stdout)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("--frobnicate", "unrecognized arguments: --frobnicate"),
        ("account --frobnicate", "unrecognized arguments: --frobnicate"),
        ("check pop.example.com --ca x.pem", "unrecognized arguments: --ca x.pem; did you mean --ca-file?\n"),
        ("run a.example --max-session=3", "unrecognized arguments: --max-session=3; did you mean --max-sessions?\n"),
        ("run pop.example.com --Trace", "unrecognized arguments: --Trace; did you mean --trace?\n"),
        ("--verison", "unrecognized arguments: --verison; did you mean --version?\n"),
        ("run pop.example.com --frobnicate", "unrecognized arguments: --frobnicate\n"),
        ("queue", "the following arguments are required: {list,retry,drop}\n"),
    ],
)
def test_what_is_wrong_is_told_by_the_words_that_can_be_typed(words: str, why: str) -> None:
    end = run_popover(*words.split())
    assert end.returncode == 2
    assert why in end.stderr


def test_servers_may_stand_between_options() -> None:
    words = ("run", "1110=a.example", "--tls", "offer", "1143=imaps://b.example", "--check", "1587=smtps://c.example")
    end = run_popover(*words)
    assert (end.returncode, end.stdout, end.stderr) == (0, "command line: well-formed, services: 3\n", "")


def test_who_forgets_a_scheme_is_told_so_where_the_ports_meet() -> None:
    end = run_popover("run", "--check", "pop.example.com", "imap.example.com")
    assert end.returncode == 2
    assert "127.0.0.1:1110 is taken" in end.stderr
    assert end.stderr.endswith("write imaps://imap.example.com for IMAP, or the name of the provider's POP3 server\n")
