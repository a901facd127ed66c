"""popover.toml: what is right becomes values, what is wrong becomes one line each."""

import errno
import os
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import time
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from depth import examples
from parts.certificates import Authority
from popover.config import (
    PRIVATE_NETWORKS,
    Activated,
    Address,
    Admission,
    Ahead,
    Config,
    HourRange,
    Hours,
    Inside,
    Patience,
    Rate,
    Server,
    Service,
    Status,
    Target,
    Trust,
    check,
    load,
)
from popover.config.fields import SERVICE as KEYS
from popover.config.flat import assemble, flatten
from popover.errors import ConfigError

EXAMPLE = Path(__file__).parents[2] / "examples" / "popover.toml"
MAIL = Server("pop3", "mail.example.com", 995)
SERVICE = '[[service]]\nname = "example"\nserver = "mail.example.com"\n'

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str | bytes) -> Path:
        path = tmp_path / "popover.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


IDNA = "xn--bcher-kva.example"


def mistakes(path: Path) -> list[str]:
    """What is told about the file, without the file's name before it."""
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert all(line.isprintable() for line in caught.value.mistakes)
    assert str(caught.value) == "\n".join(caught.value.mistakes)
    return [line.removeprefix(f"{path}: ") for line in caught.value.mistakes]


def service(listen: str = "127.0.0.1:1110", *, name: str = "example", **more: Any) -> Service:
    host, _, port = listen.rpartition(":")
    at = Address(host, int(port)) if port.isdigit() else Activated(port)
    return assemble({"name": name, "listen": (at,), "server": MAIL} | more)


# What is right


def test_the_shortest_file(write: Write) -> None:
    assert load(write('[[service]]\nserver = "mail.example.com"')) == Config(
        (Service("mail.example.com", (Address("127.0.0.1", 1110),), Target(MAIL)),)
    )


def test_every_key(write: Write, authority: Authority) -> None:
    text = f"""
        user = "nobody"
        drain_timeout = 0
        [status]
        listen = ["127.0.0.1:0", "systemd:status"]
        allow = "192.168.0.0/16"
        deny = "192.168.7.0/24"
        unsafe_public = true
        [[service]]
        name = "example"
        listen = ["192.168.1.1:110", "[::1]:0", "systemd:pop3"]
        server = "imaps://mail.example.com"
        ca_file = "{authority.ca_file}"
        min_tls = "1.3"
        pin = ["sha256:{"00" * 32}"]
        allow = ["192.168.0.0/16", "8.8.8.8"]
        deny = "192.168.7.0/24"
        hours = "07:00-23:00"
        max_sessions = 100
        max_sessions_per_client = 0
        max_rate = "50/10s"
        proxy_from = ["192.168.1.3", "fd00::/64"]
        proxy_to_server = "v2"
        source_address = "::1"
        connect_timeout = 1.5
        greeting_timeout = 2
        login_timeout = 3
        idle_timeout = 4
        stall_timeout = 5
        unsafe_public = true
        warm = 0
        ask_ahead = false
        read_ahead = "always"
        read_ahead_bytes = 1
        user_at_once = false
        dele_at_once = false
        quit_at_once = false
        keep_alive = 0
        soften = false
        hide = ["idle", "AUTH=PLAIN"]
        trace = true
    """
    wanted = Service(
        name="example",
        listen=(Address("192.168.1.1", 110), Address("::1", 0), Activated("pop3")),
        target=Target(
            Server("imap", "mail.example.com", 993),
            Trust(Path(authority.ca_file), "1.3", (bytes(32),)),
            source_address="::1",
            connect_timeout=1.5,
            greeting_timeout=2,
            proxy_to_server="v2",
        ),
        admission=Admission(
            allow=(IPv4Network("192.168.0.0/16"), IPv4Network("8.8.8.8/32")),
            deny=(IPv4Network("192.168.7.0/24"),),
            hours=Hours((HourRange(time(7), time(23)),)),
            max_sessions=100,
            max_sessions_per_client=0,
            max_rate=Rate(50, 10),
            unsafe_public=True,
            proxy_from=(IPv4Network("192.168.1.3/32"), IPv6Network("fd00::/64")),
        ),
        patience=Patience(login_timeout=3, idle_timeout=4, stall_timeout=5),
        ahead=Ahead(
            warm=0,
            ask_ahead=False,
            read_ahead="always",
            read_ahead_bytes=1,
            user_at_once=False,
            dele_at_once=False,
            quit_at_once=False,
            keep_alive=0,
            soften=False,
        ),
        hide=("IDLE", "AUTH=PLAIN"),
        trace=True,
    )
    status = Status(
        listen=(Address("127.0.0.1", 0), Activated("status")),
        admission=Admission(
            allow=(IPv4Network("192.168.0.0/16"),), deny=(IPv4Network("192.168.7.0/24"),), unsafe_public=True
        ),
    )
    assert load(write(text)) == Config((wanted,), "nobody", 0, status)


