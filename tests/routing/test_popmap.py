"""Perdition's files, unchanged."""

import asyncio
import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from popover.config.routes import Popmap
from popover.errors import ConfigError
from popover.routing import popmap
from popover.routing.answers import Answer, Entry, Missing, Query
from popover.routing.popmap import PopmapTable
from popover.routing.posix import compile_posix
from popover.routing.vanessa import logical_lines

POPMAP = """\
horms:localhost
tymm:localhost:110
jain:jane@foo.bar
a list of two:one.example,two.example:995
# not a user:localhost
no colon here

horms:second.example
"""

# The example of perditiondb(5), and what its own comments say.
REGEX = r"""
# popmap.re
^[a-k]: localhost
^user: user2@localhost   # a comment
^l.*z localhost:110
(.*)@(.*): $1_$2@localhost
'^with blank': blank.example
^cont\
inued$: continued.\
example
\#hash: "hash.example"
at\\.dot$: @dot.example
"""


def read(tmp_path: Path, text: str | bytes, name: str = "popmap", delimiter: str = "@") -> PopmapTable:
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    table = PopmapTable(Popmap(file, regex=name.endswith(".re")), delimiter)
    table.load()
    return table


def find(table: PopmapTable, key: str) -> Answer:
    return asyncio.run(table.find(Query(key, key, key, "", "127.0.0.1", "", "club", "pop3")))


def mistakes(tmp_path: Path, text: str | bytes, name: str = "popmap") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text, name)
    return [line.removeprefix(f"{tmp_path / name}: ") for line in caught.value.mistakes]


@pytest.mark.parametrize(
    ("name", "servers", "user", "line"),
    [
        ("horms", ("localhost",), None, 1),
        ("tymm", ("localhost:110",), None, 2),
        ("jain", ("foo.bar",), "jane", 3),
        ("a list of two", ("one.example", "two.example:995"), None, 4),
    ],
)
def test_a_popmap(tmp_path: Path, name: str, servers: tuple[str, ...], user: str | None, line: int) -> None:
    found = find(read(tmp_path, POPMAP), name)
    assert found == Entry(servers, user, where=f"{tmp_path / 'popmap'}: line {line}")


@pytest.mark.parametrize("name", ["HORMS", "horm", "hormss", "# not a user", "no colon here", ""])
def test_who_is_not_in_a_popmap(tmp_path: Path, name: str) -> None:
    assert find(read(tmp_path, POPMAP), name) == Missing(str(tmp_path / "popmap"))


@pytest.mark.parametrize(
    ("name", "servers", "user"),
    [
        ("alice", ("localhost",), None),  # no implied $, as perditiondb(5) says
        ("user", ("localhost",), "user2"),
        ("lz", ("localhost:110",), None),  # the colon may be left out
        ("user@x.y.z.de", ("localhost",), "user2"),  # the first that matches
        ("zed@x.y.z.de", ("localhost",), "zed_x.y.z.de"),
        ("with blanks", ("blank.example",), None),
        ("continued", ("localhost",), None),  # ^[a-k] comes first
        ("no#hash", ("nohash.example",), None),  # what stands before the match stays: Perdition does so
        ("uat.dot", ("dot.example",), "u"),
    ],
)
def test_a_popmap_of_regular_expressions(tmp_path: Path, name: str, servers: tuple[str, ...], user: str | None) -> None:
    found = find(read(tmp_path, REGEX, "popmap.re"), name)
    assert isinstance(found, Entry)
    assert (found.servers, found.user) == (servers, user)


def test_a_line_that_goes_on_is_one_line() -> None:
    assert (8, ["^continued$:", "continued.example"]) in list(logical_lines(REGEX))


def test_the_delimiter_of_the_table_is_that_of_its_entries(tmp_path: Path) -> None:
    found = find(read(tmp_path, "a:b@c%mail.example\n", delimiter="%"), "a")
    assert isinstance(found, Entry)
    assert (found.servers, found.user) == (("mail.example",), "b@c")


def test_names_are_octets(tmp_path: Path) -> None:
    table = read(tmp_path, b"j\xf6rg:mail.example\n")
    assert isinstance(find(table, b"j\xf6rg".decode(errors="surrogateescape")), Entry)


def test_all_that_is_wrong_in_a_popmap_is_told_at_once(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "a:mail.example\nb:pop3://mail.example\nc:user@\n") == [
        (
            "line 2: pop3:// would send passwords in plain text to the server: write pop3s://, or pop3+starttls:// for "
            "a server that has TLS only after STARTTLS"
        ),
        'line 3: "user@" names no server: write [user@]host[:port]',
    ]
    assert mistakes(tmp_path, "(a: x\n[b: x\n(?:c): x\n[[:beta:]]: x\n", "popmap.re") == [
        'line 1: "(a" is no regular expression: missing ), unterminated subpattern',
        'line 2: "[b" is no regular expression: "[b" has no ] at its end',
        'line 3: "(?:c)" is no POSIX regular expression: (? is Perl\'s',
        'line 4: "[[:beta:]]" is no regular expression: there is no [:beta:]',
    ]


def test_a_file_that_is_all_wrong_is_not_told_line_by_line(tmp_path: Path) -> None:
    told = mistakes(tmp_path, "a:b c\n" * 100)
    assert len(told) == 21
    assert told[-1] == "and 80 more"


@pytest.mark.parametrize(("name", "text"), [("popmap.gdbm.db", b"x"), ("popmap.bdb.db", b"x"), ("popmap", b"\x13\0W")])
def test_the_databases_of_perdition_are_not_needed(tmp_path: Path, name: str, text: bytes) -> None:
    told = mistakes(tmp_path, text, name)
    assert told == ["is a database; name the popmap that it was made of, no database is needed"]


def test_what_is_no_ordinary_file_is_no_popmap(tmp_path: Path) -> None:
    """A pipe that nobody writes to would be waited for, and /dev/zero has no end."""
    os.mkfifo(tmp_path / "pipe")
    for file in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(ConfigError, match="is no ordinary file"):
            PopmapTable(Popmap(file), "@").load()


def test_a_popmap_that_is_too_large_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(popmap, "FILE_LIMIT", 30)
    (tmp_path / "popmap").write_text("alice:mail.example.com\n" * 2)
    with pytest.raises(ConfigError, match="more than 30 bytes: this is no popmap"):
        PopmapTable(Popmap(tmp_path / "popmap"), "@").load()


def test_a_popmap_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        PopmapTable(Popmap(tmp_path / "popmap"), "@").load()


@pytest.mark.parametrize(
    ("posix", "good", "bad"),
    [
        ("^[[:alpha:]_]+$", "ab_C", "a1"),
        (r"^[\.]$", "\\", "a"),  # a backslash within brackets is itself
        ("^[]a]$", "]", "["),
        ("^[^]a]$", "b", "]"),
        (r"^a\.b$", "a.b", "axb"),
        (r"^\d$", "d", "1"),  # Perl's classes are no POSIX
        ("^a{2}$", "aa", "a"),
        ("^a{$", "a{", "a"),
        ("^(ab|c)+$", "abcab", "aab"),
    ],
)
def test_regular_expressions_are_those_of_posix(posix: str, good: str, bad: str) -> None:
    assert compile_posix(posix).search(good)
    assert not compile_posix(posix).search(bad)


@given(st.text(max_size=40))
def test_no_text_is_more_than_a_mistake(text: str) -> None:
    with contextlib.suppress(ConfigError):
        compile_posix(text).search("alice@a.example")
    for number, words in logical_lines(text):
        assert number > 0
        assert words
