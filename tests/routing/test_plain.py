"""Who is told secrets in plain text is told of."""

import pytest

from popover.config.accounts import SecretSource
from popover.config.routes import HTTP, LDAP, SQL, Source, Static, Table
from popover.routing.plain import told_in_plain

SECRET = SecretSource("file", "bind")


def directory(*urls: str, bind: str | None = "cn=popover", starttls: bool = False) -> LDAP:
    return LDAP(urls, "dc=example", "(uid={user})", ("mailHost",), bind, SECRET, starttls)


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        (HTTP("http://192.168.1.9:9000/auth"),
         ["192.168.1.9 is told each user's password in plain text; write https://"]),
        (HTTP("http://auth.example/"), ["auth.example is told each user's password in plain text; write https://"]),
        (HTTP("https://auth.example/"), []),
        (HTTP("http://localhost/"), []),
        (HTTP("http://127.0.0.2:9000/"), []),
        (HTTP("http://[::1]/"), []),
        (directory("ldap://a.example", "ldaps://b.example", "ldap://c.example"),
         ["a.example is told the password of bind in plain text; write ldaps://, or starttls = true",
          "c.example is told the password of bind in plain text; write ldaps://, or starttls = true"]),
        (directory("ldap://a.example", starttls=True), []),
        (directory("ldap://a.example", bind=None), []),
        (directory("ldapi:///run/slapd/ldapi"), []),
        (Static(()), []),
        (SQL("sqlite:///x", "select 1"), []),
    ],
)  # fmt: skip
def test_who_is_told_a_secret_in_plain_text(source: Source, lines: list[str]) -> None:
    assert told_in_plain(Table("users", source)) == [f'table "users": {line}' for line in lines]
    place = 'club.toml: table "users"'
    assert told_in_plain(Table("users", source, place=place)) == [f"{place}: {line}" for line in lines]