def test_the_example_states_the_defaults() -> None:
    (found,) = load(EXAMPLE).services
    assert load(EXAMPLE) == Config((Service(found.name, (Address("127.0.0.1", 1110),), Target(MAIL)),))


def test_the_example_shows_every_key(write: Write, tmp_path: Path) -> None:
    services = EXAMPLE.read_text().partition("# [[account]]")[0]  # test_config_accounts.py looks at the rest
    text = re.sub(r"(?m)^# (?=\w+ = |\[status\])", "", services)
    # In the place of `server`.
    of_desks = (
        "accounts|authenticate|dialect|device|table|sender|recipients|max_recipients|queue"  # in the place of `server`
    )
    asks = re.compile(rf"(?m)^(?=(?:{of_desks}) = )")
    (tmp_path / "my-ca.pem").write_text("-----BEGIN CERTIFICATE-----")
    (tmp_path / "my-cert.pem").write_text("-----BEGIN CERTIFICATE-----")
    (tmp_path / "my-key.pem").write_text("-----BEGIN PRIVATE KEY-----")
    config = load(
        write(asks.sub("# ", text.replace('tls = "off"', 'tls = "offer"')))
    )  # the rest would be nothing without
    assert config.user == "nobody"
    assert config.status == Status()
    (found,) = config.services
    assert found.admission.allow is not None
    assert sorted(map(str, found.admission.allow)) == sorted(map(str, PRIVATE_NETWORKS))
    assert found.target.trust.ca_file == tmp_path / "my-ca.pem"
    for key in flatten(found):
        assert re.search(rf"(?m)^{key} = ", text)


def test_a_service_is_made_of_its_flat_keys_and_gives_them_back() -> None:
    (found,) = load(EXAMPLE).services
    assert assemble(flatten(found)) == found
    assert flatten(found).keys() == KEYS.keys()
    with pytest.raises(TypeError, match="a service has no colour"):
        assemble(flatten(found) | {"colour": "red"})


def test_a_target_is_looked_for_by_all_that_it_is() -> None:
    """Two services with one target share what is known of it; any difference makes another."""
    same, copy = service().target, service("127.0.0.1:1", name="other", max_sessions=1).target
    assert {same: "found"}[copy] == "found"
    other: list[dict[str, Any]] = [
        {"min_tls": "1.3"},
        {"source_address": "::1"},
        {"connect_timeout": 1},
        {"greeting_timeout": 1},
    ]
    for keys in other:
        assert service(**keys).target not in {same: "found"}


def test_crlf_line_ends(write: Write) -> None:
    assert load(write(SERVICE.replace("\n", "\r\n"))).services[0].name == "example"


def test_listen_by_dialect(write: Write) -> None:
    servers = ("pop3s://mail", "imaps://mail", "smtps://mail")
    config = load(write("".join(f'[[service]]\nserver = "{server}"\n' for server in servers)))
    assert [str(one.listen[0]) for one in config.services] == [
        "127.0.0.1:1110",
        "127.0.0.1:1143",
        "127.0.0.1:1587",
    ]
    assert [one.name for one in config.services] == ["mail:995", "mail:993", "mail:465"]


