"""The small languages of a configuration: what is right, what is told about the rest."""

import base64
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from datetime import time
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from popover.config import (
    PRIVATE_NETWORKS,
    Activated,
    Address,
    HourRange,
    Hours,
    Rate,
    Server,
    default_listen,
    default_names,
    is_private,
    parse_hours,
    parse_ip,
    parse_listen,
    parse_network,
    parse_pin,
    parse_rate,
    parse_server,
    parse_service_word,
    pin_text,
    quote,
)
from popover.config.words import parse_capability
from popover.errors import ConfigError

PARSERS = [
    parse_capability,
    parse_hours,
    parse_ip,
    parse_listen,
    parse_network,
    parse_pin,
    parse_rate,
    parse_server,
    parse_service_word,
]
MAPPED = IPv6Network("::ffff:0:0/96")
DIGEST = bytes(range(32))
COLONS = ":".join(f"{octet:02X}" for octet in DIGEST)

ports = st.integers(0, 65535)
ips = st.ip_addresses().filter(lambda ip: not getattr(ip, "ipv4_mapped", None)).map(str)
times = st.builds(time, st.integers(0, 23), st.integers(0, 59))
ranges = st.builds(HourRange, times, times).filter(
    lambda hours: (hours.start != hours.end or hours.start == time(0, 0)) and hours.end != time(23, 59)
)


def mistake(parse: Callable[[str], object], text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    (line,) = caught.value.mistakes
    assert line.isprintable()
    return line


def mistakes(parse: Callable[[str], object], text: str) -> tuple[str, ...]:
    try:
        parse(text)
    except ConfigError as told:
        return told.mistakes
    return ()


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("mail.example.com", "pop3s://mail.example.com:995"),
        ("mail.example.com:1995", "pop3s://mail.example.com:1995"),
        ("localhost", "pop3s://localhost:995"),
        ("POP3S://Mail.Example.COM", "pop3s://mail.example.com:995"),
        ("pop3s://mail.example.com.", "pop3s://mail.example.com:995"),
        ("pop3s://mail.example.com/", "pop3s://mail.example.com:995"),
        ("imaps://mail.example.com", "imaps://mail.example.com:993"),
        ("smtps://mail.example.com", "smtps://mail.example.com:465"),
        ("smtps://mail.example.com:2465", "smtps://mail.example.com:2465"),
        ("pop3+starttls://mail.example.com", "pop3+starttls://mail.example.com:110"),
        ("IMAP+STARTTLS://mail.example.com/", "imap+starttls://mail.example.com:143"),
        ("smtp+starttls://mail.example.com", "smtp+starttls://mail.example.com:587"),
        ("smtp+starttls://[2001:db8::1]:2587", "smtp+starttls://[2001:db8::1]:2587"),
        ("pop3s://192.0.2.7", "pop3s://192.0.2.7:995"),
        ("2001:DB8::0001", "pop3s://[2001:db8::1]:995"),
        ("[2001:db8::1]", "pop3s://[2001:db8::1]:995"),
        ("imaps://[2001:db8::1]:1993", "imaps://[2001:db8::1]:1993"),
        ("pop3s://bücher.example", "pop3s://xn--bcher-kva.example:995"),
        ("pop3s://faß.example", "pop3s://xn--fa-hia.example:995"),  # by IDNA 2003 fass.example, which is another's
        ("pop3s://STRA\u1e9eE.example", "pop3s://xn--strae-oqa.example:995"),
        ("pop3s://βόλος.gr", "pop3s://xn--nxasmm1c.gr:995"),
        ("my_nas", "pop3s://my_nas:995"),
    ],
)
def test_server(text: str, url: str) -> None:
    assert str(parse_server(text)) == url
    assert parse_server(url) == parse_server(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "names no server"),
        ("pop3s://", "names no server"),
        ("pop3s://:995", "names no server"),
        ("pop3://mail.example.com", "write pop3s://"),
        ("smtp://mail.example.com", "write smtps://"),
        ("pop3s+starttls://mail.example.com", "write pop3s:// or pop3+starttls://"),
        ("smtp+tls://mail.example.com", "write smtps:// or smtp+starttls://"),
        ("http+starttls://mail.example.com", "is no kind of mail server"),
        ("smtp://mail.example.com", "or smtp+starttls:// for a server that has TLS only after STARTTLS"),
        ("https://mail.example.com", "no kind of mail server"),
        ("pop3s://mail.example.com/INBOX", "holds a path"),
        ("pop3s://mail.example.com?a=b", "holds a query"),
        ("pop3s://mail.example.com#top", "holds a fragment"),
        ("mail.example.com:0", "from 1 to 65535"),
        ("mail.example.com:65536", "from 1 to 65535"),
        ("mail.example.com:", "from 1 to 65535"),
        ("mail.example.com:pop3s", "from 1 to 65535"),
        ("mail.example.com:\u0663", "from 1 to 65535"),
        ("pop3s://[2001:db8::1", "is written [2001:db8::1]:110"),
        ("pop3s://[2001:db8::1]995", "is written [2001:db8::1]:110"),
        ("pop3s://[mail.example.com]:995", "is written [2001:db8::1]:110"),
        ("pop3s://fe80::1%eth0", "names an interface"),
        ("pop3s://[::ffff:192.0.2.7]", 'write "192.0.2.7"'),
        ("127.1", "is no IP address"),
        ("0x7f000001", "is no IP address"),
        ("192.0.2.256", "is no IP address"),
        ("mail..example.com", "is no host name"),
        ("-mail.example.com", "is no host name"),
        ("mail example.com", "is no host name"),
        ("mail.example.com\r\nQUIT", "is no host name"),
        ("a" * 64 + ".example.com", "is no host name"),
        ("a." * 127 + "example", "is no host name"),
        ("ü" * 300, "in ASCII (IDNA)"),
        ("ü" * 63 + ".example", "in ASCII (IDNA)"),
    ],
)
def test_server_mistakes(text: str, told: str) -> None:
    assert told in mistake(parse_server, text)


