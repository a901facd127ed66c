"""One `[[service]]` for several dialects."""

from collections.abc import Callable
from pathlib import Path

import pytest

from popover.config import load
from popover.config.several import apart
from popover.errors import ConfigError

TABLE = '[[table]]\nname = "users"\nkind = "static"\nroutes = { "*" = "mail.example.com" }\n'
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def save(keys: str) -> Path:
        path = tmp_path / "popover.toml"
        path.write_text(f"[[service]]\n{keys}\n{TABLE}")
        return path

    return save


def test_it_is_one_service_for_each(write: Write) -> None:
    config = load(write(
        'name = "club"\ntable = "users"\ntrace = true\ndialect = ["pop3", "imap", "smtp", "sieve"]\n'
        'listen = { pop3 = "110", imap = ["143", "[::1]:143"] }\n'
        'server = { imap = "imap+starttls://mail.example.com", smtp = "mail.example.com" }'
    ))  # fmt: skip
    assert [(one.name, one.dialect, [str(at) for at in one.listen], one.server.host) for one in config.services] == [
        ("club-pop3", "pop3", ["127.0.0.1:110"], ""),
        ("club-imap", "imap", ["127.0.0.1:143", "[::1]:143"], "mail.example.com"),
        ("club-smtp", "smtp", ["127.0.0.1:1587"], "mail.example.com"),
        ("club-sieve", "sieve", ["127.0.0.1:5190"], ""),
    ]
    assert [str(one.server) for one in config.services[1:3]] == [
        "imap+starttls://mail.example.com:143", "smtps://mail.example.com:465"]  # fmt: skip
    assert all(one.trace and one.desk.table == "users" for one in config.services)


def test_without_a_name_each_is_called_by_its_dialect(write: Write) -> None:
    services = load(write('table = "users"\ndialect = ["pop3", "imap"]')).services
    assert [one.name for one in services] == ["pop3", "imap"]


def test_own_logins_may_have_several_dialects_too(write: Write) -> None:
    services = load(write('accounts = true\ndialect = ["pop3", "smtp"]')).services
    assert [(one.dialect, one.desk.accounts) for one in services] == [("pop3", True), ("smtp", True)]


@pytest.mark.parametrize(
    ("keys", "mistakes"),
    [
        ("dialect = []", ['dialect: must not be empty; write some of "pop3", "imap", "smtp", "sieve"']),
        ('dialect = ["pop3", "nntp"]', ['dialect: must be some of "pop3", "imap", "smtp", "sieve"; has "nntp"']),
        ('dialect = ["pop3", 3]', ['dialect: must be some of "pop3", "imap", "smtp", "sieve"; has 3']),
        ('dialect = ["pop3", "pop3"]', ["dialect: names one twice"]),
        (
            'dialect = ["pop3", "imap"]\nlisten = "110"\nserver = "pop3s://a.example"',
            [
                'listen: with several dialects it is one for each; write listen = { pop3 = "...", ... }',
                'server: with several dialects it is one for each; write server = { pop3 = "...", ... }',
            ],
        ),
        (
            'dialect = ["pop3", "imap"]\nlisten = { smtp = "25" }',
            ['listen: "smtp" is none of this service\'s dialects'],
        ),
        ('dialect = "pop3"\nlisten = { pop3 = "110" }',
         ['listen: is one for each dialect; write dialect = ["pop3", "imap"], too']),
        ('dialect = ["pop3", "imap"]\ntls = "yes"\nwarm = 99',
         ['tls: must be "off", "offer", "require" or "implicit"; is "yes"',
          "warm: must be a whole number, 0 to 10; is 99"]),
        ('dialect = ["pop3", "imap"]\nserver = { imap = "pop3s://a.example" }',
         ["server: pop3s://a.example:995 speaks pop3, and dialect says imap"]),
        ('dialect = "imap"\nserver = "a.example"',
         ["server: pop3s://a.example:995 speaks pop3, and dialect says imap"]),
    ],
)  # fmt: skip
def test_a_mistake_is_told_once(write: Write, keys: str, mistakes: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(f'name = "club"\ntable = "users"\n{keys}'))
    assert [line.partition('service "club": ')[2] for line in caught.value.mistakes] == mistakes


def test_two_services_in_each_others_way_are_told_by_their_dialects(write: Write) -> None:
    with pytest.raises(ConfigError, match=r'service "club-imap": listen: 127.0.0.1:110 is taken, .*"club-pop3"'):
        load(
            write('name = "club"\ntable = "users"\ndialect = ["pop3", "imap"]\nlisten = { pop3 = "110", imap = "110" }')
        )


def test_a_service_of_one_dialect_stays_as_it_is() -> None:
    written = {"name": "x", "dialect": "pop3", "listen": "110"}
    assert apart(written) == [written]