def test_a_directory_in_the_order_of_its_names(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text('drain_timeout = 5\n[[service]]\nserver = "b"\nlisten = "1"')
    (tmp_path / "a.toml").write_text('user = "nobody"\n[[service]]\nserver = "a"\nlisten = "2"')
    for other in (".c.toml", "d.toml~", "e.conf"):
        (tmp_path / other).write_text("not ours")
    config = load(str(tmp_path))
    assert [one.name for one in config.services] == ["a", "b"]
    assert (config.user, config.drain_timeout) == ("nobody", 5)


# What is wrong in one word: (what stands below SERVICE, what is told)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("listen = 110", "listen: must be a text in quotes, or a list of them; is 110"),
        ("listen = []", "listen: must not be empty; leave it out for the usual address"),
        ("listen = [110]", "listen: must be a text in quotes; is 110"),
        (
            'listen = "127.0.0.1:70000"',
            'listen: "70000" is no port: it must be a whole number from 0 to 65535',
        ),
        (
            'listen = "mail:110"',
            'listen: "mail:110" has a name before the port: write the IP address of this machine',
        ),
        ("ca_file = true", "ca_file: must be a text in quotes; is true"),
        ("tls = true", 'tls: must be "off", "offer", "require" or "implicit"; is true'),
        ('tls = "starttls"', 'tls: must be "off", "offer", "require" or "implicit"; is "starttls"'),
        ('legacy = "yes"', 'legacy: must be true or false, without quotes; is "yes"'),
        ("legacy = true", 'legacy: nothing without TLS; write tls = "offer", "require" or "implicit"'),
        ("min_tls = 1.2", 'min_tls: must be "1.2" or "1.3", in quotes; is 1.2'),
        ('min_tls = "1.1"', 'min_tls: must be "1.2" or "1.3"; is "1.1"'),
        ("min_tls = [1.2]", 'min_tls: must be "1.2" or "1.3"; is a list'),
        (
            'pin = "sha256:x"',
            'pin: "sha256:x" is no pin: write "sha256:" and 44 base64 characters, or 64 hex digits',
        ),
        (
            'certificate_name = "*.hoster.example"',
            'certificate_name: "*.hoster.example": write one of the names that the certificate stands for, without a *',
        ),
        ('certificate_name = "a b"', 'certificate_name: "a b" is no host name'),
        ('sni = "a.example"', "sni: unknown; did you mean certificate_name?"),
        ('checkHost = "a.example"', "checkHost: unknown; did you mean certificate_name?"),
        ("allow = []", "allow: lets nobody in; leave it out to let private networks in"),
        ("allow = { a = 1 }", "allow: must be a text in quotes, or a list of them; is a table"),
        (
            'deny = ["192.168.1.5/24"]',
            'deny: "192.168.1.5/24" has bits set beyond its size: write "192.168.1.0/24", or ',
        ),
        ("hours = 07:00:00", "hours: must be a text in quotes; is a date or time (write it in quotes)"),
        ('hours = "7-23"', 'hours: "7-23" is no range of hours: write it as "07:00-23:00"'),
        ('max_sessions = "many"', 'max_sessions: must be a whole number, 0 or more; is "many"'),
        ("max_sessions = -1", "max_sessions: must be a whole number, 0 or more; is -1"),
        ("max_sessions = 1.5", "max_sessions: must be a whole number, 0 or more; is 1.5"),
        ("max_sessions = true", "max_sessions: must be a whole number, 0 or more; is true"),
        (
            'max_rate = "50"',
            'max_rate: "50" is no rate: write "50/10s" for 50 new sessions in 10 seconds',
        ),
        ('source_address = "eth0"', 'source_address: "eth0" is no IP address'),
        ('proxy_to_server = "v3"', 'proxy_to_server: must be "v2" or "v1", or left out'),
        ("proxy_to_server = 2", 'proxy_to_server: must be "v2" or "v1", or left out'),
        ('proxy_from = "balancer"', 'proxy_from: "balancer" is no network'),
        (
            'proxy_from = "0.0.0.0/0"',
            "proxy_from: 0.0.0.0/0 reaches beyond private networks, and whoever connects from",
        ),
        ('unsafe_public = "yes"', 'unsafe_public: must be true or false, without quotes; is "yes"'),
        ('read_ahead = "sometimes"', 'read_ahead: must be true, false or "always"; is "sometimes"'),
        ("read_ahead = 1", 'read_ahead: must be true, false or "always"; is 1'),
        ("read_ahead_bytes = 0", "read_ahead_bytes: must be a number of bytes, 1 to 67108864; is 0"),
        ("warm = 11", "warm: must be a whole number, 0 to 10; is 11"),
        ("warm = true", "warm: must be a whole number, 0 to 10; is true"),
        ("max_sesions = 5", "max_sesions: unknown; did you mean max_sessions?"),
        ("only_from = 5", "only_from: unknown; did you mean allow?"),
        ("verify = false", "verify: unknown; the server is always verified (ca_file and pin say by what)"),
        ("user = 5", "user: belongs to the whole file; write it above the first [[service]]"),
        ("[service.sub]", "sub: unknown; known are "),
    ],
)
def test_a_wrong_value(write: Write, line: str, told: str) -> None:
    (found,) = mistakes(write(SERVICE + line))
    assert found.startswith(f'service "example": {told}')


