"""The XML of strangers: what it says is understood, and what it would do is not done."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from popover.setup.autoconfig import READ_LIMIT, NotUnderstood, read

SERVER = """
    <{tag} type="{kind}">
      <hostname>{host}</hostname>
      <port>{port}</port>
      <socketType>{security}</socketType>
      <username>%EMAILADDRESS%</username>
      <authentication>password-cleartext</authentication>
    </{tag}>"""


def server(kind: str = "pop3", host: str = "pop.example.com", port: str = "995", security: str = "SSL") -> str:
    tag = "outgoingServer" if kind == "smtp" else "incomingServer"
    return SERVER.format(tag=tag, kind=kind, host=host, port=port, security=security)


def document(*servers: str, before: str = "", after: str = "") -> bytes:
    head = f"<domain>example.com</domain><displayName>  Example\n Mail </displayName>{''.join(servers)}"
    return f"{before}<clientConfig><emailProvider>{head}</emailProvider>{after}</clientConfig>".encode()


def urls(octets: bytes) -> list[str]:
    return [str(offer.server) for offer in read(octets)[0].offers]


def test_servers_with_tls_are_taken() -> None:
    both = document(
        server(), server("smtp", "SMTP.Example.com.", "587", "STARTTLS"), server("imap", "imap.example.com", "993")
    )
    assert urls(both) == [
        "pop3s://pop.example.com:995",
        "smtp+starttls://smtp.example.com:587",
        "imaps://imap.example.com:993",
    ]
    provider, domains = read(both)
    assert provider.name == "Example Mail"
    assert domains == ("example.com",)


def test_hosts_may_be_called_by_the_domain() -> None:
    named = document(server(host="mail.%EMAILDOMAIN%")).replace(b"Example", b"%EMAILDOMAIN%")
    provider, _ = read(named, "example.net")
    assert [offer.server.host for offer in provider.offers] == ["mail.example.net"]
    assert provider.name == "example.net Mail"
    with pytest.raises(NotUnderstood):
        read(named)


@pytest.mark.parametrize(
    "bad",
    [
        server(security="plain"),
        server(security=""),
        server(port="0"),
        server(port="65536"),
        server(port="99999999999999999999"),
        server(port="-1"),
        server(port="\u0661"),
        server(host="192.0.2.1"),
        server(host="::1"),
        server(host="a b"),
        server(host="evil/../x"),
        server(host=""),
        server(host="localhost"),
        server(kind="exchange"),
        server(kind="smtp").replace("outgoingServer", "incomingServer"),
        server().replace("password-cleartext", "GSSAPI"),
    ],
)
def test_what_is_no_server_for_us_is_left_out(bad: str) -> None:
    good = server("imap", "imap.example.com", "993")
    assert urls(document(bad, good)) == ["imaps://imap.example.com:993"]
    with pytest.raises(NotUnderstood, match="no server with TLS"):
        read(document(bad))


def test_tls_from_the_first_octet_on_is_taken_before_starttls() -> None:
    provider, _ = read(document(server(port="110", security="STARTTLS"), server()))
    assert [str(offer.server) for offer in provider.best()] == ["pop3s://pop.example.com:995"]


def test_ways_to_sign_in_are_told() -> None:
    both = server().replace("<authentication>", "<authentication>OAuth2</authentication><authentication>")
    [offer] = read(document(both))[0].offers
    assert offer.ways == ("oauth2", "password")


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
BOMBS = {
    "a billion laughs": f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]>',
    "a file of this machine": '<!DOCTYPE x [<!ENTITY l9 SYSTEM "file:///etc/passwd">]>',
    "a place on the net": '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
    "a parameter": '<!DOCTYPE x [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]>',
    "large": f'<!DOCTYPE x [<!ENTITY l9 "{"x" * 50_000}">]>',
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_an_xml_bomb_does_nothing(bomb: str, encoding: str) -> None:
    text = document(server().replace("pop.", "&l9;pop."), before=bomb).decode()
    with pytest.raises(NotUnderstood, match=r"document type|larger than|no XML"):
        read(text.encode(encoding))


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"<html><body>404</body></html>",
        b"<!doctype html><html></html>",
        b"\xff\xfe\x00",
        b"<clientConfig>",
        b"<clientConfig/>",
        b'<?xml version="1.0" encoding="nonsense"?><clientConfig/>',
        b"<a>" * 10_000,
        b"<clientConfig>" + b"<a>" * 1000 + b"</a>" * 1000 + b"</clientConfig>",
        b"x" * (READ_LIMIT + 1),
        b'{"json": true}',
    ],
)
def test_what_is_no_such_document_is_told(octets: bytes) -> None:
    with pytest.raises(NotUnderstood):
        read(octets)


def test_names_can_not_paint_the_screen_and_have_an_end() -> None:
    name = document(server()).replace(b"Example\n Mail", "\u202e".encode() + b"evil" + b"x" * 10_000)
    told = read(name)[0].name
    assert told.isprintable()
    assert len(told) < 300


@given(st.binary(max_size=300))
def test_any_octets_are_taken(octets: bytes) -> None:
    for text in (octets, document(server())[: len(octets)] + octets, document(octets.decode("latin-1"))):
        try:
            read(text)
        except NotUnderstood as why:
            assert str(why)  # noqa: PT017


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_document_with_one_octet_changed_is_understood_or_not(at: int, octet: int) -> None:
    changed = bytearray(document(server()))
    changed[at % len(changed)] = octet
    try:
        provider, _ = read(bytes(changed))
    except NotUnderstood:
        return
    assert all(offer.server.security in {"tls", "starttls"} for offer in provider.offers)
