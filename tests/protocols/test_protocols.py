"""The dialects: reading a server's greeting, and the one line a client is told when it cannot be served."""

import re
from itertools import chain

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hearing import UNTIMED, every_cut, hear, pieces
from popover.errors import ServerFailure
from popover.protocols import DIALECTS, Greeting, printable, sentence
from popover.protocols.greeting import GREETING_LIMIT
from popover.talk import End

NAME = "mail.example.com"
EVERY_DIALECT = pytest.mark.parametrize("dialect", [*DIALECTS])
PREFIXES = {
    "pop3": b"-ERR [SYS/TEMP] ",
    "imap": b"* BYE [UNAVAILABLE] ",
    "smtp": b"421 4.3.2 ",
    "sieve": b"BYE (TRYLATER) ",
}

WELCOMES = {
    "pop3": [b"+OK ready\r\n", b"+OK\r\n", b"+OK\n", b"+OK <1.2@x> \xe9\r\n", b"+OK error in the words\r\n"],
    "imap": [b"* OK [CAPABILITY IMAP4rev1] ready\r\n", b"* ok hi\n", b"* PREAUTH hi\r\n", b"* Preauth\r\n"],
    "smtp": [
        b"220 hi\r\n",
        b"220\r\n",
        b"220 \n",
        b"220-one\r\n220-\r\n220 three\r\n",
        b"220-a\n220 b\n",
        b"250 hi\r\n",
    ],
    "sieve": [b'OK "hi"\r\n', b"ok\r\n", b'"SASL" "PLAIN"\r\nOK\n', b'"X" {2}\r\nhi\r\nOK (TAG "x") "hi"\r\n'],
}
REFUSALS = {
    "pop3": [
        (b"-ERR [IN-USE] locked\r\n", b"-ERR [IN-USE] locked\r\n"),
        (b"-ERR\n", b"-ERR \r\n"),
        (b"-ERR \x1b[2J\xffERROR\r\n", b"-ERR ?[2J?fault\r\n"),
    ],
    "imap": [
        (b"* BYE overloaded\r\n", b"* BYE overloaded\r\n"),
        (b"* bye\tInternal Error\n", b"* BYE Internal fault\r\n"),
    ],
    "smtp": [
        (b"421 4.7.0 try later\r\n", b"421 4.7.0 try later\r\n"),
        (b"554-No SMTP\r\n554 service here\r\n", b"554 service here\r\n"),
        (b"554\n", b"554 \r\n"),
        (b"450 an ErRoR\r\n", b"450 an fault\r\n"),
    ],
    "sieve": [
        (b'BYE "too many"\r\n', b'BYE (TRYLATER) "too many"\r\n'),
        (b'NO (TRYLATER) "an Error"\n', b'BYE (TRYLATER) "an fault"\r\n'),
    ],
}
STRANGERS = [
    b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.2p1\r\n",
    b"\x15\x03\x01\x00\x02\x02\x46\n",
    bytes(range(256)),
    b"\r\n",
    b"\n",
    b"+OKAY"[:2] + b"\r\n",
    b"* NO\r\n",
    b"22\r\n",
    b"2200\r\n",
    b"22x hi\r\n",
    b"220_hi\r\n",
    b"354 go\r\n",
    b"\xb2\xb2\xb0 hi\r\n",  # digits only to those who decode first
    b"220-hi\r\nnope\r\n",
]
GREETED = {dialect: [(words, words) for words in those] for dialect, those in WELCOMES.items()}


def listen(dialect: str, come: list[bytes]) -> tuple[Greeting, End]:
    server = End(NAME)
    return hear(DIALECTS[dialect].open_up(server), server, come), server


def fits_any_client(line: bytes) -> bool:
    """One line of printable ASCII that any client bears: 512 octets, and not the word Apple Mail stumbles over."""
    text = line.decode("ascii")
    return (
        text.endswith("\r\n")
        and text[:-2].isprintable()
        and len(line) <= 512
        and not re.search("error", text, re.IGNORECASE)
    )


@pytest.mark.parametrize(("dialect", "words"), [(d, words) for d, those in WELCOMES.items() for words in those])
def test_welcome_cut_at_every_place_is_passed_on_as_it_is(dialect: str, words: bytes) -> None:
    for come in every_cut(words):
        greeting, server = listen(dialect, come)
        assert greeting == Greeting(words, welcome=True)
        assert not server.inbox
        assert not server.ended


@pytest.mark.parametrize(
    ("dialect", "words", "passed"), [(d, *pair) for d, those in REFUSALS.items() for pair in those]
)
def test_refusal_cut_at_every_place_becomes_one_line(dialect: str, words: bytes, passed: bytes) -> None:
    for come in every_cut(words):
        assert listen(dialect, come)[0] == Greeting(passed, welcome=False)
    assert fits_any_client(passed)


@pytest.mark.parametrize(("dialect", "words"), [(d, words) for d, those in WELCOMES.items() for words in those])
def test_what_follows_the_greeting_is_kept_for_the_client(dialect: str, words: bytes) -> None:
    greeting, server = listen(dialect, [words + b"more\r\nand mo"])
    assert greeting.words == words
    assert bytes(server.inbox) == b"more\r\nand mo"


