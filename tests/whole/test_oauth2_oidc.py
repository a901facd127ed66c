"""Another real provider, npm's oidc-provider, that popover finds by its issuer alone: where Node.js is installed."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import pytest

from fakes.wire import Wire
from oauth2_house import LOCAL, AnyHouse, opened
from parts.certificates import Authority
from parts.clients import IMAP_CLIENTS, POP3_CLIENTS, SMTP_CLIENTS
from parts.dovecot import Dovecot
from parts.dovecot_config import Introspection
from parts.messages import PLAIN
from parts.oidc import OidcProvider
from parts.places import short_directory

Workdir = Callable[[], Path]
House: TypeAlias = AnyHouse[OidcProvider]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[House]:
    """At its end all that was said is looked through for secrets."""
    with (
        OidcProvider(tmp_path_factory.mktemp("oidc"), authority) as provider,
        short_directory("dovecot") as directory,
        Dovecot(
            directory, authority, tokens=Introspection(provider.introspection_url, provider.ca_file, "sub")
        ) as dovecot,
        opened(tmp_path_factory.mktemp("house"), provider, dovecot, authority) as made,
    ):
        yield made


def login(house: House, name: str) -> bytes:
    """What PASS gets."""
    with Wire.to(house.account("pop3", name).address, "127.0.0.1") as client:
        client.line()
        client.ask(b"USER " + name.encode())
        return client.ask(b"PASS " + LOCAL.encode())


def test_old_programs_read_and_send_by_a_device_code(house: House, workdir: Workdir) -> None:
    user = house.users["device"]
    house.dovecot.wipe(user)
    SMTP_CLIENTS["msmtp"](house.account("smtp", "device"), workdir(), house.postfix.mailbox(user), PLAIN)
    assert len(house.dovecot.wait_for_messages(user, 1)) == 1
    assert len(POP3_CLIENTS["fetchmail"](house.account("pop3", "device"), workdir())) == 1
    assert len(IMAP_CLIENTS["mbsync"](house.account("imap", "device"), workdir())) == 1


@pytest.mark.parametrize("flow", ["browser", "paste"])
def test_each_way_to_sign_in_ends_in_a_login(house: House, flow: str) -> None:
    said = house.by_browser(flow) if flow == "browser" else house.by_paste(flow)
    assert f'"{flow}" is signed in at localhost' in said
    assert login(house, flow).startswith(b"+OK")


def test_each_refresh_token_is_used_once_however_many_want_a_token(house: House) -> None:
    house.by_device("short")
    before, asked = house.kept("short"), len(house.provider.asked())
    house.change("short", expires=0)
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda _: login(house, "short"), range(8)))
    assert all(one.startswith(b"+OK") for one in said)
    assert [one["status"] for one in house.provider.asked()[asked:]] == [200]
    assert house.kept("short")["refresh_token"] != before["refresh_token"]


def test_a_refresh_token_that_was_used_twice_ends_the_sign_in_and_a_person_begins_a_new_one(house: House) -> None:
    house.by_device("gone")
    spent, asked = house.kept("gone"), len(house.provider.asked())
    house.change("gone", expires=0)
    assert login(house, "gone").startswith(b"+OK")
    latest = house.kept("gone")
    for again in (spent, latest):  # the second use of the one ends the other, too
        house.change("gone", **again | {"expires": 0})
        said = login(house, "gone")
        assert said.startswith(b"-ERR [SYS/PERM]")
        assert b"popover account login gone" in said
    assert house.provider.refusals(asked) == ["invalid_grant"] * 2
    house.by_device("gone")
    assert login(house, "gone").startswith(b"+OK")


def test_who_signs_out_leaves_nothing_that_is_good_any_more(house: House) -> None:
    house.by_device("nobody")
    kept = house.tokens("nobody").read_bytes()
    assert "is signed out" in house.command("logout", "nobody").stdout
    house.tokens("nobody").touch(mode=0o600)
    house.tokens("nobody").write_bytes(kept)
    said = login(house, "nobody")
    assert said.startswith(b"-ERR [SYS/PERM]"), said


def test_a_program_signs_in_by_its_certificate(house: House, authority: Authority) -> None:
    """As at Microsoft: a key signs who it is (RFC 7523), and another's does not do."""
    ended = house.command("login", "itself")
    assert '"itself" is signed in at localhost' in ended.stdout, ended.stderr
    key = house.provider.key_file.read_bytes()
    house.provider.key_file.write_bytes(authority.issue("other.example", rsa_bits=2048).key_file.read_bytes())
    ended = house.command("login", "itself")
    house.provider.key_file.write_bytes(key)
    assert ended.returncode == 1
    assert "its operator must mend that" in ended.stderr