@pytest.mark.parametrize(
    "text",
    [
        "pop3s://me:hunter2@mail.example.com",
        "me:hunter2@mail.example.com",
        "me:hunter2=@mail.example.com",
        "me:hunter2@=mail.example.com",
        "hunter2@x::=mail.example.com",
    ],
)
def test_a_password_is_never_repeated(text: str) -> None:
    assert "hunter2" not in mistake(parse_service_word, text)


@pytest.mark.parametrize(
    ("text", "listen"),
    [
        ("1110", Address("127.0.0.1", 1110)),
        ("0", Address("127.0.0.1", 0)),
        ("192.168.1.1:110", Address("192.168.1.1", 110)),
        ("localhost:110", Address("127.0.0.1", 110)),
        ("[::1]:1110", Address("::1", 1110)),
        ("[0:0::1]:1110", Address("::1", 1110)),
        ("[::]:110", Address("::", 110)),
        ("[fe80::1%eth0]:110", Address("fe80::1%eth0", 110)),
        ("systemd:pop3", Activated("pop3")),
        ("systemd:popover@1 =x", Activated("popover@1 =x")),
    ],
)
def test_listen(text: str, listen: Address | Activated) -> None:
    assert parse_listen(text) == listen
    assert parse_listen(str(listen)) == listen


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is no place to listen"),
        ("192.168.1.1", "is no place to listen"),
        ("::1", "is no place to listen"),
        ("::1:110", "is no place to listen"),
        ("[::1]", "is no place to listen"),
        (":110", "is no place to listen"),
        ("mail.example.com:110", "write the IP address of this machine"),
        ("192.168.1:110", "is no IP address"),
        ("[::g]:110", "is no IP address"),
        ("[::ffff:127.0.0.1]:110", 'write "127.0.0.1"'),
        ("[fe80::1%\x1b]:110", "names no interface"),
        ("70000", "from 0 to 65535"),
        ("-1", "is no place to listen"),
        ("127.0.0.1:70000", "from 0 to 65535"),
        ("me@127.0.0.1:110", "holds no user name"),
        ("systemd:", "names no socket"),
        ("systemd:a:b", "names no socket"),
        ("systemd:" + "a" * 256, "names no socket"),
    ],
)
def test_listen_mistakes(text: str, told: str) -> None:
    assert told in mistake(parse_listen, text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("1110:pop.example.com", "1110=pop.example.com"),
        ("1143:imaps://imap.example.com", "1143=imaps://imap.example.com"),
        ("pop.example.com=1110", "1110=pop.example.com"),
        ("smtps://smtp.example.com=25", "25=smtps://smtp.example.com"),
    ],
)
def test_a_service_word_in_another_order_is_told_in_its_own(text: str, meant: str) -> None:
    assert mistake(parse_service_word, text) == f'"{text}" is no [LISTEN=]SERVER: write {meant}'
    parse_service_word(meant)


