"""One answer of a web server, its octets arriving in any pieces."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from popover.setup.web import Answer, get
from popover.talk import Broken, End

LIMIT = 1000
BODY = b"<clientConfig/>\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def answer(octets: bytes, *pieces: int, limit: int = LIMIT) -> Answer:
    """What is made of an answer that comes in pieces which end at these places, and then ends."""
    end = End("web")
    talk = get(end, "example.com", "/x", limit)
    edges = [0, *sorted(pieces), len(octets)]
    rest = [octets[a:b] for a, b in itertools.pairwise(edges)]
    try:
        next(talk)
        while True:
            if rest:
                end.inbox += rest.pop(0)
            else:
                assert not end.ended, "asks for more after the end"
                end.ended = True
            talk.send(None)
    except StopIteration as done:
        given_back: Answer = done.value
        return given_back


WHOLE = {
    "with a length": b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY),
    "to the end": b"HTTP/1.0 200 OK\r\n\r\n" + BODY,
    "in chunks": CHUNKED + b"4;x=y\r\n" + BODY[:4] + b"\r\n%x\r\n" % (len(BODY) - 4) + BODY[4:] + b"\r\n0\r\n\r\n",
    "with bare LF": b"HTTP/1.1 200\nContent-Length: %d\n\n%b" % (len(BODY), BODY),
    "after a 103": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n" + BODY,
}


@pytest.mark.parametrize("octets", WHOLE.values(), ids=WHOLE)
def test_an_answer_is_taken_wherever_it_is_cut(octets: bytes) -> None:
    expected = Answer(200, "", BODY)
    for at in range(len(octets) + 1):
        assert answer(octets, at) == expected
    assert answer(octets, *range(1, len(octets))) == expected


def test_the_question_names_the_host_and_nobody() -> None:
    end = End("web")
    next(get(end, "autoconfig.example.com", "/mail/config-v1.1.xml", LIMIT))
    asked = bytes(end.outbox).decode()
    assert asked.startswith("GET /mail/config-v1.1.xml HTTP/1.1\r\nHost: autoconfig.example.com\r\n")
    assert "@" not in asked
    assert "Cookie" not in asked


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_told(status: int) -> None:
    octets = b"HTTP/1.1 %d There\r\nLocation:  https://example.net/x \r\nContent-Length: 5\r\n\r\nthere" % status
    assert answer(octets) == Answer(status, "https://example.net/x", b"")


def test_what_is_not_there_is_told() -> None:
    assert answer(b"HTTP/1.1 404 Not Found\r\nContent-Length: 99999999\r\n\r\n").status == 404


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"+OK POP3 ready\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nabc",
        CHUNKED + b"zz\r\n",
        CHUNKED + b"-1\r\n",
        CHUNKED + b"4\r\nabcdef\r\n0\r\n\r\n",
        CHUNKED + b"4\r\nab",
        b"x" * 100_000,
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 1000,
        b"HTTP/1.1 200 OK\r\na: " + b"b" * 100_000,
        b"HTTP/1.1 100 Wait\r\n\r\n",
    ],
)
def test_what_is_no_whole_answer_is_broken(octets: bytes) -> None:
    with pytest.raises(Broken):
        answer(octets)


@pytest.mark.parametrize(
    "octets",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (LIMIT + 1),
        CHUNKED + b"%x\r\n" % (LIMIT + 1),
        CHUNKED + b"ffffffff\r\n",
        CHUNKED + (b"64\r\n" + b"x" * 100 + b"\r\n") * 11,
    ],
)
def test_no_more_than_the_limit_is_taken(octets: bytes) -> None:
    with pytest.raises(Broken, match="more than 1,000 octets"):
        answer(octets)


def test_what_has_no_end_is_not_waited_for() -> None:
    end = End("web")
    talk = get(end, "example.com", "/x", LIMIT)
    next(talk)
    end.inbox += b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (LIMIT + 1)
    with pytest.raises(Broken, match="more than 1,000 octets"):
        talk.send(None)


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5))
def test_any_octets_come_to_an_end(octets: bytes, cuts: list[int]) -> None:
    for head in (b"", b"HTTP/1.1 200 OK\r\n", CHUNKED):
        try:
            answer(head + octets, *(min(cut, len(head + octets)) for cut in cuts))
        except Broken as broken:
            assert broken.what  # noqa: PT017