@EVERY_DIALECT
@pytest.mark.parametrize("words", STRANGERS, ids=repr)
def test_stranger_is_named_by_its_first_octets(dialect: str, words: bytes) -> None:
    for come in every_cut(words):
        with pytest.raises(ServerFailure) as caught:
            listen(dialect, come)
        said = caught.value
        assert said.cause.startswith(NAME)
        assert said.cause.isprintable()
        assert said.remedy.isprintable()
    if words.startswith(b"220-"):
        assert "speaks SMTP on that port" in said.cause or "is the port right?" in said.remedy
    else:
        assert "does not greet as a mail server does" in said.cause
        assert "is the port right?" in said.remedy


@pytest.mark.parametrize(
    ("asked", "words"),
    [(a, words) for a in DIALECTS for d, those in WELCOMES.items() if a != d for words in those],
)
def test_another_dialect_is_a_stranger_that_is_named(asked: str, words: bytes) -> None:
    with pytest.raises(ServerFailure, match=r"speaks|does not greet as a mail server does") as caught:
        listen(asked, [words])
    for other, begins in (("pop3", b"+OK"), ("imap", b"* OK"), ("smtp", b"220")):
        if words.startswith(begins):
            assert f"speaks {other.upper()} on that port" in caught.value.cause
            assert f"write {other}s://" in caught.value.remedy


@EVERY_DIALECT
def test_greeting_may_be_as_long_as_the_limit(dialect: str) -> None:
    head = WELCOMES[dialect][0][:-2]
    longest = head.ljust(GREETING_LIMIT - 2, b"x") + b"\r\n"
    assert listen(dialect, [longest])[0] == Greeting(longest, welcome=True)
    for come in ([b"x".join([head, longest[len(head) :]])], [head, b"x" * GREETING_LIMIT]):
        with pytest.raises(ServerFailure, match="a line of more than 8,192 octets"):
            listen(dialect, come)


def test_smtp_greeting_of_many_lines_has_the_same_limit() -> None:
    line = b"220-" + b"x" * 94 + b"\r\n"
    with pytest.raises(ServerFailure, match="more than"):
        listen("smtp", [line] * (GREETING_LIMIT // len(line) + 1))


@EVERY_DIALECT
def test_end_before_the_greeting_and_inside_it_are_told_apart(dialect: str) -> None:
    with pytest.raises(ServerFailure, match=f"^{NAME} closed the connection before its greeting$"):
        listen(dialect, [])
    for words, _ in chain(GREETED[dialect], REFUSALS[dialect]):
        for size in range(1, words.index(b"\n")):
            with pytest.raises(ServerFailure, match="closed the connection in the middle of a line"):
                listen(dialect, [words[:size]])


def test_end_between_the_lines_of_a_greeting() -> None:
    with pytest.raises(ServerFailure, match="closed the connection before"):
        listen("smtp", [b"220-one\r\n"])


GREETING_LIKE = st.lists(
    st.sampled_from(
        [b"+OK", b"-ERR", b"* ", b"OK", b"BYE", b"220", b"554", b"-", b" ", b"\r", b"\n", b"\r\n", b"error"]
    )
    | st.binary(max_size=5),
    max_size=12,
).map(b"".join)


@EVERY_DIALECT
@UNTIMED
@given(st.data(), GREETING_LIKE | st.binary(max_size=600))
def test_whatever_comes_is_a_greeting_or_a_failure_in_words(dialect: str, data: st.DataObject, raw: bytes) -> None:
    come = data.draw(pieces(raw))
    failure = None
    try:
        greeting, server = listen(dialect, come)
    except ServerFailure as caught:
        failure = caught
    if failure is not None:
        assert failure.cause.isprintable()
        assert failure.remedy.isprintable()
        assert fits_any_client(DIALECTS[dialect].farewell(failure.cause))
        return
    if greeting.welcome:
        assert raw.startswith(greeting.words)
    else:
        assert fits_any_client(greeting.words)
    assert raw.endswith(bytes(server.inbox)) or not server.ended


TEXTS = st.lists(
    st.sampled_from(
        ["err", "or", "Error", "ERROR", "\N{LATIN SMALL LETTER LONG S}", "\r\n", "\0", "\x1b[2J", "\x85", " "]
    )
    | st.text(max_size=200),
    max_size=12,
).map("".join)


@EVERY_DIALECT
@UNTIMED
@given(TEXTS)
@example("x" * 396 + "error")
@example("error" * 200)
@example("ererrorror")
@example("or")
def test_farewell_is_one_line_that_any_client_bears(dialect: str, cause: str) -> None:
    line = DIALECTS[dialect].farewell(cause)
    assert fits_any_client(line)
    assert line.startswith(PREFIXES[dialect])


def test_sentence_keeps_plain_words_and_tells_what_it_left_out() -> None:
    plain = "the certificate of mail.example.com ran out on 2026-03-01"
    assert sentence(plain) == plain
    assert sentence("two  spaces\tand\r\nlines") == "two spaces and lines"
    assert sentence("x" * 400) == "x" * 400
    assert sentence("x" * 401) == "x" * 397 + "..."
    assert sentence("\u0645\u202e") == "??"


@UNTIMED
@given(st.binary(max_size=200), st.integers(0, 100))
def test_printable_shows_the_first_octets_and_nothing_else(raw: bytes, limit: int) -> None:
    shown = printable(raw, limit)
    assert shown.isascii()
    assert shown == "" or shown.isprintable()
    whole = shown.encode().decode("unicode_escape").encode("latin-1")
    assert whole == raw[:limit].rstrip(b"\r\n")


def test_only_registered_names_are_offered_by_alpn() -> None:
    registered = {"pop3": "pop3", "imap": "imap", "smtp": None, "sieve": "managesieve"}
    assert {name: DIALECTS[name].ALPN for name in DIALECTS} == registered
