"""MAIL FROM and RCPT TO as devices say them."""

import pytest

from popover.config import DeviceRules
from popover.protocols.smtp.device.address import Path, parse_path


@pytest.mark.parametrize(
    ("said", "address"),
    [
        (b"FROM:<a@x.example>", b"a@x.example"),
        (b"from: a@x.example", b"a@x.example"),
        (b"From : <a@x.example>", b"a@x.example"),
        (b"TO:<User Name <user@x>>", b"user@x"),
        (b"TO:User Name <user@x>", b"user@x"),
        (b"TO:< user@x >", b"user@x"),
        (b"FROM:<>", b""),
        (b"FROM:<@>", b""),
        (b"TO:<@a.example,@b.example:user@x>", b"user@x"),
        (b"TO:postmaster", b"postmaster"),
        (b"TO:<postmaster>", b"postmaster"),
        (b'TO:<"john doe"@x>', b'"john doe"@x'),
        (b"TO:<user@[192.168.1.2]>", b"user@[192.168.1.2]"),
        (b"TO:<m\xc3\xbcller@x>", b"m\xc3\xbcller@x"),
    ],
)
def test_an_address_is_found(said: bytes, address: bytes) -> None:
    assert parse_path(said) == Path(address)


@pytest.mark.parametrize(
    "said",
    [
        b"", b"FROM", b"FROM:", b"TO:  ", b"a@x.example", b"TO:<a@x", b"TO:<a b@x>", b"TO:<a@x@y>", b"TO:<a@x\x00>",
        b'TO:<"a>b"@x>', b"TO:<a\x0bb@x>", b'TO:<"a"@x"@y>',
    ],
)  # fmt: skip
def test_what_holds_no_address_is_none(said: bytes) -> None:
    assert parse_path(said) is None


def test_parameters_are_kept_where_the_server_knows_them_and_they_are_right() -> None:
    path = parse_path(b"FROM:<a@x> SIZE=100 body=8bitmime AUTH=<a@x> RET=HDRS X=1 SMTPUTF8")
    assert path is not None
    assert path.fitting({b"SIZE", b"8BITMIME"}) == (b"SIZE=100", b"body=8bitmime")
    assert path.fitting({b"SIZE", b"8BITMIME", b"DSN", b"SMTPUTF8"})[2:] == (b"RET=HDRS", b"SMTPUTF8")
    assert path.fitting(()) == ()
    assert path.size == 100
    odd = parse_path(b"FROM:<a@x> SIZE=many BODY=BINARYMIME")
    assert odd is not None
    assert odd.fitting({b"SIZE", b"8BITMIME"}) == ()
    assert odd.size == 0


def test_who_may_get_mail_is_told_by_address_and_by_domain() -> None:
    rules = DeviceRules(recipients=("*@example.com", "bob@example.net"))
    assert rules.may_get("Anybody@Example.COM")
    assert rules.may_get("bob@example.net")
    assert rules.may_get('"john doe"@example.com')
    for other in (
        "alice@example.net",
        "a@sub.example.com",
        "a@notexample.com",
        "bob",
        "",
        "a@example.com@evil.example",
    ):
        assert not rules.may_get(other)
    assert DeviceRules().may_get("anybody@anywhere.example")


@pytest.mark.parametrize("local", ["eve%elsewhere.example", "elsewhere.example!eve", '"eve@elsewhere.example"'])
def test_an_address_that_may_lead_on_to_somewhere_else_is_none_of_a_domains(local: str) -> None:
    address = f"{local}@example.com"
    assert not DeviceRules(recipients=("*@example.com",)).may_get(address)
    assert DeviceRules(recipients=("*@example.com", address)).may_get(address)
