"""A walk through the mailbox: what it asks of a message, and how large the answer will be."""

import pytest

from popover.protocols.pop3.walk import Walk


@pytest.mark.parametrize(
    ("verb", "lines", "asked"), [(b"RETR", b"", b"RETR 7"), (b"TOP", b"0", b"TOP 7 0"), (b"TOP", b"20", b"TOP 7 20")]
)
def test_a_message_is_asked_for_in_the_clients_words(verb: bytes, lines: bytes, asked: bytes) -> None:
    assert Walk(verb, lines).command(7).line == asked + b"\r\n"


def test_of_a_large_message_a_few_lines_are_reckoned_with() -> None:
    size = 10_000_000
    assert Walk(b"RETR", b"").reckon(size) == size
    header, twenty = Walk(b"TOP", b"0").reckon(size), Walk(b"TOP", b"20").reckon(size)
    assert 0 < header < twenty < size


@pytest.mark.parametrize("lines", [b"0", b"20", b"99999"])
def test_no_answer_is_reckoned_larger_than_its_message(lines: bytes) -> None:
    assert Walk(b"TOP", lines).reckon(100) == 100


@pytest.mark.parametrize("lines", [b"", b"all", b"100000"])
def test_what_is_no_small_number_of_lines_may_be_all(lines: bytes) -> None:
    assert Walk(b"TOP", lines).reckon(10_000_000) == 10_000_000
