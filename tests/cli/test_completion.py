"""The shells' completions are up to date, and bash's works."""

import subprocess

import pytest

import completing
from parts.popover import run_popover


@pytest.mark.parametrize("shell", completing.FILES)
def test_completions_are_those_of_the_command_line(shell: str) -> None:
    committed = (completing.DIRECTORY / completing.FILES[shell]).read_text()
    assert committed == completing.completion(shell), "run .venv/bin/python scripts/complete"


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["popover", ""], {"run", "inetd", "check", "route", "demo", "account", "queue", "explain", "setup"}),
        (["popover", "account", ""], {"add", "list", "show", "passwd", "login", "logout", "remove"}),
        (["popover", "account", "passwd", "--ha"], {"--hash"}),
        (["popover", "ch"], {"check"}),
        (["popover", "check", "--lo"], {"--login"}),
        (["popover", "run", "--log-format", ""], {"text", "json"}),
        (["popover", "demo", "--"], {"--help", "--listen", "--once"}),
    ],
)
def test_bash_offers_what_there_is(words: list[str], offered: set[str]) -> None:
    script = """
        source "$1"; shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _shtab_popover
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    file = completing.DIRECTORY / completing.FILES["bash"]
    ended = subprocess.run(
        ["bash", "--norc", "-c", script, "bash", str(file), *words], capture_output=True, text=True, check=False
    )
    assert set(ended.stdout.split()) == offered


VERBS = ["add", "list", "show", "passwd", "login", "logout", "remove"]


@pytest.mark.parametrize(
    "words",
    [
        *([one] for one in ("run", "inetd", "check", "route", "demo", "account", "explain", "setup")),
        *(["account", verb] for verb in VERBS),
    ],
    ids=" ".join,
)
def test_every_help_has_examples(words: list[str]) -> None:
    ended = run_popover(*words, "--help")
    assert ended.returncode == 0
    assert "\nexamples:\n" in ended.stdout
