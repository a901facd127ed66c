"""`[[table]]`: what is right, and what is told about the rest, all at once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from popover.config import load
from popover.config.accounts import SecretSource
from popover.config.route_words import fits, parse_named_server, parse_place
from popover.config.routes import HTTP, LDAP, SQL, Chain, Keeping, Names, Place, Popmap, Static, Table
from popover.config.trusts import read_trusts
from popover.config.values import Server, Trust
from popover.errors import ConfigError

SERVICE = '[[service]]\ntable = "users"\ndialect = "pop3"\n'

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def save(text: str) -> Path:
        path = tmp_path / "popover.toml"
        path.write_text(text)
        return path

    return save


def told(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path)
    return [line.removeprefix(f"{path}: ") for line in caught.value.mistakes]


def test_a_static_table_with_its_service(write: Write) -> None:
    text = """
        [[table]]
        name = "users"
        kind = "static"
        routes = { alice = "pop3s://mail.a.example", "*@b.example" = ["one.b.example", "two.b.example:1995"] }
    """
    config = load(write(SERVICE + text))
    [service] = config.services
    assert (service.desk.table, service.dialect, service.server.host) == ("users", "pop3", "")
    assert config.tables == (
        Table(
            "users",
            Static(
                (
                    ("alice", Place(("pop3s://mail.a.example",))),
                    ("*@b.example", Place(("one.b.example", "two.b.example:1995"))),
                )
            ),
        ),
    )


def test_a_route_may_have_the_name_to_say_there(write: Write) -> None:
    text = '[[table]]\nname = "users"\nkind = "static"\n'
    text += '[table.routes]\ncarol = { server = "a.example", user = "c@a" }\n'
    [table] = load(write(SERVICE + text)).tables
    assert table.source == Static((("carol", Place(("a.example",), "c@a")),))


def test_every_key_of_a_table(write: Write, tmp_path: Path) -> None:
    text = """
        [[table]]
        name = "users"
        kind = "popmap"
        file = "popmap.re"
        scheme = ["pop3+starttls", "imaps"]
        delimiter = "+at+"
        add_domain = { "192.0.2.1" = "a.example" }
        add_domain_for = ["login"]
        strip_domain = true
        lower_case = "lookup"
        keys = ["user", "{local}-{listen}", "domain"]
        named_servers = ["*.A.example", "b.example:1995"]
        server_delimiter = "#"
        balance = "round_robin"
        rest_for = 0
        cache_ttl = 1
        negative_ttl = 2
        stale_for = 3
        deadline = 4
        refuse_after = 5
    """
    names = Names(
        "+at+",
        (("192.0.2.1", "a.example"),),
        ("login",),
        ("lookup", "check", "login"),
        ("lookup",),
        ("user", "{local}-{listen}", "domain"),
        ("*.a.example", "b.example:1995"),
        "#",
    )
    assert load(write(SERVICE + text)).tables == (
        Table(
            "users",
            Popmap(tmp_path / "popmap.re", regex=True),
            names,
            Keeping(1, 2, 3),
            ("pop3+starttls", "imaps"),
            "round_robin",
            0,
            4,
            5,
        ),
    )


def test_the_other_kinds(write: Write, tmp_path: Path) -> None:
    text = """
        [[table]]
        name = "db"
        kind = "sql"
        url = "postgresql://popover@db/mail"
        query = "select server from users where name = :user"
        password_credential = "db"
        [[table]]
        name = "people"
        kind = "ldap"
        url = "ldaps://ldap.example"
        base = "ou=people"
        filter = "(uid={user})"
        attributes = "mailHost"
        bind = "cn=popover"
        password_file = "secret"
        [[table]]
        name = "old"
        kind = "http"
        url = "http://127.0.0.1:9000/auth"
        password_env = "AUTH_KEY"
        [[table]]
        name = "users"
        kind = "chain"
        tables = ["db", "people", "old"]
    """
    config = load(write(SERVICE + text))
    assert [table.source for table in config.tables] == [
        SQL(
            "postgresql://popover@db/mail",
            "select server from users where name = :user",
            SecretSource("credential", "db"),
        ),
        LDAP(
            ("ldaps://ldap.example",),
            "ou=people",
            "(uid={user})",
            ("mailHost",),
            "cn=popover",
            SecretSource("file", str(tmp_path / "secret")),
        ),
        HTTP("http://127.0.0.1:9000/auth", SecretSource("environment", "AUTH_KEY")),
        Chain(("db", "people", "old")),
    ]


def test_no_url_shows_its_password(write: Write) -> None:
    text = '[[table]]\nname = "users"\nkind = "sql"\nquery = "select 1"\nurl = "postgresql://popover:canary@db/mail"\n'
    assert "canary" not in repr(load(write(SERVICE + text)))
    assert "canary" not in "".join(told(write(SERVICE + text.replace("postgresql", "oracle"))))


@pytest.mark.parametrize(
    ("table", "mistakes"),
    [
        ('kind = "static"', ['name: is missing; services name it: table = "users"',
                             'routes: is missing; kind = "static" needs it']),
        ('name = "users"', ["kind: is missing; write one of static, popmap, sql, ldap, http, chain"]),
        (
            'name = "users"\nkind = "nis"',
            ['kind: must be "static", "popmap", "sql", "ldap", "http" or "chain"; is "nis"'],
        ),
        ('name = "users"\nkind = "static"\nroutes = {}\nfile = "x"', ['file: nothing for kind = "static"']),
        (
            'name = "users"\nkind = "static"\nroutes = { a = "pop3://x", b = [], c = "x@y" }\ncache_ttl = -1',
            [
                ('routes: "a": pop3:// would send passwords in plain text to the server: write pop3s://, or '
                "pop3+starttls:// for a server that has TLS only after STARTTLS"),
                'routes: "b": must name 1 to 20 servers; has 0',
                ('routes: "c": a server holds no user name or password: the mail program sends them; leave out what '
                "ends in @"),
                "cache_ttl: must be a number of seconds, 0 to 604800; is -1",
            ],
        ),
        (
            'name = "users"\nkind = "popmap"\nfile = "x"\nkeys = ["uid", "{user}{", "{nobody}"]',
            [
                f'keys: "{key}" is no key: write one of user, local, domain, delimiter, client, listen, service, '
                "dialect, or them in braces"
                for key in ("uid", "{user}{", "{nobody}")
            ],
        ),
        (
            'name = "users"\nkind = "popmap"\nfile = "x"\nscheme = ["pop3s", "pop3+starttls"]\nlower_case = "log"',
            [
                "scheme: names a dialect twice: one scheme for each",
                'lower_case: must be true, false or a list of "lookup", "check", "login"; is "log"',
            ],
        ),
        (
            'name = "users"\nkind = "sql"\nurl = "mail.db"\nquery = ""',
            [
                "query: must not be empty",
                ("url: must be a URL with sqlite://, postgresql://, postgresql+psycopg://, mysql://, mysql+pymysql://, "
                "mariadb://, mariadb+pymysql://"),
            ],
        ),
        (
            'name = "users"\nkind = "chain"\ntables = ["users", "others"]',
            ['tables: there is no table "others"', 'tables: "users" would ask itself'],
        ),
        ('name = "users"\nkind = "chain"\ntabels = []', [
            "tabels: unknown; did you mean tables?", 'tables: is missing; kind = "chain" needs it']),
    ],
)  # fmt: skip
def test_a_wrong_table(write: Write, table: str, mistakes: list[str]) -> None:
    path = write(SERVICE + "[[table]]\n" + table)
    place = 'table "users": ' if "name = " in table else "table 1: "
    found = [line for line in told(path) if line.startswith("table ")]
    assert found == [place + line for line in mistakes]


def test_a_service_names_a_table_that_there_is(write: Write) -> None:
    assert told(write(SERVICE)) == [
        'service "pop3": table: there is no table "users"; write [[table]] and name = "..."'
    ]
    other = '[[table]]\nname = "user"\nkind = "static"\nroutes = {}\n'
    assert told(write(SERVICE + other)) == ['service "pop3": table: there is no table "users"; there are "user"']


def test_two_tables_of_one_name(write: Write) -> None:
    one = '[[table]]\nname = "users"\nkind = "static"\nroutes = {}\n'
    assert told(write(SERVICE + one + one)) == ['table "users": name: another table has the same; each needs its own']


def test_a_default_server_says_the_dialect(write: Write) -> None:
    text = '[[service]]\ntable = "users"\nserver = "imaps://mail.example.com"\n'
    one = '[[table]]\nname = "users"\nkind = "static"\nroutes = {}\n'
    [service] = load(write(text + one)).services
    assert (str(service.server), service.desk.is_open) == ("imaps://mail.example.com:993", True)


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("a.example", Server("imap", "a.example", 993)),
        ("a.example:143", Server("imap", "a.example", 143)),
        ("a.example:imap2", Server("imap", "a.example", 143)),
        ("imaps://a.example", Server("imap", "a.example", 993)),
        ("imap+starttls://a.example", Server("imap", "a.example", 143, "starttls")),
        ("pop3s://a.example", None),
        ("[2001:db8::1]:99", Server("imap", "2001:db8::1", 99)),
    ],
)
def test_a_place(text: str, server: Server | None) -> None:
    assert parse_place(text, "imap") == server


def test_a_place_without_a_scheme_is_reached_as_its_table_says() -> None:
    schemes = ("pop3+starttls", "imaps")
    assert parse_place("a.example", "pop3", schemes) == Server("pop3", "a.example", 110, "starttls")
    assert parse_place("a.example:995", "pop3", schemes) == Server("pop3", "a.example", 995, "starttls")
    assert parse_place("a.example", "smtp", schemes) == Server("smtp", "a.example", 465)


PEM = "-----BEGIN CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("written", "place", "is_so"),
    [
        ("*.A.example", "mail.a.example", True),
        ("*.a.example", "a.example", False),
        ("*.a.example", "mail.a.example:1995", False),
        ("*.a.example", "mail.a.example.net", False),
        ("a.example:1995", "a.example:1995", True),
        ("a.example:995", "a.example", True),
        ("m\u00fcller.example", "xn--mller-kva.example", True),
        ("[2001:DB8::1]", "2001:db8::1", True),
        ("[2001:db8::1]", "d", False),
        ("[2001:db8::1]:1995", "[2001:db8::1]:1995", True),
    ],
)
def test_a_host_on_a_list(written: str, place: str, is_so: bool) -> None:
    assert fits(place, parse_named_server(written)) is is_so


@pytest.mark.parametrize("written", ["pop3s://a.example", "a b", "*", "", "a.example:99999", "user@a.example"])
def test_a_host_that_is_none(written: str) -> None:
    with pytest.raises(ConfigError):
        parse_named_server(written)


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("2001:DB8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("*.M\u00fcller.example", "*.xn--mller-kva.example"),
    ],
)
def test_whose_trust_it_is(written: str, host: str) -> None:
    assert read_trusts({written: {"min_tls": "1.3"}})[0][0] == host


def test_how_some_servers_of_a_table_prove_who_they_are(write: Write, tmp_path: Path) -> None:
    (tmp_path / "b.pem").write_text(PEM)
    text = '[[table]]\nname = "users"\nkind = "static"\nroutes = { alice = "mail.b.example" }\n'
    more = 'trust = { "Mail.B.example" = { ca_file = "b.pem" }, "*.hoster.example" = { min_tls = "1.3" } }\n'
    [table] = load(write(SERVICE + text + more)).tables
    assert table.trust == (
        ("mail.b.example", Trust(ca_file=tmp_path / "b.pem")),
        ("*.hoster.example", Trust(min_tls="1.3")),
    )


@pytest.mark.parametrize(
    ("trust", "wrong"),
    [
        ('"b.pem"', "trust: must be hosts and how each proves it"),
        ('{ "mail.b.example" = {} }', 'trust: "mail.b.example": write some of ca_file, min_tls, pin, certificate_name'),
        ('{ "mail.b.example:995" = { min_tls = "1.3" } }', "is no host: write it without scheme and port"),
        ('{ "pop3s://mail.b.example" = { min_tls = "1.3" } }', "is no host: write it without scheme and port"),
        ('{ "mail.b.example" = { min_tls = "1.1" } }', 'trust: "mail.b.example": min_tls'),
        ('{ "mail.b.example" = { verify = false } }', 'trust: "mail.b.example": verify: unknown'),
        ('{ "mail.b.example" = { ca_file = "none.pem" } }', "does not exist"),
    ],
)
def test_mistakes_in_how_servers_prove_who_they_are(write: Write, trust: str, wrong: str) -> None:
    text = f'[[table]]\nname = "users"\nkind = "static"\nroutes = {{ alice = "mail.b.example" }}\ntrust = {trust}\n'
    [line] = told(write(SERVICE + text))
    assert wrong in line
