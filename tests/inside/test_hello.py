"""A client's first octets, cut at every place: what they are, and what they ask for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.hellos import V12, V13, hello, in_records, old_hello
from hearing import UNTIMED
from popover.inside.hello import HELLO_LIMIT, Hello, NoTLSError, read_hello


@pytest.mark.parametrize(
    ("first", "wanted"),
    [
        (hello(), Hello(0x304)),
        (hello(V12), Hello(0x303)),
        (hello(V13, ("pop3",)), Hello(0x304, (b"pop3",))),
        (hello(V12, ("h2", "http/1.1")), Hello(0x303, (b"h2", b"http/1.1"))),
        (in_records(hello(V13, ("imap",)), 50), Hello(0x304, (b"imap",))),
        (old_hello(), Hello(0x301, old_size=len(old_hello()))),
        (old_hello(0x300), Hello(0x300, old_size=len(old_hello()))),
    ],
)
def test_hello_is_read_at_every_cut(first: bytes, wanted: Hello) -> None:
    assert {read_hello(first[:size]) for size in range(len(first))} == {None}
    assert read_hello(first) == wanted
    assert read_hello(first + b"more") == wanted


@pytest.mark.parametrize(
    "first",
    [
        *(b"USER alice\r\n", b"a1 NOOP\r\n", b"EHLO x\r\n", b"GET / HTTP/1.1\r\n", b"\r\n", b"\0", b"\x15\x03\x01\0\2"),
        *(b"\x16\x02", b"\x16\x03\x01\0\0", b"\x16\x03\x01\0\5\2", b"\x80\x40\x02", b"\x80\x40\x01\x7f\x01"),
        b"\x16\x03\x01\0\4\1" + (HELLO_LIMIT + 1).to_bytes(3),
        b"\xff\xff\x01\x03\x01",
    ],
)
def test_no_hello_is_none(first: bytes) -> None:
    with pytest.raises(NoTLSError):
        read_hello(first)


def test_hello_in_records_of_one_octet_each_is_given_up() -> None:
    assert read_hello(in_records(hello(), 1)) == Hello(0x304)
    endless = in_records(bytes(5) + b"\1" + (HELLO_LIMIT - 4).to_bytes(3) + bytes(HELLO_LIMIT), 1)
    with pytest.raises(NoTLSError):
        read_hello(endless[: 2 * HELLO_LIMIT])


@UNTIMED
@given(st.binary(max_size=600), st.booleans(), st.integers(0, 300))
def test_any_octets_can_be_read(noise: bytes, like: bool, at: int) -> None:
    first = hello(V13, ("pop3",)) if like else b"\x16\x03\x01"
    try:
        found = read_hello(first[:at] + noise)
    except NoTLSError:
        return
    assert found is None or found.speaks
