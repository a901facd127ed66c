"""Addresses, the shipped table, DNS records, plans: what `setup` knows without asking anybody."""

import json
import tomllib
from importlib import resources
from pathlib import Path

import pytest

from popover.config import Address, Server, Trust
from popover.errors import ConfigError
from popover.setup import table
from popover.setup.address import parse_address
from popover.setup.found import Found, Offer, Provider, asked_for, is_within
from popover.setup.plan import make_plan
from popover.setup.records import Srv, domain_of, mail_hosts, provider_of

LOCAL = "127.0.0.1"


def test_an_address_is_taken_apart() -> None:
    address = parse_address(" Alice.B+x@B\u00fccher.Example ")
    assert (address.local, address.domain) == ("Alice.B+x", "xn--bcher-kva.example")
    assert address.login("%EMAILLOCALPART%@%EMAILDOMAIN%") == "Alice.B+x@xn--bcher-kva.example"
    assert address.login("%EMAILADDRESS%") == str(address)
    assert "Alice" not in repr(address)


@pytest.mark.parametrize(
    "text",
    ["", "@", "alice", "alice@", "@example.com", "a b@example.com", "alice@localhost", "alice@192.0.2.1",
     "a\n@example.com", "alice@exa mple.com", "alice@[::1]", "pop3s://alice@example.com/x"],
)  # fmt: skip
def test_what_is_no_address_is_told(text: str) -> None:
    with pytest.raises(ConfigError, match="is no address"):
        parse_address(text)


@pytest.mark.parametrize(
    ("domain", "servers"),
    [
        ("gmail.com", {"pop3s://pop.gmail.com:995", "imaps://imap.gmail.com:993", "smtps://smtp.gmail.com:465"}),
        ("outlook.com", {"pop3s://outlook.office365.com:995", "imaps://outlook.office365.com:993",
                         "smtp+starttls://smtp-mail.outlook.com:587"}),
        ("me.com", {"imaps://imap.mail.me.com:993", "smtp+starttls://smtp.mail.me.com:587"}),
        ("gmx.net", {"pop3s://pop.gmx.net:995", "imaps://imap.gmx.net:993", "smtps://mail.gmx.net:465"}),
    ],
)  # fmt: skip
def test_the_table_knows_the_large_providers(domain: str, servers: set[str]) -> None:
    provider = table.of_domain(domain)
    assert provider is not None
    assert {str(offer.server) for offer in provider.best()} == servers


def test_the_table_says_whose_it_is_and_has_its_licence_beside_it() -> None:
    room = resources.files("popover.setup")
    about = json.loads(room.joinpath("ispdb.json").read_text())
    assert "Mozilla Public License, v. 2.0" in about["licence"]
    assert "github.com/thunderbird/autoconfig" in about["source"]
    assert room.joinpath("ispdb.LICENSE").read_text().startswith("Mozilla Public License Version 2.0")


def test_the_table_is_whole_and_names_what_has_tls_only() -> None:
    about = json.loads(resources.files("popover.setup").joinpath("ispdb.json").read_text())
    assert len(about["providers"]) > 100
    for row in about["providers"]:
        provider = table.of_domain(row["domains"][0])
        assert provider is not None
        assert provider.offers
        assert {offer.server.security for offer in provider.offers} <= {"tls", "starttls"}
        assert all(offer.ways for offer in provider.offers)


def test_the_page_has_the_tables_figures() -> None:
    rows = json.loads(resources.files("popover.setup").joinpath("ispdb.json").read_text())["providers"]
    page = (Path(__file__).parents[2] / "docs" / "setup.md").read_text()
    assert f"{len(rows)} providers with {sum(len(row['domains']) for row in rows)} domains" in page


def test_writing_the_table_gives_the_table() -> None:
    text = resources.files("popover.setup").joinpath("ispdb.json").read_text()
    about = json.loads(text)
    rows = about.pop("providers")
    read = []
    for row in rows:
        provider = table.of_domain(row["domains"][0])
        assert provider is not None
        read.append((provider, tuple(row["domains"])))
    shared = {domain for row in rows for domain in row["domains"] if sum(domain in one["domains"] for one in rows) > 1}
    assert not shared
    assert table.write(read, about) == text


