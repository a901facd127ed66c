"""What `popover setup` asks before it makes an own login."""

import argparse
from collections.abc import Iterator

import pytest

from popover.cli.own_login import choose
from popover.config import parse_server
from popover.errors import ConfigError
from popover.setup.address import parse_address
from popover.setup.found import Found, Offer, Provider
from popover.setup.person import Agreed, Person, Terminal

ALICE = parse_address("alice@example.com")
OAUTH2_ONLY = Found(
    Provider("Example", (Offer(parse_server("pop3s://pop.example.com"), ways=("oauth2",)),)), "table", "", "example.com"
)
NOTHING_SAID = {"account": None, "client_id": None, "login": None, "tenant": None, "issuer": None}


def refused(person: Person, capsys: pytest.CaptureFixture[str], **said: str) -> tuple[str, str]:
    """What was told, and what was the end of it."""
    with pytest.raises(ConfigError) as mistake:
        choose(argparse.Namespace(**NOTHING_SAID | said), person, OAUTH2_ONLY, ALICE)
    return capsys.readouterr().out, str(mistake.value)


def test_whoever_has_no_client_id_reads_once_what_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: Iterator[str] = iter(("alice", ""))
    monkeypatch.setattr("builtins.input", lambda _question: next(answers))
    told, end = refused(Terminal(), capsys)
    assert told.count("takes OAuth2 only") == told.count("a client id of your own") == 1
    assert end == "without one nothing can be set up"


def test_a_script_is_told_what_to_add(capsys: pytest.CaptureFixture[str]) -> None:
    told, end = refused(Agreed(), capsys, account="alice")
    assert told == ""
    assert "--client-id ID" in end
