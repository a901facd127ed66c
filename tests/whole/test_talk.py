"""Reading a line, whatever pieces it comes in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing import UNTIMED, every_cut, hear, pieces
from popover.talk import Broken, End, More, read_line

LIMIT = 64


def end(*, inbox: bytes = b"", ended: bool = False) -> End:
    made = End("mail.example.com")
    made.inbox += inbox
    made.ended = ended
    return made


@UNTIMED
@given(st.data(), st.binary(max_size=LIMIT - 1), st.binary(max_size=40))
def test_line_is_taken_whole_and_nothing_after_it(data: st.DataObject, words: bytes, rest: bytes) -> None:
    line = words.replace(b"\n", b" ") + b"\n"
    server = end()
    come = iter(data.draw(pieces(line + rest)))
    assert hear(read_line(server, LIMIT), server, come) == line
    assert bytes(server.inbox) + b"".join(come) == rest


@pytest.mark.parametrize("line", [b"+OK ready\r\n", b"+OK ready\n", b"\r\n", b"\n", b"a\rb\r\r\n", b"\0\xff\n"])
def test_line_cut_at_every_place(line: bytes) -> None:
    for come in every_cut(line):
        server = end()
        assert hear(read_line(server, LIMIT), server, come) == line
        assert not server.inbox
        assert not server.ended


def test_lines_that_came_together_are_given_one_by_one() -> None:
    server = end(inbox=b"one\r\ntwo\nthree", ended=True)
    assert hear(read_line(server, LIMIT), server) == b"one\r\n"
    assert hear(read_line(server, LIMIT), server) == b"two\n"
    with pytest.raises(Broken, match=r"^closed the connection in the middle of a line$"):
        hear(read_line(server, LIMIT), server)


def test_nothing_is_waited_for_while_a_line_is_there() -> None:
    server = end(inbox=b"one\r\n")
    with pytest.raises(StopIteration):
        next(read_line(server, LIMIT))


def test_the_limit_counts_the_line_end() -> None:
    longest = b"x" * (LIMIT - 2) + b"\r\n"
    for come in every_cut(longest):
        server = end()
        assert hear(read_line(server, LIMIT), server, come) == longest
    for come in every_cut(b"x" + longest):
        server = end()
        with pytest.raises(Broken, match="more than 64 octets"):
            hear(read_line(server, LIMIT), server, come)


@UNTIMED
@given(st.integers(1, 2 * LIMIT), st.integers(1, LIMIT))
def test_no_more_than_the_limit_is_collected(size: int, limit: int) -> None:
    """A line without an end is given up as soon as it cannot be one any more, not at the connection's end."""
    server = end()
    come = iter([b"x"] * size)
    try:
        hear(read_line(server, limit), server, come)
    except Broken as broken:
        assert broken.what == (  # noqa: PT017 - both ends of the range are told apart
            f"sent a line of more than {limit} octets"
            if size >= limit
            else "closed the connection in the middle of a line"
        )
    assert len(server.inbox) == min(size, limit)
    assert server.ended == (size < limit)


def test_the_end_before_any_octet_is_told_apart() -> None:
    server = end()
    with pytest.raises(Broken, match=r"^closed the connection$"):
        hear(read_line(server, LIMIT), server)


def test_bare_cr_ends_no_line() -> None:
    server = end()
    with pytest.raises(Broken, match="middle of a line"):
        hear(read_line(server, LIMIT), server, [b"+OK\r", b"more\r"])


def test_each_end_has_its_own_wants() -> None:
    one, other = end(), end()
    assert next(read_line(one, LIMIT)) == More(one)
    assert next(read_line(one, LIMIT)) != More(other)