@pytest.mark.parametrize(
    ("mx", "name"),
    [
        ("aspmx.l.google.com", "Google Mail"),
        ("example-com.mail.protection.outlook.com", "Microsoft 365"),
        ("in1-smtp.messagingengine.com", "Fastmail"),
        ("mx.example.net", None),
        ("evilgoogle.com", None),
        ("com", None),
    ],
)
def test_an_mx_is_known_by_the_end_of_its_name(mx: str, name: str | None) -> None:
    found = table.of_host(mx)
    assert (found and found.name) == name


def test_srv_records_make_a_provider() -> None:
    records = {
        "_pop3s": [
            Srv(20, 0, 995, "second.example.com."),
            Srv(10, 5, 995, "few.example.com."),
            Srv(10, 9, 1995, "POP.example.com."),
        ],
        "_imaps": [Srv(0, 0, 0, ".")],  # RFC 6186 section 3.4: there is none
        "_submission": [Srv(0, 1, 587, "smtp.example.com.")],
        "_imap": [Srv(0, 1, 143, "192.0.2.1.")],
    }  # fmt: skip
    provider = provider_of("example.com", records)
    assert provider is not None
    assert [str(offer.server) for offer in provider.best()] == [
        "pop3s://pop.example.com:1995",
        "smtp+starttls://smtp.example.com:587",
    ]
    assert provider_of("example.com", {}) is None
    assert provider_of("example.com", {"_imaps": [Srv(0, 0, 993, ".")]}) is None


def test_mx_records_are_taken_in_their_order() -> None:
    assert mail_hosts([(20, "b.example.net."), (10, "A.example.net."), (0, ".")]) == ("a.example.net", "b.example.net")


@pytest.mark.parametrize(
    ("mx", "domain"),
    [
        ("mx.example.net", "example.net"),
        ("mx1.mail.example.net", "mail.example.net"),
        ("mx.example.co.uk", "example.co.uk"),
        ("example.co.uk", None),
        ("example.com", None),
        ("mail.de", None),
    ],
)
def test_an_mx_belongs_to_its_parent_but_never_to_a_registry(mx: str, domain: str | None) -> None:
    assert domain_of(mx) == domain


def test_hosts_are_within_a_domain_by_whole_labels() -> None:
    assert is_within("pop.example.com", "example.com")
    assert is_within("example.com", "example.com")
    assert not is_within("evilexample.com", "example.com")
    assert not is_within("example.com.evil.test", "example.com")


def test_only_what_dns_alone_vouches_for_is_doubtful() -> None:
    servers = (Server("pop3", "pop.example.com", 995), Server("smtp", "smtp.elsewhere.test", 465))
    provider = Provider("x", tuple(map(Offer, servers)))
    assert Found(provider, "srv", "", "example.com").doubtful == ("smtp.elsewhere.test",)
    assert Found(provider, "mx", "", "other.test").doubtful == ("pop.example.com", "smtp.elsewhere.test")
    assert Found(provider, "table", "", "example.com").doubtful == ()
    assert Found(provider, "autoconfig", "", "example.com").doubtful == ()


def test_a_plan_goes_round_ports_that_are_taken() -> None:
    found = asked_for((Server("pop3", "pop.example.com", 995), Server("smtp", "smtp.example.com", 465)), "example.com")
    taken = [Address(LOCAL, 1110), Address("192.168.1.2", 1111)]
    plan = make_plan(found, LOCAL, taken, Trust(), lambda place: place.port != 1587)
    assert [str(row.listen) for row in plan.rows] == ["127.0.0.1:1112", "127.0.0.1:1588"]
    assert make_plan(found, LOCAL, (), Trust(), lambda _place: False).rows


def test_a_plan_is_written_as_it_will_be_read(tmp_path: Path) -> None:
    odd = tmp_path / 'of "mine" \\ \u00e4.pem'
    found = asked_for((Server("pop3", "pop.example.com", 995), Server("smtp", "smtp.example.com", 465)), "example.com")
    plan = make_plan(found, LOCAL, (), Trust(odd), lambda _place: True)
    file = tmp_path / "popover.toml"
    file.write_text(plan.text())
    services = tomllib.loads(file.read_text())["service"]
    assert [(one["server"], one["listen"]) for one in services] == [
        ("pop3s://pop.example.com:995", "127.0.0.1:1110"),
        ("smtps://smtp.example.com:465", "127.0.0.1:1587"),
    ]
    assert {one["ca_file"] for one in services} == {str(odd)}