def test_certificate_name_is_read_as_a_host_is(write: Write) -> None:
    for text, name in (("MX1.Hoster.Example.", "mx1.hoster.example"), ("::1", "::1"), ("bücher.example", IDNA)):
        (found,) = load(write(f'{SERVICE}certificate_name = "{text}"')).services
        assert found.target.certificate_name == name
    (found,) = load(write(SERVICE)).services
    assert found.target.certificate_name == found.server.host


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("listen = 8110", "[status]: listen: must be a text in quotes, or a list of them; is 8110"),
        ('listen = "127.0.0.1:1110"', '[status]: listen: 127.0.0.1:1110 is taken, service "example" listens there'),
        ('listen = "0.0.0.0:1110"', '[status]: listen: 0.0.0.0:1110 is taken, service "example" listens there'),
        ('listen = ["8110", "127.0.0.1:8110"]', "[status]: listen: 127.0.0.1:8110 is taken, it is listed twice"),
        ('listen = "0.0.0.0:8110"\nallow = "8.8.8.8"', "[status]: allow: 8.8.8.8/32 reaches beyond private networks"),
        ("max_sessions = 1", "[status]: max_sessions: belongs to a service"),
        ("user = 'a'", "[status]: user: belongs to the whole file; write it above [status]"),
        ("color = 1", "[status]: color: unknown; known are listen, allow, deny, unsafe_public"),
    ],
)
def test_a_wrong_status(write: Write, lines: str, told: str) -> None:
    (found,) = mistakes(write(f"[status]\n{lines}\n{SERVICE}"))
    assert found.startswith(told)


def test_status_page_is_stated_once(write: Write, tmp_path: Path) -> None:
    assert load(write("[status]\n" + SERVICE)).status == Status()
    assert load(write(SERVICE)).status is None
    assert mistakes(write("[[status]]\n" + SERVICE)) == ["status: write it in one pair of brackets: [status]"]
    assert mistakes(write("status = 8110\n" + SERVICE))[0].startswith("status: must be a table")
    for name in ("a", "b"):
        (tmp_path / f"{name}.toml").write_text(f'[status]\n{SERVICE.replace("example", name)}listen = "0"')
    (tmp_path / "popover.toml").unlink()
    told = f"{tmp_path / 'b.toml'}: status: {tmp_path / 'a.toml'} states it already; say it in one file"
    assert mistakes(tmp_path) == [told]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("5", "must be a text in quotes; is 5"),
        ('""', "must not be empty"),
        ('"a\\nb"', 'must be at most 64 characters, all printable; is "a\\u000ab"'),
    ],
)
def test_a_wrong_name(write: Write, name: str, told: str) -> None:
    assert mistakes(write(f'[[service]]\nserver = "a"\nname = {name}')) == [f"service 1: name: {told}"]