def test_service_word() -> None:
    mail = Server("imap", "mail.example.com", 993)
    assert parse_service_word("imaps://mail.example.com") == (None, mail)
    assert parse_service_word("1143=imaps://mail.example.com") == (Address("127.0.0.1", 1143), mail)
    assert parse_service_word("systemd:a=b=imaps://mail.example.com") == (Activated("a=b"), mail)
    assert "is no place to listen" in mistake(parse_service_word, "=imaps://mail.example.com")
    assert "names no server" in mistake(parse_service_word, "1143=")
    assert "several servers are several words" in mistake(parse_service_word, "1110=pop.example.com imaps://a.example")
    assert "holds a query" in mistake(parse_service_word, "imaps://mail.example.com?a=b")


def test_default_listen() -> None:
    assert [str(default_listen(dialect)) for dialect in ("pop3", "imap", "smtp")] == [
        "127.0.0.1:1110",
        "127.0.0.1:1143",
        "127.0.0.1:1587",
    ]


def test_default_names_are_the_hosts_made_unique() -> None:
    servers = [parse_server(text) for text in ("a", "imaps://a", "b", "c", "c", "d")]
    assert default_names(servers, ["d"]) == ["a:995", "a:993", "b", "c:995", "c:995 (2)", "d:995"]


@given(
    st.lists(st.sampled_from(["a", "a:996", "imaps://a", "b", "[::1]"])),
    st.sets(st.sampled_from(["a", "b", "a:995"])),
)
def test_default_names_are_unique(words: list[str], taken: set[str]) -> None:
    names = default_names([parse_server(text) for text in words], taken)
    assert len(names) == len(words)
    assert len({*names, *taken}) == len(names) + len(taken)


def test_hours() -> None:
    day = parse_hours("07:00-23:00")
    assert day == Hours((HourRange(time(7), time(23)),))
    assert [day.contains(time(*at)) for at in ((6, 59), (7, 0), (22, 59, 59), (23, 0))] == [
        False,
        True,
        True,
        False,
    ]


def test_hours_over_midnight() -> None:
    night = parse_hours("22:00-6:00")
    assert [night.contains(time(hour)) for hour in (21, 22, 0, 5, 6)] == [False, True, True, True, False]


@pytest.mark.parametrize("text", ["00:00-24:00", "0:00-23:59", "00:00-00:00"])
def test_the_whole_day(text: str) -> None:
    assert all(parse_hours(text).contains(at) for at in (time(0, 0), time(12), time(23, 59, 59)))


def test_several_ranges() -> None:
    assert str(parse_hours("07:00-12:00, 13:00-23:00")) == "07:00-12:00 13:00-23:00"
    assert not parse_hours("07:00-12:00 13:00-23:00").contains(time(12, 30))


@pytest.mark.parametrize("text", ["", " ", "7-23", "07:00", "07:00-25:00", "07:60-08:00", "24:00-07:00", "07:00-07:00"])
def test_hours_mistakes(text: str) -> None:
    assert quote(text) in mistake(parse_hours, text)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("50/10s", Rate(50, 10)),
        ("50/m", Rate(50, 60)),
        ("50/1m", Rate(50, 60)),
        ("3/s", Rate(3, 1)),
        ("1/0.5s", Rate(1, 0.5)),
    ],
)
def test_rate(text: str, rate: Rate) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "50", "50/10", "/10s", "-1/10s", "0/10s", "50/0s", "50/25h", "1e3/s", "50 10"])
def test_rate_mistakes(text: str) -> None:
    assert quote(text) in mistake(parse_rate, text)


@pytest.mark.parametrize(
    "text",
    [
        pin_text(DIGEST),
        "SHA256:" + DIGEST.hex(),
        "sha256//" + base64.b64encode(DIGEST).decode(),
        DIGEST.hex(),
        COLONS,
        "sha256:" + COLONS,
    ],
)
def test_pin(text: str) -> None:
    assert parse_pin(text) == DIGEST


@pytest.mark.parametrize(
    ("text", "name"), [("IDLE", "IDLE"), ("auth=plain", "AUTH=PLAIN"), ("x-gm-ext-1", "X-GM-EXT-1")]
)
def test_capability(text: str, name: str) -> None:
    assert parse_capability(text) == name


@pytest.mark.parametrize("text", ["", "IDLE NAMESPACE", "ü", "a\n", "x" * 81])
def test_capability_mistakes(text: str) -> None:
    assert "is no capability" in mistake(parse_capability, text)


@pytest.mark.parametrize("text", ["", "sha256:", "sha1:" + DIGEST.hex(), DIGEST.hex()[:-2], pin_text(DIGEST)[:-1], "ü"])
def test_pin_mistakes(text: str) -> None:
    assert "is no pin" in mistake(parse_pin, text)


