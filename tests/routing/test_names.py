"""What becomes of a name."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from popover.config.routes import USES, Names
from popover.protocols.login import Login, Password, Visit
from popover.routing.names import Spoken, is_fit, queries, split, understand

VISIT = Visit(Login("said", Password(b"secret")), "pop3", "club", "192.168.1.9", "192.168.1.2", table="users")


def keys(names: Names, user: str) -> list[str]:
    return [query.key for query in queries(names, user, VISIT)]


@pytest.mark.parametrize(
    ("names", "said", "spoken"),
    [
        (Names(), "Alice@A.example", Spoken(*["Alice@A.example"] * 3)),
        (Names(lower_case=USES), "Alice@A.example", Spoken(*["alice@a.example"] * 3)),
        (Names(lower_case=("lookup",)), "Alice", Spoken("alice", "Alice", "Alice")),
        (Names(strip_domain=("login",)), "alice@b@a", Spoken("alice@b@a", "alice@b@a", "alice@b")),
        (Names(add_domain=(("", "a.example"),)), "alice", Spoken(*["alice@a.example"] * 3)),
        (Names(add_domain=(("", "a.example"),)), "alice@b", Spoken(*["alice@b"] * 3)),
        (Names(add_domain=(("192.168.1.2", "here"), ("", "else"))), "alice", Spoken(*["alice@here"] * 3)),
        (Names(add_domain=(("192.168.1.3", "there"),)), "alice", Spoken(*["alice"] * 3)),
        # Perdition's order: stripped, then added, then in lower case
        (
            Names(add_domain=(("", "NEW"),), strip_domain=("lookup",), lower_case=("lookup",)),
            "A@Old",
            Spoken("a@new", "A@Old", "A@Old"),
        ),
        (Names(delimiter="+at+", strip_domain=USES), "alice+at+a", Spoken(*["alice"] * 3)),
    ],
)
def test_rules(names: Names, said: str, spoken: Spoken) -> None:
    assert understand(names, said, "192.168.1.2") == spoken


def test_a_name_names_its_server_only_where_that_is_allowed() -> None:
    names = Names(named_servers=("mail.a.example", "*.b.example", "c.example:1995"))
    for said, user, server in [
        ("alice%mail.a.example", "alice", "mail.a.example"),
        ("alice@a%MAIL.a.example", "alice@a", "mail.a.example"),
        ("alice%one.b.example", "alice", "one.b.example"),
        ("alice%c.example:1995", "alice", "c.example:1995"),
        ("alice%b.example", "alice%b.example", None),
        ("alice%c.example", "alice%c.example", None),
        ("alice%mail.a.example:25", "alice%mail.a.example:25", None),
        ("alice%evil.example", "alice%evil.example", None),
        ("alice%evil.example%mail.a.example", "alice%evil.example", "mail.a.example"),
        ("alice%mail.a.example/x", "alice%mail.a.example/x", None),
        ("alice%", "alice%", None),
        ("%mail.a.example", "%mail.a.example", None),
    ]:
        found = understand(names, said, "")
        assert (found.login, found.server) == (user, server)
    assert understand(Names(), "alice%mail.a.example", "").server is None


def test_keys_in_their_order_each_once_and_none_that_is_empty() -> None:
    names = Names(keys=("user", "domain", "local", "{local}{delimiter}{client}", "{service}/{dialect}", "listen"))
    wanted = ["a@b", "b", "a", "a@192.168.1.9", "club/pop3", "192.168.1.2"]
    assert keys(names, "a@b") == wanted
    assert keys(names, "a") == ["a", "a@192.168.1.9", "club/pop3", "192.168.1.2"]


def test_a_password_is_in_no_repr_of_a_query() -> None:
    [query] = queries(Names(), "alice", VISIT)
    assert "canary" not in repr(replace(query, password=b"canary"))


@pytest.mark.parametrize("name", ["", "a\r\nb", "a\0", "a\x7f", "a" * 513])
def test_what_no_table_is_asked_for(name: str) -> None:
    assert not is_fit(name)
    assert is_fit("a" * 512)


@given(st.text(max_size=20), st.text(min_size=1, max_size=3))
def test_no_part_of_a_name_is_lost_or_made_up(user: str, delimiter: str) -> None:
    names = Names(delimiter)
    local, domain = split(names, user)
    assert user in {local, local + delimiter + domain}
    assert understand(names, user, "") == Spoken(user, user, user)