@pytest.mark.parametrize("key", ["connect", "greeting", "login", "idle", "stall"])
@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "604801", "true", '"10"', "0x" + "f" * 5000])
def test_a_wrong_timeout(write: Write, key: str, value: str) -> None:
    (found,) = mistakes(write(f"{SERVICE}{key}_timeout = {value}"))
    assert f"{key}_timeout: must be a number of seconds, more than 0 and at most 604800; is " in found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("user = 5", "user: must be a text in quotes; is 5"),
        ('user = ""', "user: must not be empty"),
        ("drain_timeout = -1", "drain_timeout: must be a number of seconds, 0 to 604800; is -1"),
        ("max_sessions = 5", "max_sessions: belongs to a service; write it below a line [[service]]"),
        ("[services]", "services: unknown; did you mean [[service]]?"),
        ("[service]", "service: write it in two pairs of brackets: [[service]]"),
        ("service = [5]", "service: must be tables, each beginning with the line [[service]]; is a list"),
        ("service = 5", "service: must be tables, each beginning with the line [[service]]; is 5"),
        ('"\\u001b" = 5', '"\\u001b": unknown; known are user, drain_timeout, status, service, account, table'),
        ("", 'no service: write [[service]] and server = "pop3s://mail.example.com"'),
        ("service = []", 'no service: write [[service]] and server = "pop3s://mail.example.com"'),
        ("user =", "line 1, at the end: invalid value"),
        ("a = 1\na = 2", "line 2, at the end: this key stands here for the second time"),
        ('\nuser = "a', "line 2, at the end: a text has no quote at its end"),
        ('\nuser = "a\n', "line 2, column 10: a text has no quote at its end"),
        ("\nuser = 'a\r\n", "line 2, at the end: a text has no quote at its end"),
        ("\nuser = 'a\n[[service]]\nserver = 'b'\n", "line 2, column 10: a text has no quote at its end"),
        ("\nuser nobody\n", "line 2, column 6: expected '=' after a key in a key/value pair"),
        ("[[service", "line 1, at the end: expected ']]' at the end of an array declaration"),
        ("a = " + "1" * 5000, "this is no configuration: a number or a nesting beyond all measure"),
        ("a = " + "[" * 5000, "this is no configuration: a number or a nesting beyond all measure"),
        (b"\xef\xbb\xbf", "line 1: begins with a byte order mark; save it as UTF-8 without BOM"),
        ("user".encode("utf-16"), "line 1: is UTF-16; save it as UTF-8 without BOM"),
        (b'\nuser = "J\xf6rg"', "line 2: byte 0xf6 is not UTF-8; save it as UTF-8"),
        (b"#" * (1024 * 1024 + 1), "more than 1048576 bytes: this is no configuration"),
    ],
)
def test_a_wrong_file(write: Write, text: str | bytes, told: str) -> None:
    found = mistakes(write(text))
    assert found == [told]


QUOTES = "write it in quotes: "
EACH = 'write each text in quotes, several in brackets: ["...", "..."]'
NEWLINE = "expected newline or end of document after a statement: "


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("server = pop3s://mail.example.com", f'invalid value: {QUOTES}server = "pop3s://mail.example.com"'),
        ("server = mail.example.com  # mine", f'invalid value: {QUOTES}server = "mail.example.com"'),
        ("server = me:hunter2@mail.example.com", "invalid value: write it in quotes"),
        ("ca_file = C:\\my.pem\r", f'invalid value: {QUOTES}ca_file = "C:\\\\my.pem"'),
        ("listen = 127.0.0.1:1110", f'{NEWLINE}{QUOTES}listen = "127.0.0.1:1110"'),
        ("listen = [::1]:110", f'invalid value: {QUOTES}listen = "[::1]:110"'),
        ("hours = 07:00-23:00", f'{NEWLINE}{QUOTES}hours = "07:00-23:00"'),
        ("max_rate = 50/10s", f'{NEWLINE}{QUOTES}max_rate = "50/10s"'),
        ("hours = 07:00-12:00, 13:00-18:00", f"{NEWLINE}{EACH}"),
        ("allow = [192.168.0.0/16]", f"unclosed array: {EACH}"),
        ("trace = True", "invalid value: write trace = true"),
        ("trace = off", "invalid value: write trace = false"),
        ("server = \u201cmail.example.com\u201d", 'invalid value: write straight quotes: server = "mail.example.com"'),
        (
            "server = \xabmail.example.com\xbb # mine",
            'invalid value: write straight quotes: server = "mail.example.com"',
        ),
        ("server = \u201cme:hunter2@mail.example.com\u201d", "invalid value: write it in quotes"),
        ('name = "one" two', NEWLINE.removesuffix(": ")),
    ],
)
def test_a_text_without_quotes_is_shown_with_them(write: Write, text: str, told: str) -> None:
    (found,) = mistakes(write(f"[[service]]\n{text}\n"))
    assert re.sub(r"^line 2, column \d+: ", "", found) == told