def test_network() -> None:
    assert parse_network("192.168.0.0/16") == IPv4Network("192.168.0.0/16")
    assert parse_network("192.168.1.5") == IPv4Network("192.168.1.5/32")
    assert parse_network("10.0.0.0/255.0.0.0") == IPv4Network("10.0.0.0/8")
    assert parse_network("fd00::/8") == IPv6Network("fd00::/8")
    assert parse_network("::1") == IPv6Network("::1/128")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("192.168.1.5/24", 'write "192.168.1.0/24", or "192.168.1.5"'),
        ("192.168.1.0", '"192.168.1.0/24" is a network'),
        ("::ffff:192.168.0.0/112", 'write "192.168.0.0/16"'),
        ("fe80::1%eth0", "names an interface"),
        ("192.168.0.0/33", "is no network"),
        ("192.168", "is no network"),
        (".example.com", "is no network"),
        ("", "is no network"),
    ],
)
def test_network_mistakes(text: str, told: str) -> None:
    assert told in mistake(parse_network, text)


@given(st.ip_addresses())
def test_private_is_what_lies_in_a_private_network(ip: IPv4Address | IPv6Address) -> None:
    assert is_private(ip_network(ip)) == any(ip in network for network in PRIVATE_NETWORKS)


@pytest.mark.parametrize(("text", "private"), [("172.16.0.0/12", True), ("172.0.0.0/11", False), ("::/0", False)])
def test_a_network_is_private_as_a_whole(text: str, private: bool) -> None:
    assert is_private(ip_network(text)) is private


@given(st.builds(Address, ips, ports))
def test_addresses_go_round(address: Address) -> None:
    assert parse_listen(str(address)) == address


@given(st.builds(Server, st.sampled_from(["pop3", "imap", "smtp"]), ips, st.integers(1, 65535)))
def test_servers_go_round(server: Server) -> None:
    assert parse_server(str(server)) == server


@given(st.text(min_size=1, max_size=20))
@example("mail。example。com")
@example("\uff11\uff12\uff17.0.0.1")
def test_a_server_name_that_is_taken_is_plain(text: str) -> None:
    try:
        server = parse_server(text)
    except ConfigError:
        return
    assert server.host.isascii()
    assert server.host == server.host.lower()
    assert parse_server(str(server)) == server


@given(st.lists(ranges, min_size=1).map(tuple).map(Hours))
def test_hours_go_round(hours: Hours) -> None:
    assert parse_hours(str(hours)) == hours


@given(ranges, times)
def test_hours_seen_from_the_other_side(hours: HourRange, moment: time) -> None:
    rest = HourRange(hours.end, hours.start)
    assert hours.contains(moment) != rest.contains(moment) or hours.start == hours.end


@given(st.integers(1, 10**9 - 1), st.integers(1, 86400 * 1000))
def test_rates_go_round(sessions: int, milliseconds: int) -> None:
    rate = Rate(sessions, milliseconds / 1000)
    assert parse_rate(str(rate)) == rate


@given(st.binary(min_size=32, max_size=32))
def test_pins_go_round(digest: bytes) -> None:
    assert parse_pin(pin_text(digest)) == digest


@given(st.ip_addresses(), st.integers(0, 128))
def test_networks_go_round(ip: IPv4Address | IPv6Address, size: int) -> None:
    network = ip_network((ip, min(size, ip.max_prefixlen)), strict=False)
    mapped = isinstance(network, IPv6Network) and network.subnet_of(MAPPED)
    with pytest.raises(ConfigError, match="IPv4 in disguise") if mapped else nullcontext():
        assert parse_network(str(network)) == network


@given(st.one_of(st.text(), st.text("pop3saim:/.[]=@%-0123456789abcdefhx+ \r\n\x1b\u202e\udc80", max_size=40)))
@example("1" * 5000)
@example("[::1%" + "a" * 5000 + "]:1")
@example("\u00b2")
def test_any_text_gives_a_value_or_a_plain_sentence(text: str) -> None:
    told = [line for parse in PARSERS for line in mistakes(parse, text)]
    assert all(line and line.isprintable() and len(line) < 1500 for line in told)


@given(st.text())
def test_what_is_quoted_stays_on_its_line(text: str) -> None:
    assert quote(text).isprintable()
    assert len(quote(text)) <= 2 + 80 * len("\\U00000000")


def test_words_of_a_command_line_need_no_cattrs() -> None:
    program = "import sys, popover.config; sys.exit('cattrs' in sys.modules or 'attr' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
