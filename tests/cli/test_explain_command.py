"""`popover explain`: from arguments, from stdin, for people and for programs."""

import json
import subprocess
import sys

from parts.popover import run_popover
from popover.check.providers import advice, hint
from popover.refusals import explain

BASIC = "535 5.7.139 Authentication unsuccessful, basic authentication is disabled."


def test_a_refusal_is_explained() -> None:
    ended = run_popover("explain", BASIC)
    assert ended.returncode == 0
    assert "only OAuth2" in ended.stdout
    assert "What to do: give the account oauth2" in ended.stdout
    assert "https://learn.microsoft.com/" in ended.stdout


def test_it_may_come_without_quotes() -> None:
    """What begins with - is no option."""
    ended = run_popover("explain", "-ERR", "[IN-USE]", "Mailbox", "is", "locked")
    assert ended.returncode == 0
    assert "open elsewhere" in ended.stdout
    assert run_popover("explain", *BASIC.split()).stdout == run_popover("explain", BASIC).stdout


def test_it_is_read_from_stdin() -> None:
    command = [sys.executable, "-m", "popover", "explain", "--json"]
    ended = subprocess.run(command, input=BASIC.encode() + b"\xff\n", capture_output=True, check=True)
    document = json.loads(ended.stdout)
    assert document["known"]
    assert document["provider"] == "Microsoft"
    assert set(document) == {"popover", "known", "cause", "remedy", "source", "provider", "sign"}


def test_what_nobody_knows_is_said() -> None:
    ended = run_popover("explain", "nothing of the kind")
    assert ended.returncode == 1
    assert "does not know" in ended.stdout
    assert json.loads(run_popover("explain", "nothing", "--json").stdout)["known"] is False


def test_a_variable_that_was_not_set_is_named() -> None:
    ended = run_popover("explain", "")
    assert ended.returncode == 2
    assert "REFUSAL: it is empty" in ended.stderr


def test_check_and_explain_say_the_same() -> None:
    found = explain(BASIC)
    assert found is not None
    assert advice("smtp.office365.com", BASIC) == (found.cause, found.remedy)
    assert advice("mail.gmx.net", "-ERR authentication failed") == ("", hint("mail.gmx.net"))
    assert advice("mail.example.com", "gibberish") == ("", hint("mail.example.com"))