def test_a_text_without_quotes_in_a_long_list(write: Write) -> None:
    (found,) = mistakes(write("[[service]]\nallow = [\n  192.168.0.0/16,\n]\n"))
    assert found == f"line 3, column 10: unclosed array: {EACH}"


def test_a_server_is_needed(write: Write) -> None:
    assert mistakes(write("[[service]]")) == [
        'service 1: server: is missing; write server = "pop3s://mail.example.com"'
    ]


def test_a_password_is_not_repeated(write: Write) -> None:
    (found,) = mistakes(write('[[service]]\nserver = "pop3s://me:hunter2@mail.example.com"'))
    assert found.startswith("service 1: server: ")
    assert "hunter2" not in found


def test_all_mistakes_of_a_file_in_its_order(write: Write) -> None:
    text = """
        drain_timeout = -1
        [[service]]
        name = "example"
        colour = 1
        max_sessions = "many"
        allow = ["x", "y"]
        [[service]]
        server = "mail.example.com"
        hours = "x"
        [[service]]
        name = "good"
        server = "mail.example.com"
        ca_file = "nowhere.pem"
    """
    starts = [
        "drain_timeout: ",
        'service "example": server: is missing',
        'service "example": colour: ',
        'service "example": max_sessions: ',
        'service "example": allow: "x"',
        'service "example": allow: "y"',
        'service "mail.example.com": hours: ',
        'service "good": ca_file: ',
    ]
    found = mistakes(write(text))
    assert [line[: len(start)] for line, start in zip(found, starts, strict=True)] == starts


# Files that are not there


def test_no_such_file(tmp_path: Path) -> None:
    assert mistakes(tmp_path / "popover.toml") == ["there is no such file"]


def test_a_name_with_nul(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="NUL"):
        load(tmp_path / "pop\0over.toml")


def test_an_unreadable_file(tmp_path: Path) -> None:
    loop = tmp_path / "popover.toml"  # root may read everything, but not this
    loop.symlink_to(loop)
    assert mistakes(loop) == [f"cannot be read: {os.strerror(errno.ELOOP)}"]


def test_an_empty_directory(tmp_path: Path) -> None:
    assert mistakes(tmp_path) == ["the directory holds no *.toml"]


def test_a_directory_tells_all_mistakes_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('user = "a"\n' + SERVICE)
    (tmp_path / "b.toml").write_text('user = "b"\n' + SERVICE)
    (tmp_path / "c.toml").write_text("x")
    a, b, c = (f"{tmp_path}/{name}.toml" for name in "abc")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    user, syntax, name, listen = caught.value.mistakes
    assert user == f"{b}: user: {a} states it already; say it in one file"
    assert syntax.startswith(f"{c}: line 1")
    assert name == f'{b}: service "example": name: {a}: service "example" has the same; each service needs its own'
    assert listen == f'{b}: service "example": listen: 127.0.0.1:1110 is taken, {a}: service "example" listens there'


# What only shows when all is seen together


def told(*services: Service) -> str:
    with pytest.raises(ConfigError) as caught:
        check(Config(services))
    (line,) = caught.value.mistakes
    return line


def test_no_service() -> None:
    assert told() == "no service: say at least which server to lead to"


def test_no_listener() -> None:
    assert told(replace(service(), listen=())).startswith('service "example": listen: it is empty')


def test_two_services_of_one_name() -> None:
    assert told(service("127.0.0.1:1"), service("127.0.0.1:2")).startswith('service "example": name: service "example"')


