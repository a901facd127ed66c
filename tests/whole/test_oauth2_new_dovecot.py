"""Dovecot 2.4 takes tokens, too, and says no in other words than 2.3."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from oauth2_house import House, opened
from parts.certificates import Authority
from parts.clients import IMAP_CLIENTS, POP3_CLIENTS, SMTP_CLIENTS
from parts.dovecot_config import Introspection
from parts.dovecot_new import NewDovecot
from parts.messages import PLAIN
from parts.places import short_directory
from parts.provider import Provider

Workdir = Callable[[], Path]

FETCHING = [("pop3", client) for client in POP3_CLIENTS] + [("imap", client) for client in IMAP_CLIENTS]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, _provider: Provider, authority: Authority) -> Iterator[House]:
    """With a Dovecot 2.4, of which Postfix asks who may send."""
    tokens = Introspection(_provider.introspection_url, _provider.ca_file)
    with (
        short_directory("dovecot") as directory,
        NewDovecot(directory, authority, tokens=tokens) as dovecot,
        opened(tmp_path_factory.mktemp("house"), _provider, dovecot, authority) as house,
    ):
        yield house


@pytest.mark.parametrize(("dialect", "client"), FETCHING)
def test_programs_with_a_password_fetch_from_dovecot_2_4_that_takes_tokens_only(
    house: House, workdir: Workdir, dialect: str, client: str
) -> None:
    user = house.users["device"]
    house.dovecot.wipe(user)
    house.dovecot.deliver(user, PLAIN)
    fetch = {"pop3": POP3_CLIENTS, "imap": IMAP_CLIENTS}[dialect][client]
    letters = fetch(house.account(dialect, "device"), workdir())
    assert PLAIN.replace(b"\r\n", b"\n") in [letter.replace(b"\r\n", b"\n") for letter in letters]


@pytest.mark.parametrize("client", SMTP_CLIENTS)
def test_programs_with_a_password_send_through_a_server_that_asks_dovecot_2_4(
    house: House, workdir: Workdir, client: str
) -> None:
    user = house.users["device"]
    house.dovecot.wipe(user)
    SMTP_CLIENTS[client](house.account("smtp", "device"), workdir(), house.postfix.mailbox(user), PLAIN)
    assert len(house.dovecot.wait_for_messages(user, 1)) == 1


@pytest.mark.parametrize("dialect", ["pop3", "imap"])
def test_a_token_that_dovecot_2_4_refuses_is_renewed_and_said_once_more(
    house: House, workdir: Workdir, dialect: str
) -> None:
    name = {"pop3": "short", "imap": "gone"}[dialect]
    house.by_device(name)
    house.change(name, access_token="canary-revoked")
    asked = len(house.provider.asked())
    fetch = {"pop3": POP3_CLIENTS["poplib"], "imap": IMAP_CLIENTS["imaplib"]}[dialect]
    house.dovecot.wipe(house.users[name])
    assert fetch(house.account(dialect, name), workdir()) == []
    assert len(house.provider.asked()) == asked + 1
    assert house.provider.refusals(asked) == []
