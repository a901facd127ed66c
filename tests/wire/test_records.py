"""Records are found in what a peer says, wherever it is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing import pieces
from popover.wire.records import FEW, HEAD, PIECE, Records, is_plain

RECORD = st.builds(lambda kind, body: bytes([kind, 3, 3]) + len(body).to_bytes(2, "big") + body,
                   st.integers(20, 24), st.binary(max_size=40))  # fmt: skip


class Heard:
    """A sink that remembers its pieces."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.is_over = False

    def write(self, data: bytes | memoryview, /) -> int:
        self.pieces.append(bytes(data))
        return len(data)

    def write_eof(self) -> None:
        self.is_over = True


def say(records: Records, sealed: bytes | None) -> None:
    """As an engine does it: piece by piece, and what is less than a head waits."""
    data, at = records.gather(sealed), 0
    while True:
        at = records.feed(data, at, sealed)
        if at + HEAD > len(data):
            break
    records.rest = bytes(data[at:])


@given(said=st.lists(RECORD, max_size=3 * FEW), data=st.data())
def test_all_is_handed_on_in_its_order_however_it_is_cut(said: list[bytes], data: st.DataObject) -> None:
    whole, heard = b"".join(said), Heard()
    records = Records(heard)
    for piece in data.draw(pieces(whole)):
        say(records, piece)
    assert b"".join(heard.pieces) + records.rest == whole
    assert len(records.rest) < HEAD
    say(records, None)
    assert b"".join(heard.pieces) == whole
    assert heard.is_over


@given(said=st.lists(RECORD, min_size=1, max_size=3 * FEW))
def test_pieces_end_where_a_record_does(said: list[bytes]) -> None:
    ends, heard = {len(b"".join(said[:upto])) for upto in range(len(said) + 1)}, Heard()
    say(Records(heard), b"".join(said))
    assert {len(b"".join(heard.pieces[:upto])) for upto in range(len(heard.pieces) + 1)} <= ends
    assert len(heard.pieces) == -(-len(said) // FEW)


def test_large_records_are_handed_on_after_so_many_octets() -> None:
    record, heard = b"\x17\x03\x03" + (PIECE // 2).to_bytes(2, "big") + bytes(PIECE // 2), Heard()
    say(Records(heard), record * 5)
    assert [len(piece) for piece in heard.pieces] == [2 * len(record), 2 * len(record), len(record)]


@pytest.mark.parametrize("old", [1, HEAD, 40])
def test_a_hello_of_ssl_2_has_no_record_around_it(old: int) -> None:
    heard = Heard()
    records = Records(heard, old)
    say(records, bytes(old) + b"\x16\x03\x01\x00\x02ab")
    assert b"".join(heard.pieces) == bytes(old) + b"\x16\x03\x01\x00\x02ab"
    assert records.to_come == 0


@pytest.mark.parametrize(
    ("data", "head", "plain"),
    [
        (b"\x17\x03\x03\x00\x01a421 lost input connection\r\n", 0, True),
        (b"a421 lost input connection\r\n", 1, True),
        (b"\x17\x03\x03\x00\x01a\x15\x03\x03\x00\x02ab", 0, False),
        (b"\x17\x03\x03\x00\x01a421", 0, False),  # less than a head: nobody knows
        (b"", 0, False),
    ],
)
def test_plain_text_is_told_from_records(data: bytes, head: int, plain: bool) -> None:
    assert is_plain(data, head) is plain