@pytest.mark.parametrize(
    ("one", "other", "line"),
    [
        ("127.0.0.1:110", "127.0.0.1:110", '127.0.0.1:110 is taken, service "a" listens there'),
        (
            "0.0.0.0:110",
            "127.0.0.1:110",
            '127.0.0.1:110 is taken, service "a" listens there (as 0.0.0.0:110)',
        ),
        ("::1:110", ":::110", '[::]:110 is taken, service "a" listens there (as [::1]:110)'),
        ("systemd:pop3", "systemd:pop3", 'systemd:pop3 is taken, service "a" listens there'),
    ],
)
def test_two_services_at_one_place(one: str, other: str, line: str) -> None:
    assert told(service(one, name="a"), service(other, name="b")) == f'service "b": listen: {line}'


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("127.0.0.1:110", "127.0.0.1:111"),
        ("127.0.0.1:110", "127.0.0.2:110"),
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("0.0.0.0:110", ":::110"),
        ("systemd:pop3", "systemd:imap"),
    ],
)
def test_places_that_differ(one: str, other: str) -> None:
    check(Config((service(one, name="a"), service(other, name="b"))))


def test_one_service_at_one_place_twice() -> None:
    twice = (Address("127.0.0.1", 110), Address("127.0.0.1", 110))
    assert (
        told(replace(service(), listen=twice))
        == 'service "example": listen: 127.0.0.1:110 is taken, it is listed twice'
    )


@pytest.mark.parametrize(
    ("listen", "host", "itself"),
    [
        ("192.168.1.1:995", "192.168.1.1", True),
        ("0.0.0.0:995", "127.0.0.1", True),
        (":::995", "::1", True),
        ("127.0.0.1:995", "localhost", True),
        ("127.0.0.1:1110", "127.0.0.1", False),
        ("127.0.0.1:995", "127.0.0.2", False),
        ("0.0.0.0:995", "192.0.2.7", False),
        ("127.0.0.1:995", "mail.example.com", False),
    ],
)
def test_a_server_that_is_the_gateway(listen: str, host: str, itself: bool) -> None:
    one = service(listen, server=Server("pop3", host, 995))
    if itself:
        assert told(one).endswith("is where this service listens; the gateway would talk to itself")
    else:
        check(Config((one,)))


@pytest.mark.parametrize(
    ("listen", "allow", "public"),
    [
        ("0.0.0.0:110", None, False),
        ("0.0.0.0:110", PRIVATE_NETWORKS, False),
        ("0.0.0.0:110", (IPv4Network("192.168.7.0/24"), IPv6Network("fd00::/64")), False),
        ("127.0.0.1:110", (IPv4Network("0.0.0.0/0"),), False),
        ("::1:110", (IPv4Network("0.0.0.0/0"),), False),
        ("192.168.1.1:110", (IPv4Network("0.0.0.0/0"),), True),
        ("0.0.0.0:110", (*PRIVATE_NETWORKS, IPv4Network("8.8.8.8/32")), True),
        ("192.168.1.1:110", (IPv6Network("::/0"),), True),
        ("systemd:pop3", (IPv4Network("8.8.8.0/24"),), True),
    ],
)
def test_who_may_reach_a_service(listen: str, allow: object, public: bool) -> None:
    one = service(listen, allow=allow)
    assert one.is_public is public
    check(Config((service(listen, allow=allow, unsafe_public=True),)))
    if public:
        line = told(one)
        assert str(one.admission.allow[-1] if one.admission.allow else "") in line
        assert "write unsafe_public = true (--unsafe-public) if you mean it" in line
    else:
        check(Config((one,)))


def test_ca_file_is_relative_to_its_file(write: Write, authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(Path(authority.ca_file).read_bytes())
    assert load(write(SERVICE + 'ca_file = "ca.pem"')).services[0].target.trust.ca_file == tmp_path / "ca.pem"


@pytest.mark.parametrize(
    ("octets", "line"),
    [
        (b"", "holds no PEM certificate"),
        (b"-----BEGIN PRIVATE KEY-----", "holds no PEM certificate"),
        (b"\x30\x82\x01\x0a", "looks like DER"),
    ],
)
def test_ca_file_without_certificate(tmp_path: Path, octets: bytes, line: str) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(octets)
    assert f'service "example": ca_file: "{path}" {line}' in told(service(ca_file=path))


def test_certificate_of_our_own_side_is_read_as_a_ca_file_is(tmp_path: Path, authority: Authority) -> None:
    good = authority.issue("localhost")
    pair: dict[str, Any] = {"tls": "offer", "tls_cert": good.cert_file, "tls_key": good.key_file}
    check(Config((service(**pair),)))
    assert "tls_key: goes with a tls_cert" in told(service(tls="offer", tls_key=good.key_file))
    assert "tls_cert: " in told(service(**pair | {"tls_cert": tmp_path / "gone"}))
    assert "holds no private key in PEM" in told(service(**pair | {"tls_key": good.cert_file}))
    assert "holds no PEM certificate" in told(service(**pair | {"tls_cert": good.key_file}))


def test_certificate_of_our_own_side_is_relative_to_its_file(
    write: Write, authority: Authority, tmp_path: Path
) -> None:
    good = authority.issue("localhost")
    (tmp_path / "cert.pem").write_bytes(good.cert_file.read_bytes() + good.key_file.read_bytes())
    (found,) = load(write(SERVICE + 'tls = "implicit"\ntls_cert = "cert.pem"\nlegacy = true\n')).services
    assert found.inside == Inside("implicit", tmp_path / "cert.pem", None, legacy=True)


def test_clients_from_everywhere_that_must_speak_tls_are_another_danger() -> None:
    public: dict[str, Any] = {"allow": (IPv4Network("203.0.113.0/24"),)}
    assert "passwords travel in plain text" in told(service("0.0.0.0:110", **public))
    assert "passwords travel in plain text" in told(service("0.0.0.0:110", **public, tls="offer"))
    assert "strangers there may try passwords" in told(service("0.0.0.0:110", **public, tls="require"))


def test_ca_file_that_is_none(tmp_path: Path) -> None:
    loop, pipe = tmp_path / "loop", tmp_path / "pipe"
    loop.symlink_to(loop)
    os.mkfifo(pipe)
    assert '/gone" does not exist; ' in told(service(ca_file=tmp_path / "gone"))
    assert told(service(ca_file=tmp_path)).endswith("is no ordinary file")
    assert told(service(ca_file=pipe)).endswith("is no ordinary file")
    assert "cannot be read: " in told(service(ca_file=loop))
    assert "cannot be read: " in told(service(ca_file=tmp_path / "\0"))


# Whatever stands in a file

keys = st.sampled_from([*KEYS, "user", "drain_timeout", "service", "colour", '"\\u0000"'])
texts = st.sampled_from(
    ["", "a", "110", "::1", "127.0.0.1:1", "a:1", "1.2", "50/1s", "0.0.0.0/0", "7:00-8:00", "\\u202e", "@"]
)
scalars = st.one_of(
    texts.map(lambda text: f'"{text}"'),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(["true", "07:00:00", "2026-03-01", "[[]]", "{ a = 1 }", "{}"]),
)
values = st.one_of(scalars, st.lists(scalars, max_size=3).map(lambda items: f"[{', '.join(items)}]"))
tables = st.dictionaries(keys, values, max_size=6).map(
    lambda table: "".join(f"{key} = {value}\n" for key, value in table.items())
)
files = st.tuples(tables, st.lists(tables, max_size=3)).map(lambda parts: "[[service]]\n".join([parts[0], *parts[1]]))


@given(st.one_of(files.map(str.encode), st.text().map(lambda text: text.encode("utf-8", "replace")), st.binary()))
@example(b"service = [[]]")
@example(b"[service]\nserver = []")
@example(b"[[service]]\nserver = []\nname = {}")
@example(b"[[service]]\n[[service.name]]\n")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(300), deadline=None)
def test_any_file_gives_a_config_or_plain_lines(write: Write, octets: bytes) -> None:
    path = write(octets)
    try:
        check(load(path))
    except ConfigError as mistake:
        lines = mistake.mistakes
    else:
        return
    assert lines
    assert all(line.startswith(f"{path}: ") and line.isprintable() for line in lines)
